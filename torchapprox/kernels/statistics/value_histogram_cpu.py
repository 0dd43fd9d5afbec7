"""Counts of floats in bins of one width.

    counts[b] = number of values x with floor((x - low) * bins / (high - low)) == b

in float32, each operation rounded, as `torch.histc` finds a bin; the greatest value counts to the
last bin. Bins are found in vectors, and then counted in four tables in turn, so that equal values,
such as the zeros of a ReLU, do not wait for each other. Values and tables stay in the first-level
cache.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.threads.blocks import blocks_cpu

_AT_ONCE = 2**10  # values whose bins are found before they are counted
_PIECE = 2**17  # values that a thread is handed, far more than there are bins to add up
_TABLES = 4


def value_histogram_cpu(
    values: NDArray[np.float32],
    low: np.float32,
    high: np.float32,
    *,
    bins: int,
    threads: int,
) -> NDArray[np.int64]:
    """Return how many values each bin holds, int64 `(bins,)`.

    Args:
        values: float32, one-dimensional, C-contiguous, in ``low``..``high``.
        low: Least value.
        high: Greatest value, above ``low``; ``bins`` times their difference fits float32.
        bins: Number of bins.
        threads: Largest number of threads to use.
    """
    pieces = -(-values.size // _PIECE)
    # A value of ``high`` itself is found one place behind the last bin.
    counts = np.zeros((pieces, bins + 1), np.int64)
    _count_pieces(values, low, high, counts, length=pieces, block=1, threads=threads)
    total: NDArray[np.int64] = counts.sum(axis=0)
    total[bins - 1] += total[bins]
    return total[:bins]


@blocks_cpu
def _count_pieces(values: Any, low: Any, high: Any, counts: Any, start: int, stop: int) -> None:
    size = counts.shape[1]
    bins, width = np.float32(size - 1), np.float32(high - low)
    places = np.empty(_AT_ONCE, np.int32)
    tables = np.empty((_TABLES, size), np.int32)
    for piece in range(start, stop):
        tables[:] = 0
        end = min(values.size, (piece + 1) * _PIECE)
        for first in range(piece * _PIECE, end, _AT_ONCE):
            count = np.uintp(min(_AT_ONCE, end - first))
            for i in range(count):
                places[i] = np.int32((values[np.uintp(first) + i] - low) * bins / width)
            for i in range(count):
                tables[i % np.uintp(_TABLES), np.uintp(places[i])] += 1
        for table in tables:
            counts[piece] += table
