"""Codes gathered from where they stand.

out[g, r, k] = codes[first[r] + taps[g, k]]
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.jit import jit_cpu
from torchapprox.kernels.threads import for_each_block

BLOCK = 2**14  # codes, which are read here and there


def gather_cpu(
    codes: NDArray[np.uint8],
    first: NDArray[np.int64],
    taps: NDArray[np.int64],
    out: NDArray[np.uint8],
    *,
    threads: int,
) -> None:
    """Fill ``out``.

    Args:
        codes: uint8, one-dimensional.
        first: int64 `(R,)`.
        taps: int64 `(G, K)`.
        out: uint8 `(G, R, K)`, C-contiguous; overwritten.
        threads: Largest number of threads to use.
    """
    groups, rows, depth = out.shape
    for_each_block(
        lambda start, stop: _gather(codes, first, taps, out, start, stop),
        groups * rows,
        max(1, BLOCK // max(1, depth)),
        threads,
    )


@jit_cpu
def _gather(codes: Any, first: Any, taps: Any, out: Any, start: int, stop: int) -> None:
    rows = first.size
    for item in range(start, stop):
        group, row = item // rows, item % rows
        place, to, steps = first[row], out[group, row], taps[group]
        for k in range(to.size):
            to[k] = codes[np.uintp(place + steps[k])]
