"""Results of the CPU's kernels for products: sums, or the real numbers that they stand for."""

from functools import cache
from typing import Any

import numpy as np

from torchapprox.kernels.piece import Piece, piece_cpu

_SIDE = 16  # of a square that is transposed at once
_KINDS: dict[int, type[np.generic]] = {0: np.int32, 32: np.float32, 64: np.float64}


@cache
def writer(bits: int, transposed: bool) -> Piece:
    """Return what writes a part of a tile to the places that `SumPlaces` says.

    All have the arguments of ``write`` below: the tile's sums, int32 `(rows, width)`, those of
    ``begin`` first; the array of results; `SumPlaces`, with ``origin`` for the place of the
    group's first result; the positions of a line; the part; `Rescaling`, and the channels of the
    group's first row and first position.

    Args:
        bits: Of the real numbers; 0 for the sums themselves.
        transposed: Whether rows are neighbours in the result, else positions.
    """
    kind: Any = _KINDS[bits]
    types = {"out": kind, "scale": kind, "bias": kind}
    make = _transposed if transposed else _in_lines
    decorate = piece_cpu(sums=np.int32, lines=np.int64, offset=np.int64, **types)
    return decorate(make(bits > 0, bits == 32))


# Numba leaves out what a condition on their arguments excludes.


def _in_lines(rescaled, single):
    def write(
        sums,
        width,
        out,
        origin,
        row_step,
        lines,
        pitch,
        kept,
        step,
        length,
        first_row,
        last_row,
        begin,
        end,
        offset,
        scale,
        bias,
        of_rows,
        row_channel,
        position_channel,
    ):
        m = begin
        while m < end:
            line, i = m // length, m % length
            across = i % pitch
            count = min(end - m, length - i, pitch - across)
            written = min(count, kept - across)
            place = origin + lines[line] + i // pitch * kept + across
            for row in range(first_row, last_row if written > 0 else first_row):
                to, of = place + row * row_step, (row - first_row) * width + m - begin
                if not rescaled:
                    for j in range(written):
                        out[to + j] = sums[of + j]
                elif of_rows:
                    c = row_channel + row
                    minus, factor, plus = offset[c], scale[c], bias[c]
                    for j in range(written):
                        exact = sums[of + j] - minus
                        real = np.float32(exact) if single else np.float64(exact)
                        out[to + j] = real * factor + plus
                else:
                    c = position_channel + m
                    for j in range(written):
                        exact = sums[of + j] - offset[c + j]
                        real = np.float32(exact) if single else np.float64(exact)
                        out[to + j] = real * scale[c + j] + bias[c + j]
            m += count

    return write


def _transposed(rescaled, single):
    def write(
        sums,
        width,
        out,
        origin,
        row_step,
        lines,
        pitch,
        kept,
        step,
        length,
        first_row,
        last_row,
        begin,
        end,
        offset,
        scale,
        bias,
        of_rows,
        row_channel,
        position_channel,
    ):
        # In squares that the first-level cache holds.
        for left in range(begin, end, _SIDE):
            for top in range(first_row, last_row, _SIDE):
                rows = min(_SIDE, last_row - top)
                for m in range(left, min(left + _SIDE, end)):
                    line, i = m // length, m % length
                    across = i % pitch
                    if across >= kept:
                        continue
                    to = origin + (lines[line] + i // pitch * kept + across) * step + top
                    of = (top - first_row) * width + m - begin
                    if not rescaled:
                        for row in range(rows):
                            out[to + row] = sums[of + row * width]
                        continue
                    c, by_row = position_channel + m, 0
                    if of_rows:
                        c, by_row = row_channel + top, 1
                    for row in range(rows):
                        channel = c + row * by_row
                        exact = sums[of + row * width] - offset[channel]
                        real = np.float32(exact) if single else np.float64(exact)
                        out[to + row] = real * scale[channel] + bias[channel]

    return write
