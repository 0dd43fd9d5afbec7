"""The range of least squared error for a histogram of values, as torch.ao searches it.

A range of L levels, each of width d, begins at a bin's lower end. If the values of a bin are spread
evenly from a to a + w and the level nearest to either end has its middle at m and n, the bin adds

    density / 3 * ((d/2)^3 - (a - m)^3 + (levels between) * 2 (d/2)^3 + (a + w - n)^3 + (d/2)^3)

to the squared error, where values beyond the range belong to its last level. A range loses bins at
either end in turn, a share of the values at a time, until its error rises. Integers are compared as
torch.ao compares them, and floats rounded as it rounds them, so that the ranges are the same.
"""

import math
from bisect import bisect_left, bisect_right
from functools import cache
from itertools import accumulate
from operator import sub
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_STEP = 1e-5
"""By which the share of the values that a range holds falls."""


def bins_of_least_error(counts: FloatArray, width: float, *, levels: int) -> tuple[int, int]:
    """Return the first and the last bin of the range.

    Args:
        counts: How many values each bin holds, float32 `(bins,)`.
        width: Width of a bin.
        levels: Levels of the quantiser.
    """
    # By PyTorch, whose sums are rounded in an order of their own.
    tensor = torch.from_numpy(counts)
    total, held = tensor.sum().item(), tensor.cumsum(0).tolist()
    below, above = _shares()

    def values(share: float) -> float:
        return float(np.float32(share * total))

    start, end = 0, len(counts) - 1
    i = j = 0  # steps at either end
    least = math.inf
    while start < end and below[i] < above[j]:
        left = min(max(bisect_left(held, values(below[i + 1])), start), end)
        right = max(min(bisect_right(held, values(above[j + 1])) - 1, end), start)
        if left - start > end - right:
            next_start, next_end, i = left, end, i + 1
        elif right < end:
            next_start, next_end, j = start, right, j + 1
        else:  # on to the step that takes a bin away
            steps = range(len(above))
            j = bisect_right(steps, -held[end], j + 2, key=lambda k: -values(above[k])) - 1
            continue
        error = squared_error(counts, width, next_start, next_end, levels=levels)
        if error > least:
            break
        start, end, least = next_start, next_end, error
    return start, end


def squared_error(counts: FloatArray, width: float, start: int, end: int, *, levels: int) -> float:
    """Return the sum of the squared errors of all values, if a range is quantised.

    Args:
        counts: As for `bins_of_least_error`.
        width: Likewise.
        start: First bin of the range.
        end: Last bin.
        levels: Levels of the quantiser.
    """
    level_width = width * (end - start + 1) / levels
    if level_width == 0:
        return 0.0
    step, half, bin_width = map(np.float32, (level_width, level_width / 2, width))
    begins = (np.arange(len(counts)) - start).astype(np.float32) * bin_width
    ends = begins + bin_width
    first = _levels_at(begins, step, levels)
    last = _levels_at(ends, step, levels)
    density = counts / bin_width
    errors: FloatArray = density * _cubes(begins - (first + np.float32(0.5)) * step, half)
    errors += (last - first - 1) * (density * _cubes(-half, half))
    errors += density * _cubes(-half, ends - (last * step + half))
    return torch.from_numpy(errors).sum().item()


def _levels_at(places: FloatArray, step: np.float32, levels: int) -> FloatArray:
    """Return the level that holds each place, the outermost one beyond the range.

    A quotient of two float32 numbers, rounded to float64, is on the side of a level where it was.
    """
    found = np.floor(places.astype(np.float64) / float(step))
    return np.clip(found, 0, levels - 1).astype(np.float32)


def _cubes(begin: Any, end: Any) -> Any:
    """Return the integral of x^2 from begin to end."""
    return (end * end * end - begin * begin * begin) / np.float32(3)


@cache
def _shares() -> tuple[list[float], list[float]]:
    """Return the shares of the values at the lower and at the upper end, after each step.

    As torch.ao's sums and differences are, each is rounded after the one before it.
    """
    steps = [_STEP] * (math.ceil(1 / _STEP) + 2)
    return list(accumulate(steps, initial=0.0)), list(accumulate(steps, sub, initial=1.0))
