r"""Sums of table look-ups that saturate after every addition, on a CUDA device.

The formula is that of `saturating_cpu`. One thread computes one output: thread t of a block owns
column m, so that all threads of a warp read the same row of the table for each k and ``runs`` and
``out`` are coalesced.

Importing this module needs `numba.cuda`, as `lookup_cuda` does.
"""

from typing import Any

import numba
from numba import cuda as _cuda

cuda: Any = _cuda  # its members exist only where a driver or the simulator does

THREADS = 128
_MOST_BLOCKS_YZ = 65535


def saturating_cuda(
    table: Any, rows: Any, runs: Any, out: Any, low: int, high: int, *, stream: Any = 0
) -> None:
    """Fill ``out`` with saturating sums of look-ups, asynchronously on ``stream``.

    Args:
        table: Device array, int32 `(256, 256)`, C-contiguous; first index the code of ``rows``.
        rows: Device array, uint8 `(G, R, K)`, C-contiguous.
        runs: Device array, uint8 `(G, K, M)`, C-contiguous.
        out: Device array, int64 `(G, R, M)`, C-contiguous; overwritten.
        low: Least sum.
        high: Greatest sum.
        stream: Stream to launch on; Numba's default stream if 0.
    """
    groups, length, _ = rows.shape
    width = runs.shape[2]
    if groups == 0 or length == 0 or width == 0:
        return
    grid = (-(-width // THREADS), min(length, _MOST_BLOCKS_YZ), min(groups, _MOST_BLOCKS_YZ))
    _saturating[grid, THREADS, stream](table, rows, runs, out, low, high)


@cuda.jit
def _saturating(table, rows, runs, out, low, high):
    groups, length, depth = rows.shape
    m = cuda.blockIdx.x * THREADS + cuda.threadIdx.x
    if m < runs.shape[2]:
        # Grid-stride loops, since a grid has at most 65,535 blocks in y and z.
        for group in range(cuda.blockIdx.z, groups, cuda.gridDim.z):
            for row in range(cuda.blockIdx.y, length, cuda.gridDim.y):
                total = numba.int64(0)
                for k in range(depth):
                    total += table[rows[group, row, k], runs[group, k, m]]
                    # The simulator's limits are Python's integers, whose sum with an int32 wraps.
                    total = numba.int64(min(max(total, low), high))
                out[group, row, m] = total
