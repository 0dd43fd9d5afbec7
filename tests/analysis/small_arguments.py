"""Small arguments that are right, for tests of those beside them that are refused."""

import numpy as np
import pandas as pd
import torch

from analysis import OperandStream
from multipliers import get, get_netlist

MULTIPLIER = get("mul8s_tm_k3")
NETLIST = get_netlist("mul8s_tm_k3")
X = torch.linspace(-1, 1, 12).view(4, 3)
BATCHES = [(X, torch.tensor([0, 1, 0, 1]))]
STREAM = OperandStream(np.zeros(4, np.uint8), np.ones(4, np.uint8))
POINTS = pd.DataFrame(
    {"label": ["a"], "method": ["uniform"], "relative_energy": [1.0], "validation_accuracy": [0.9]}
)
LAYERS = pd.DataFrame(
    {"layer": ["0"], "multiplier": ["m"], "mac_share": [1.0], "relative_energy": [0.5]}
)
