r"""Accumulators to real numbers on a CUDA device, with all zero-point terms, in one pass.

    out = float(sums - offset - x_sums * w_zero_point) * scale

in the arithmetic of `rescale_cpu`: 64-bit integers, one conversion to out's type, one product.
Offset, zero point and scale belong to an output channel, ``x_sums``, the activations' sums, to all
channels of a group at one position; without them the third term is 0.

Channels are rows of ``sums`` and ``out``, or columns of both, or rows of ``sums`` that become
columns of ``out``. The last goes through tiles in shared memory, so that both are read and written
along memory. Floor: as on the CPU, 4 or 8 bytes read and 4 written an element.

Importing this module needs `numba.cuda`, as `lookup_cuda` does.
"""

from functools import cache
from typing import Any

import numba
from numba import cuda as _cuda

cuda: Any = _cuda  # its members exist only where a driver or the simulator does

WARP = 32
THREADS = 256
MOST_BLOCKS = 4096
SIDE = 32  # of a tile
_PITCH = SIDE + 1  # one more, so that a column's elements lie in different banks
STRIPE = 8  # rows of a tile that a block reads at once
_MOST_BLOCKS_YZ = 65535


def rescale_rows_cuda(
    sums: Any,
    offset: Any,
    scale: Any,
    x_sums: Any,
    w_zero_point: Any,
    out: Any,
    *,
    stream: Any = 0,
) -> None:
    """Fill ``out``; channel c owns rows c, c + C, c + 2 C, ..., asynchronously on ``stream``.

    Args:
        sums: Device array, int32 or int64 `(R, L)`, C-contiguous.
        offset: Device array, int64 `(C,)`.
        scale: Device array of the type of ``out``, `(C,)`.
        x_sums: Device array of integers `(S, L)`, one row for each R / S rows of ``sums``;
            `(0, 0)` for zeros.
        w_zero_point: Device array, int64 `(C,)`.
        out: Device array, float32 or float64 `(R, L)`, C-contiguous; overwritten.
        stream: Stream to launch on; Numba's default stream if 0.
    """
    rows, length = sums.shape
    if rows == 0 or length == 0:
        return
    kernel = _rows_kernel(out.dtype.itemsize, x_sums.size > 0)
    grid, threads = _grid(rows, length)
    kernel[grid, threads, stream](sums, offset, scale, x_sums, w_zero_point, out)


def rescale_columns_cuda(
    sums: Any,
    offset: Any,
    scale: Any,
    x_sums: Any,
    w_zero_point: Any,
    out: Any,
    *,
    stream: Any = 0,
) -> None:
    """Fill ``out``; channel c of group g owns column c.

    Args:
        sums: Device array, int32 or int64 `(G, M, C)`, C-contiguous.
        offset: Device array, int64 `(G, C)`.
        scale: Device array of the type of ``out``, `(G, C)`.
        x_sums: Device array of integers `(G, M)`; `(0, 0)` for zeros.
        w_zero_point: Device array, int64 `(G, C)`.
        out: Device array, float32 or float64 `(G, M, C)`, C-contiguous; overwritten.
        stream: Stream to launch on; Numba's default stream if 0.
    """
    groups, height, width = sums.shape
    if sums.size == 0:
        return
    kernel = _columns_kernel(out.dtype.itemsize, x_sums.size > 0)
    (columns, rows), threads = _grid(height, width)
    grid = columns, rows, min(groups, _MOST_BLOCKS_YZ)
    kernel[grid, threads, stream](sums, offset, scale, x_sums, w_zero_point, out)


