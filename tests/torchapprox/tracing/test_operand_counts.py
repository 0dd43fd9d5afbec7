"""Counts of operands, beside what tracing whole models tests."""

import numpy as np
import torch

from torchapprox.operators.observed_codes import MatrixCodes
from torchapprox.tracing.operand_counts import WeightedCounts


def test_weights_without_outputs_are_taken_before_rows_are_counted():
    """Such weights have as many bytes as none have."""
    weights = torch.zeros(1, 0, 3, dtype=torch.uint8)
    counts = WeightedCounts()
    assert not counts.has(weights)
    counts.take(weights)
    assert counts.has(weights)
    counts.add(MatrixCodes.of(torch.tensor([[[5, 6, 7], [5, 0, 7]]], dtype=torch.uint8)))
    assert counts.x_counts.shape == (3, 256)
    assert counts.x_counts[:, 5:8].tolist() == [[2, 0, 0], [0, 1, 0], [0, 0, 2]]
    assert not np.any(counts.joint_counts)


def test_weights_of_another_shape_are_others():
    counts = WeightedCounts()
    counts.take(torch.arange(6, dtype=torch.uint8).reshape(1, 2, 3))
    assert counts.has(torch.arange(6, dtype=torch.uint8).reshape(1, 2, 3))
    assert not counts.has(torch.arange(6, dtype=torch.uint8).reshape(1, 3, 2))
