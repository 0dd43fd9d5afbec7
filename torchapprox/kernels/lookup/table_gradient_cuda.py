r"""Gradients of table look-ups on a CUDA device.

The formula is that of `table_gradient_cpu`. A warp makes one result: its code of the own operand
selects a row of the table, 1 KB that the first-level cache keeps, and lane l adds up s = l, l + 32,
..., whose gradients and codes are neighbours in memory; the lanes' sums meet in shared memory, in
the same order at every call. Floor: one look-up in the first-level cache each step; the 32 of a
warp fall into the 8 lines of a row, so that they take 8 cycles.

Importing this module needs `numba.cuda`, as `lookup_cuda` does.
"""

from functools import cache
from typing import Any

import numba
from numba import cuda as _cuda

cuda: Any = _cuda  # its members exist only where a driver or the simulator does

WARP = 32
WARPS = 8  # of a block
_MOST_BLOCKS_YZ = 65535


def table_gradient_cuda(
    table: Any, own: Any, other: Any, grad: Any, out: Any, *, stream: Any = 0
) -> None:
    """Fill ``out`` with sums of gradients times look-ups, asynchronously on ``stream``.

    Args:
        table: Device array, float32 or float64 `(256, 256)`; first index the code of ``own``.
        own: Device array, uint8 `(G, R, K)`, C-contiguous.
        other: Device array, uint8 `(G, K, S)`, C-contiguous.
        grad: Device array of the table's type, `(G, R, S)`, C-contiguous.
        out: Likewise, `(G, R, K)`; overwritten.
        stream: Stream to launch on; Numba's default stream if 0.
    """
    groups, rows, depth = own.shape
    if own.size == 0:
        return
    grid = -(-depth // WARPS), min(rows, _MOST_BLOCKS_YZ), min(groups, _MOST_BLOCKS_YZ)
    kernel = _kernel(out.dtype.itemsize)
    kernel[grid, (WARP, WARPS), stream](table, own, other, grad, out)


@cache
def _kernel(float_bytes: int) -> Any:
    real = numba.float64 if float_bytes == 8 else numba.float32

    @cuda.jit
    def table_gradient(table, own, other, grad, out):
        lanes = cuda.shared.array((WARPS, WARP), real)
        groups, rows, depth = own.shape
        lane, warp = cuda.threadIdx.x, cuda.threadIdx.y
        k = cuda.blockIdx.x * WARPS + warp
        for group in range(cuda.blockIdx.z, groups, cuda.gridDim.z):
            for row in range(cuda.blockIdx.y, rows, cuda.gridDim.y):
                total = real(0)
                if k < depth:
                    code = own[group, row, k]
                    for s in range(lane, other.shape[2], WARP):
                        total += grad[group, row, s] * table[code, other[group, k, s]]
                lanes[warp, lane] = total
                cuda.syncthreads()
                if lane == 0 and k < depth:
                    total = real(0)
                    for i in range(WARP):
                        total += lanes[warp, i]
                    out[group, row, k] = total
                cuda.syncthreads()

    return table_gradient
