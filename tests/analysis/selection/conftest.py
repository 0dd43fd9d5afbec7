"""A network with its trace, tables of choices and what evaluates them, for tests of selection."""

import numpy as np
import pytest
import torch
from torch import nn

import torchapprox
from analysis import ChoiceTable, Evaluation, trace_batches
from multipliers import get
from torchapprox import InferenceMode

NAMES = ("mul8s_array", "mul8s_tm_k1", "mul8s_tm_k2", "mul8s_tm_k3", "mul8s_tm_k4")


def network():
    """Two convolutions, of which one has groups, and a linear layer."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2), nn.ReLU(), nn.Flatten(),
        nn.Linear(16, 3),
    )  # fmt: skip


@pytest.fixture(scope="session")
def converted():
    """The network and inputs of both signs, calibrated; tests must leave it as it is."""
    model, x = network(), torch.randn(64, 2, 6, 6)
    torchapprox.approximate(model, calibration=[x], mode=InferenceMode.QUANTIZED)
    return model, x


@pytest.fixture(scope="session")
def traces(converted):
    model, x = converted
    return trace_batches(model, [x])


@pytest.fixture
def random_table():
    """Make a table of choices in which energy falls and loss rises, up to chance."""

    def make(seed, layers, *, integers=False):
        rng = np.random.default_rng(seed)
        shape = layers, len(NAMES)
        energy, loss = rng.random(shape), 10 ** rng.uniform(-4, 1, shape)
        if integers:  # ties
            energy, loss = np.round(4 * energy) / 4, np.round(loss)
        names = tuple(f"layer{number}" for number in range(layers))
        variance = loss * rng.random((layers, 1))
        return ChoiceTable(names, tuple(map(get, NAMES)), energy, loss, variance)

    return make


@pytest.fixture
def additive():
    """Evaluate by a table's predictions themselves: accuracy 1 minus the predicted loss."""

    def make(table, budget=1.0):
        def evaluate(assignment):
            loss = table.predicted_loss(assignment)
            return Evaluation(
                1 - loss / budget, loss, 1 - loss / budget, table.relative_energy(assignment)
            )

        return evaluate

    return make
