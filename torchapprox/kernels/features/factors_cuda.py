r"""Codes as the features of a factorised table, packed for matrix products on a CUDA device.

`pack_rows_cuda` and `pack_fields_cuda` look every code up in T tables of one operand and lay the
results out as the rows of a matrix whose memory runs along k, which is what the matrix products of
int8 operands want:

    out[g, m, t * D + k] = tables[t, code(g, m, k)],   k < K,   and 0 for K <= k < D

where code(g, m, k) is element k of row m, or what output m of a convolution sees at step k. On the
way they may add up a function of the same codes, the part of a sum that belongs to one operand:

    sums[s, g, m] = sum over k = 128 s .. 128 s + 127 of shift[code(g, m, k)]

A block stages 32 rows of 128 codes in shared memory, read along the codes' own memory (fields along
m, rows along k), and writes them along k: four int8 features to a word, so that a warp's access is
128 bytes. The tables, 256 T bytes or four or eight times that, stay in the first-level cache.

`join_products_cuda` adds the products up as integers, at their places in the result:

    out[b, g, r, p] (+)= weight * products[g, r, m] + row_terms[g, r] + column_terms[g, m]

with m counted on from ``first`` through positions p and images b.

Floor, bytes of device memory: packing reads K and writes T D bytes a row (4 or 8 times that for
floats), joining reads 4 and writes 4 or 8 bytes a result.

Overflow: features and shifts are the caller's; sums are of 64 bits.

Importing this module needs `numba.cuda`, as `lookup_cuda` does.
"""

from functools import cache
from typing import Any

import numba
import numpy as np
from numba import cuda as _cuda

from torchapprox.kernels.fields import Fields
from torchapprox.kernels.fields_cuda import field_sizes, field_start, field_step

cuda: Any = _cuda  # its members exist only where a driver or the simulator does

WARP = 32
WARPS = 8  # of a block, at most
ROWS = 32  # of a tile
SPAN = 128  # values of k in a tile
THREADS = 256
MOST_BLOCKS = 4096
_PITCH = SPAN + 4  # so that the rows of a tile start in different banks
_MOST_BLOCKS_YZ = 65535
_NO_SIZES = (np.uint32(1),) * 17


def pack_rows_cuda(
    tables: Any,
    codes: Any,
    shape: tuple[int, int, int],
    out: Any,
    *,
    first: tuple[int, int],
    size: tuple[int, int],
    shift: Any = None,
    sums: Any = None,
    stream: Any = 0,
) -> None:
    """Fill ``out`` with features of a part of some matrices, asynchronously on ``stream``.

    Args:
        tables: Device array `(T, 256)`: uint8, the bits of int8 features, or float32 or float64.
        codes: Device array, uint8 `(G * R * K,)`, C-contiguous.
        shape: G, R and K.
        out: Device array, C-contiguous: int32 `(G, at least M, T * D / 4)`, four features to a
            word, the first one in the low byte; or of the type of ``tables``, `(G, M, T * D)`. Rows
            from M on are left alone.
        first: First row and first k of the part.
        size: Rows M and values of k of the part; D is at least the latter, and a multiple of 4.
        shift: Device array, int64 `(256,)`; None where no sums are wanted.
        sums: Device array, int64 `(ceil(D / 128), G, M)`; overwritten.
        stream: Stream to launch on; Numba's default stream if 0.
    """
    _pack(False, tables, codes, _NO_SIZES, (*shape, *first, *size), out, shift, sums, stream)


def pack_fields_cuda(
    tables: Any,
    codes: Any,
    fields: Fields,
    groups: int,
    out: Any,
    *,
    first: tuple[int, int],
    size: tuple[int, int],
    shift: Any = None,
    sums: Any = None,
    stream: Any = 0,
) -> None:
    """Fill ``out`` with features of receptive fields, asynchronously on ``stream``.

    Args:
        tables: As `pack_rows_cuda` takes it.
        codes: Device array, uint8 `(B * G * C * prod(size),)`, C-contiguous.
        fields: Where the codes of each output stand; rows are (image, *position).
        groups: Number of groups, G.
        out: As `pack_rows_cuda` takes it.
        first: Likewise.
        size: Likewise.
        shift: Likewise.
        sums: Likewise.
        stream: Likewise.
    """
    places = groups, 0, 0, *first, *size
    _pack(True, tables, codes, field_sizes(fields), places, out, shift, sums, stream)