def rescale_transposed_cuda(
    sums: Any,
    offset: Any,
    scale: Any,
    x_sums: Any,
    w_zero_point: Any,
    out: Any,
    *,
    stream: Any = 0,
) -> None:
    """Fill ``out``; as `rescale_columns_cuda`, but ``sums`` is `(G, C, M)`."""
    groups, width, height = sums.shape
    if sums.size == 0:
        return
    kernel = _transposed_kernel(out.dtype.itemsize, x_sums.size > 0)
    columns, rows = -(-width // SIDE), -(-height // SIDE)
    grid = rows, min(columns, _MOST_BLOCKS_YZ), min(groups, _MOST_BLOCKS_YZ)
    kernel[grid, (SIDE, STRIPE), stream](sums, offset, scale, x_sums, w_zero_point, out)


def _grid(rows: int, length: int) -> tuple[tuple[int, int], int]:
    threads = min(THREADS, -(-length // WARP) * WARP)
    columns = min(-(-length // threads), MOST_BLOCKS)
    return (columns, min(rows, max(1, MOST_BLOCKS // columns), _MOST_BLOCKS_YZ)), threads


def _real(float_bytes: int) -> Any:
    return numba.float64 if float_bytes == 8 else numba.float32


@cache
def _rows_kernel(float_bytes: int, centre: bool) -> Any:
    real = _real(float_bytes)

    @cuda.jit
    def rescale_rows(sums, offset, scale, x_sums, w_zero_point, out):
        rows, length = sums.shape
        for row in range(cuda.blockIdx.y, rows, cuda.gridDim.y):
            channel = row % offset.size
            minus, factor = offset[channel], scale[channel]
            first = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
            for p in range(first, length, cuda.gridDim.x * cuda.blockDim.x):
                total = numba.int64(sums[row, p]) - minus
                if centre:
                    of_group = x_sums[row // (rows // x_sums.shape[0]), p]
                    total -= numba.int64(of_group) * w_zero_point[channel]
                out[row, p] = real(total) * factor

    return rescale_rows


@cache
def _columns_kernel(float_bytes: int, centre: bool) -> Any:
    real = _real(float_bytes)

    @cuda.jit
    def rescale_columns(sums, offset, scale, x_sums, w_zero_point, out):
        groups, height, width = sums.shape
        first = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        for group in range(cuda.blockIdx.z, groups, cuda.gridDim.z):
            for c in range(first, width, cuda.gridDim.x * cuda.blockDim.x):
                minus, factor = offset[group, c], scale[group, c]
                zero = w_zero_point[group, c]
                for m in range(cuda.blockIdx.y, height, cuda.gridDim.y):
                    total = numba.int64(sums[group, m, c]) - minus
                    if centre:
                        total -= numba.int64(x_sums[group, m]) * zero
                    out[group, m, c] = real(total) * factor

    return rescale_columns


@cache
def _transposed_kernel(float_bytes: int, centre: bool) -> Any:
    real = _real(float_bytes)

    @cuda.jit
    def rescale_transposed(sums, offset, scale, x_sums, w_zero_point, out):
        tile = cuda.shared.array((SIDE, _PITCH), real)
        groups, width, height = sums.shape
        first_m = cuda.blockIdx.x * SIDE
        for group in range(cuda.blockIdx.z, groups, cuda.gridDim.z):
            for first_c in range(cuda.blockIdx.y * SIDE, width, cuda.gridDim.y * SIDE):
                m = first_m + cuda.threadIdx.x
                for i in range(cuda.threadIdx.y, SIDE, STRIPE):
                    c = first_c + i
                    if c < width and m < height:
                        total = numba.int64(sums[group, c, m]) - offset[group, c]
                        if centre:
                            total -= numba.int64(x_sums[group, m]) * w_zero_point[group, c]
                        tile[i, cuda.threadIdx.x] = real(total) * scale[group, c]
                cuda.syncthreads()
                c = first_c + cuda.threadIdx.x
                for i in range(cuda.threadIdx.y, SIDE, STRIPE):
                    if c < width and first_m + i < height:
                        out[group, first_m + i, c] = tile[cuda.threadIdx.x, i]
                cuda.syncthreads()

    return rescale_transposed
