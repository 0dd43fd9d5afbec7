"""Counts of operands, beside what tracing whole models tests."""

import numpy as np
import pytest
import torch

from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.observed_codes import MatrixCodes
from torchapprox.tracing.operand_counts import MatrixCounts, WeightedCounts


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


@pytest.mark.parametrize("precision", ["highest", "high"])
@pytest.mark.parametrize("rows", [0, 5, 255, 256, 2**15])
def test_pairs_of_two_activations(rows, precision):
    """Their counts are words up to 32767 rows; beyond them, and on some CPUs, they are floats."""
    generator = torch.Generator().manual_seed(rows)
    x, w = (
        torch.randint(256, (3, count, 6), dtype=torch.uint8, generator=generator)
        for count in (rows, 7)
    )
    counts = MatrixCounts()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        for _ in range(2):
            counts.add(operands_of(x, w))
    finally:
        torch.set_float32_matmul_precision(before)
    expected = np.zeros((256, 256), np.int64)
    np.add.at(expected, (x.numpy()[:, :, None], w.numpy()[:, None]), 2)
    np.testing.assert_array_equal(counts.joint_counts, expected)
    positions = [np.bincount(x[:, :, k].reshape(-1), minlength=256) for k in range(6)]
    np.testing.assert_array_equal(counts.x_counts, 2 * np.stack(positions))
    assert counts.rows == 6 * rows


def operands_of(x, w):
    """Two activations, of ports without signs."""
    zero, one = torch.zeros(1, dtype=torch.int64), torch.ones(w.shape[:2])
    return GemmOperands(
        *(x, w, (0, 255), (0, 255), zero, one.to(torch.int64), one), fixed_weights=False
    )