def join_products_cuda(
    products: Any,
    out: Any,
    *,
    weight: int,
    overwrite: bool,
    columns: int,
    first: int,
    group: int,
    row_terms: Any,
    column_terms: Any,
    stream: Any = 0,
) -> None:
    """Write or add products at their places in a result, asynchronously on ``stream``.

    Args:
        products: Device array, int32, float32 or float64 `(g, at least R, at least columns)`,
            integers, C-contiguous.
        out: Device array, int32 or int64 `(B, G, R, P)`, C-contiguous.
        weight: Factor of the products.
        overwrite: Whether to write and not to add.
        columns: How many columns of ``products`` count.
        first: Where the first of them stands among the B * P columns.
        group: Which of the G groups ``products`` starts with.
        row_terms: Device array, int64 `(g, R)`; of size 0 for zeros.
        column_terms: Device array, int64 `(g, columns)`; of size 0 for zeros.
        stream: Stream to launch on; Numba's default stream if 0.
    """
    groups, rows = len(products), out.shape[2]
    if groups == 0 or rows == 0 or columns == 0:
        return
    kernel = _join_kernel(out.dtype.itemsize, overwrite, row_terms.size > 0, column_terms.size > 0)
    threads = min(THREADS, -(-columns // WARP) * WARP)
    across = min(-(-columns // threads), MOST_BLOCKS)
    down = min(rows, max(1, MOST_BLOCKS // across), _MOST_BLOCKS_YZ)
    grid = across, down, min(groups, _MOST_BLOCKS_YZ)
    places = columns, first, group
    kernel[grid, threads, stream](products, out, weight, places, row_terms, column_terms)


def _pack(
    in_place: bool,
    tables: Any,
    codes: Any,
    sizes: tuple[np.uint32, ...],
    places: tuple[int, ...],
    out: Any,
    shift: Any,
    sums: Any,
    stream: Any,
) -> None:
    groups, *_, rows, depth = places
    if groups == 0 or rows == 0 or depth == 0:
        return
    packed = out.dtype == np.int32
    pitch = out.shape[2] * (4 if packed else 1) // len(tables)
    kernel = _pack_kernel(in_place, packed, shift is not None)
    if shift is None:
        shift = sums = tables  # anything that is not written
    grid = (
        -(-rows // ROWS),
        min(-(-pitch // SPAN), _MOST_BLOCKS_YZ),
        min(groups, _MOST_BLOCKS_YZ),
    )
    block = WARP, min(rows, WARPS)
    places = *places, pitch
    kernel[grid, block, stream](tables, codes, sizes, places, out, shift, sums)


@cache
def _pack_kernel(in_place: bool, packed: bool, summed: bool) -> Any:
    """Return the kernel for receptive fields or rows, int8 in words or floats, with sums or not."""

    @cuda.jit
    def pack(tables, codes, sizes, places, out, shift, sums):
        tile = cuda.shared.array((ROWS, _PITCH), numba.uint8)
        steps = cuda.shared.array(SPAN, numba.uint32)
        parts = cuda.shared.array((WARPS, WARP), numba.int64)
        groups, all_rows, all_depth, first_m, first_k, length, depth, pitch = places
        lane, warp, warps = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockDim.y
        top = cuda.blockIdx.x * ROWS
        rows = min(ROWS, length - top)
        for group in range(cuda.blockIdx.z, groups, cuda.gridDim.z):
            for left in range(cuda.blockIdx.y * SPAN, pitch, cuda.gridDim.y * SPAN):
                # What lies beyond the last row or k reads what the last one reads.
                width = min(SPAN, pitch - left)
                cuda.syncthreads()
                if in_place:
                    for i in range(warp * WARP + lane, width, warps * WARP):
                        k = first_k + min(left + i, depth - 1)
                        steps[i] = field_step(numba.uint32(k), sizes)
                    cuda.syncthreads()
                    m = first_m + top + min(numba.int64(lane), rows - 1)
                    start = field_start(numba.uint32(m), group, groups, sizes)
                    for i in range(warp, width, warps):
                        tile[lane, i] = codes[start + steps[i]]
                else:
                    for r in range(warp, rows, warps):
                        row = group * all_rows + first_m + top + r
                        start = row * all_depth + first_k
                        for i in range(lane, width, WARP):
                            tile[r, i] = codes[start + min(left + i, depth - 1)]
                cuda.syncthreads()
                for r in range(warp, rows, warps):
                    for t in range(tables.shape[0]):
                        place = t * pitch + left
                        if packed:
                            if 4 * lane < width:
                                word = numba.int64(0)
                                for i in range(4):
                                    if left + 4 * lane + i < depth:
                                        feature = numba.int64(tables[t, tile[r, 4 * lane + i]])
                                        word |= feature << (8 * i)
                                # The simulator refuses a number of more bits than the word has.
                                word = (word << 32) >> 32
                                out[group, top + r, place // 4 + lane] = word
                        else:
                            for i in range(lane, width, WARP):
                                feature = tables[t, tile[r, i]]
                                if left + i >= depth:
                                    feature -= feature
                                out[group, top + r, place + i] = feature
                if summed:
                    total = numba.int64(0)
                    for i in range(warp, width, warps):
                        if lane < rows and left + i < depth:
                            total += shift[tile[lane, i]]
                    parts[warp, lane] = total
                    cuda.syncthreads()
                    if warp == 0 and lane < rows:
                        total = numba.int64(0)
                        for i in range(warps):
                            total += parts[i, lane]
                        sums[left // SPAN, group, top + lane] = total

    return pack


@cache
def _join_kernel(sum_bytes: int, overwrite: bool, with_rows: bool, with_columns: bool) -> Any:
    narrow = sum_bytes == 4

    @cuda.jit
    def join(products, out, weight, places, row_terms, column_terms):
        columns, first, first_group = places
        rows, positions = out.shape[2], out.shape[3]
        start = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        for g in range(cuda.blockIdx.z, products.shape[0], cuda.gridDim.z):
            for m in range(start, columns, cuda.gridDim.x * cuda.blockDim.x):
                image, p = (first + m) // positions, (first + m) % positions
                of_column = numba.int64(0)
                if with_columns:
                    of_column = numba.int64(column_terms[g, m])
                for r in range(cuda.blockIdx.y, rows, cuda.gridDim.y):
                    total = numba.int64(products[g, r, m]) * weight + of_column
                    if with_rows:
                        total += row_terms[g, r]
                    if not overwrite:
                        total += out[image, first_group + g, r, p]
                    if narrow:  # the simulator refuses numbers that need more bits on the way
                        total = (total << 32) >> 32
                    out[image, first_group + g, r, p] = total

    return join
