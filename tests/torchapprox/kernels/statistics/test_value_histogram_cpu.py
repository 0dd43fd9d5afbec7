"""Bins of floats against a loop over NumPy's float32 numbers, and against torch.histc."""

import numpy as np
import pytest
import torch

from tests.torchapprox.plain_python import plain_python
from torchapprox.kernels import value_histogram_cpu
from torchapprox.kernels.statistics.value_histogram_cpu import _AT_ONCE, _PIECE


def naive(values, low, high, bins):
    counts = [0] * bins
    for value in values:
        place = int((value - low) * np.float32(bins) / (high - low))
        counts[min(place, bins - 1)] += 1
    return counts


def normal(size, seed=0):
    return (np.random.default_rng(seed).standard_normal(size) * 3 + 1).astype(np.float32)


@pytest.mark.parametrize("bins", [1, 7, 2048])
@pytest.mark.parametrize("size", [2, 5, _AT_ONCE, 2 * _AT_ONCE + 3])
def test_every_value_is_in_its_bin(size, bins):
    values = normal(size)
    low, high = values.min(), values.max()
    counts = value_histogram_cpu(values, low, high, bins=bins, threads=1)
    assert counts.dtype == np.int64
    assert counts.tolist() == naive(values, low, high, bins)
    with plain_python():
        plain = value_histogram_cpu(values, low, high, bins=bins, threads=1)
    assert np.array_equal(plain, counts)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [_PIECE, 3 * _PIECE + 1])
def test_pieces_are_added_as_torch_adds_them(size, threads):
    values = np.maximum(normal(size), 0)
    # Ends beyond the values, as those of several batches are.
    low, high = np.float32(-0.25), np.float32(17.5)
    counts = value_histogram_cpu(values, low, high, bins=2048, threads=threads)
    wanted = torch.histc(torch.from_numpy(values), 2048, float(low), float(high))
    assert torch.equal(torch.from_numpy(counts).float(), wanted)


def test_no_value_gives_no_count():
    empty = np.empty(0, np.float32)
    counts = value_histogram_cpu(empty, np.float32(-1), np.float32(1), bins=4, threads=2)
    assert counts.tolist() == [0, 0, 0, 0]
