"""Codes gathered from where they stand.

out[g, places[r], k] = codes[first[r] + taps[g, k]]
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.threads.blocks import blocks_cpu, division

BLOCK = 2**14  # codes, which are read here and there


def gather_cpu(
    codes: NDArray[np.uint8],
    first: NDArray[np.int64],
    taps: NDArray[np.int64],
    places: NDArray[np.int64],
    out: NDArray[np.uint8],
    *,
    threads: int,
) -> None:
    """Fill rows of ``out``.

    Args:
        codes: uint8, one-dimensional.
        first: int64 `(R,)`.
        taps: int64 `(G, K)`.
        places: int64 `(R,)`, different numbers below S.
        out: uint8 `(G, S, K)`, C-contiguous; R rows of each group are overwritten.
        threads: Largest number of threads to use.
    """
    (groups, depth), rows = taps.shape, first.size
    blocks = division(groups * rows, depth, threads, most=BLOCK, least=BLOCK)
    _gather(codes, first, taps, np.ascontiguousarray(places), out, **blocks)


@blocks_cpu
def _gather(
    codes: Any, first: Any, taps: Any, places: Any, out: Any, start: int, stop: int
) -> None:
    # No view is made of a row, which may be short; indices are unsigned, since Numba lets negative
    # ones count from the end.
    rows, depth, of_group = first.size, np.uintp(taps.shape[1]), out.shape[1]
    steps, to = taps.reshape(-1), out.reshape(-1)
    for item in range(start, stop):
        group, row = item // rows, item % rows
        place, tap = np.uintp(first[row]), np.uintp(group) * depth
        at = np.uintp(group * of_group + places[row]) * depth
        for k in range(depth):
            to[at + k] = codes[place + np.uintp(steps[tap + k])]
