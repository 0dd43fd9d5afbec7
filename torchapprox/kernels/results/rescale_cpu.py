r"""Accumulators to real numbers on the CPU, in one pass.

    out = float(sums - offset) * scale,    offset = x_zero_point * sum_k w[k]

with the difference in 64-bit integers, one conversion to out's type and one product. Offset and
scale belong to an output channel: a row of ``sums`` in `rescale_rows_cpu`, a column in
`rescale_columns_cpu`; `rescale_transposed_cpu` turns rows into columns.

Floor: 4 bytes read (8 of wide sums) and 4 written an element, so that memory bounds all three.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.compiling.jit import jit_cpu
from torchapprox.kernels.threads.blocks import blocks_cpu, division

BLOCK = 2**16  # elements; long enough to hide the hand-out to a thread
_SIDE = 16  # of a square that is transposed at once

Array = NDArray[Any]


def rescale_rows_cpu(sums: Array, offset: Array, scale: Array, out: Array, *, threads: int) -> None:
    """Fill ``out``; channel c owns rows c, c + C, c + 2 C, ...

    Args:
        sums: int32 or int64 `(R, L)`, C-contiguous.
        offset: int64 `(C,)`.
        scale: Of the type of ``out``, `(C,)`.
        out: float32 or float64 `(R, L)`, C-contiguous; overwritten.
        threads: Largest number of threads to use.
    """
    rows, length = sums.shape
    _rows(sums, offset, scale, out, **_division(rows, length, threads))


def rescale_columns_cpu(
    sums: Array, offset: Array, scale: Array, out: Array, *, threads: int
) -> None:
    """Fill ``out``; channel c of group g owns column c.

    Args:
        sums: int32 or int64 `(G, M, C)`, C-contiguous.
        offset: int64 `(G, C)`.
        scale: Of the type of ``out``, `(G, C)`.
        out: float32 or float64 `(G, M, C)`, C-contiguous; overwritten.
        threads: Largest number of threads to use.
    """
    groups, height, width = sums.shape
    _columns(sums, offset, scale, out, **_division(groups * height, width, threads))


def rescale_transposed_cpu(
    sums: Array, offset: Array, scale: Array, out: Array, *, threads: int
) -> None:
    """Fill ``out``; channel c of group g owns row c of ``sums`` and column c of ``out``.

    Args:
        sums: int32 or int64 `(G, C, M)`, C-contiguous.
        offset: int64 `(G, C)`.
        scale: Of the type of ``out``, `(G, C)`.
        out: float32 or float64 `(G, M, C)`, C-contiguous; overwritten.
        threads: Largest number of threads to use.
    """
    groups, width, height = sums.shape
    squares = groups * -(-height // _SIDE)
    _transposed(sums, offset, scale, out, **_division(squares, width * _SIDE, threads))


def offsets_cpu(codes: Array, x_zero_point: int, out: Array, *, signed: bool) -> None:
    """Fill ``out`` with the zero point of the activations times the sum of each row's weights.

    Args:
        codes: uint8 `(R, K)`, C-contiguous, K below 2^23.
        x_zero_point: The zero point.
        out: int64 `(R,)`; overwritten.
        signed: Whether codes stand for two's complement numbers.
    """
    _offsets(codes.view(np.int8) if signed else codes, x_zero_point, out)


def _division(items: int, size: int, threads: int) -> dict[str, int]:
    """Return how items of some size are divided."""
    return division(items, size, threads, most=BLOCK, least=BLOCK)


@jit_cpu
def _offsets(values, x_zero_point, out):
    for row in range(out.size):
        total = np.int32(0)
        for value in values[row]:
            total = np.int32(total + value)
        out[row] = x_zero_point * np.int64(total)


@blocks_cpu
def _rows(sums, offset, scale, out, start, stop):
    for row in range(start, stop):
        channel = row % offset.size
        of, to = sums[row], out[row]
        minus, factor = offset[channel], scale[channel]
        for i in range(of.size):
            to[i] = out.dtype.type(np.int64(of[i]) - minus) * factor


@blocks_cpu
def _columns(sums, offset, scale, out, start, stop):
    height = sums.shape[1]
    for item in range(start, stop):
        group, m = item // height, item % height
        of, to = sums[group, m], out[group, m]
        minus, factor = offset[group], scale[group]
        for c in range(of.size):
            to[c] = out.dtype.type(np.int64(of[c]) - minus[c]) * factor[c]


@blocks_cpu
def _transposed(sums, offset, scale, out, start, stop):
    _, width, height = sums.shape
    strips = -(-height // _SIDE)
    for item in range(start, stop):
        group, first = item // strips, item % strips * _SIDE
        last = min(first + _SIDE, height)
        for left in range(0, width, _SIDE):
            for c in range(left, min(left + _SIDE, width)):
                of = sums[group, c, first:last]
                minus, factor = offset[group, c], scale[group, c]
                for i in range(of.size):
                    out[group, first + i, c] = out.dtype.type(np.int64(of[i]) - minus) * factor
