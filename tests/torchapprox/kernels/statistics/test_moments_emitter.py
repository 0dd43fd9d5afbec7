"""Sums by lanes are those of plain loops, to the bit, wherever the values begin."""

import numba
import numpy as np
import pytest

from torchapprox.kernels.statistics.moments_emitter import LANES, sum_squares, sum_values


@numba.njit
def compiled_values(values, start, count, lanes):
    """Run what Numba emits."""
    sum_values(values, start, count, lanes)


@numba.njit
def compiled_squares(values, start, count, mean, lanes):
    """Run what Numba emits."""
    sum_squares(values, start, count, mean, lanes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("start", [0, 1, 7])
@pytest.mark.parametrize("rows", [0, 1, 2, 9])
def test_lanes(dtype, start, rows) -> None:
    values = np.random.default_rng(rows).normal(3, 2, start + rows * LANES + 5).astype(dtype)
    sums, squares = [0.0] * LANES, [0.0] * LANES
    for i in range(rows * LANES):
        value = float(values[start + i])
        sums[i % LANES] += value
        squares[i % LANES] += (value - 3.25) * (value - 3.25)
    for of_values, of_squares in (
        (compiled_values, compiled_squares),
        (sum_values, sum_squares),
    ):
        lanes = np.full(LANES, 7.0)
        of_values(values, start, rows * LANES, lanes)
        assert lanes.tolist() == sums
        of_squares(values, start, rows * LANES, 3.25, lanes)
        assert lanes.tolist() == squares
