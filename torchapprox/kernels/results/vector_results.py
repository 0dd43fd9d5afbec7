"""Results of the CPU's kernels for products: sums, or the real numbers that they stand for."""

from functools import cache
from typing import Any

import numpy as np

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import address, elements
from torchapprox.kernels.results.result_vectors import SIDE, transpose_square, write_results
from torchapprox.kernels.results.sum_places import Results

_KINDS: dict[int, type[np.generic]] = {0: np.int32, 32: np.float32, 64: np.float64}


@cache
def writer(bits: int, transposed: bool) -> Piece:
    """Return what writes a part of a tile to its `Results`.

    All have the arguments of ``write`` below: the tile's sums, int32 `(rows, width)`, those of
    ``begin`` first; the results; the group; and the part's rows and positions.

    Args:
        bits: Of the real numbers; 0 for the sums themselves.
        transposed: Whether rows are neighbours in the result, else positions.
    """
    kind: Any = _KINDS[bits]
    make = _transposed if transposed else _in_lines
    return piece_cpu(sums=np.int32, results=Results)(make(bits, kind))


# Numba leaves out what a condition on their arguments excludes.


def _in_lines(bits, kind):
    rescaled, single = bits > 0, bits == 32

    def write(sums, width, results, group, first_row, last_row, begin, end):
        out, places, length = elements(results.out, kind), results.places, results.length
        lines, pitch, kept = elements(places.lines, np.int64), places.pitch, places.kept
        terms = results.rescaling
        offset, of_rows = elements(terms.offset, np.float64), terms.of_rows
        scale, bias = elements(terms.scale, kind), elements(terms.bias, kind)
        origin = group * places.group
        row_channel, position_channel = group * results.rows, group * results.positions
        row_step = places.row
        # LLVM makes vectors of these loops; with explicit ones a result takes 0.25 ns longer.
        m, line, i = begin, begin // length, begin % length
        below, across = i // pitch, i % pitch
        while m < end:
            count = min(end - m, length - i, pitch - across)
            written = min(count, kept - across)
            place = origin + lines[line] + below * kept + across
            for row in range(first_row, last_row if written > 0 else first_row):
                to, of = place + row * row_step, (row - first_row) * width + m - begin
                if not rescaled:
                    for j in range(written):
                        out[to + j] = sums[of + j]
                elif of_rows:
                    c = row_channel + row
                    minus, factor, plus = offset[c], scale[c], bias[c]
                    for j in range(written):
                        exact = np.float64(sums[of + j]) - minus
                        real = np.float32(exact) if single else exact
                        out[to + j] = real * factor + plus
                else:
                    c = position_channel + m
                    for j in range(written):
                        exact = np.float64(sums[of + j]) - offset[c + j]
                        real = np.float32(exact) if single else exact
                        out[to + j] = real * scale[c + j] + bias[c + j]
            # Not by division, which takes longer than to write a short row.
            m, i, across = m + count, i + count, across + count
            if across == pitch:
                below, across = below + 1, 0
            if i == length:
                line, i, below, across = line + 1, 0, 0, 0

    return write


def _transposed(bits, kind):
    rescaled, single, size = bits > 0, bits == 32, max(4, bits // 8)

    def write(sums, width, results, group, first_row, last_row, begin, end):
        out, places, length = elements(results.out, kind), results.places, results.length
        lines, pitch, kept = elements(places.lines, np.int64), places.pitch, places.kept
        terms = results.rescaling
        offset, of_rows = elements(terms.offset, np.float64), terms.of_rows
        scale, bias = elements(terms.scale, kind), elements(terms.bias, kind)
        origin = group * places.group
        row_channel, position_channel = group * results.rows, group * results.positions
        step = places.step
        # In squares, which are transposed where they stand if they are whole.
        for left in range(begin, end, SIDE):
            for top in range(first_row, last_row, SIDE):
                rows = min(SIDE, last_row - top)
                corner = (top - first_row) * width + left - begin
                whole = rows == SIDE and left + SIDE <= end
                if whole:
                    transpose_square(address(sums) + 4 * corner, 4 * width)
                line, i = left // length, left % length
                below, across = i // pitch, i % pitch
                for m in range(left, min(left + SIDE, end)):
                    to = origin + (lines[line] + below * kept + across) * step + top
                    dropped = across >= kept
                    # Not by division, which takes longer than to write a row.
                    i, across = i + 1, across + 1
                    if across == pitch:
                        below, across = below + 1, 0
                    if i == length:
                        line, i, below, across = line + 1, 0, 0, 0
                    if dropped:
                        continue
                    c, each = row_channel + top, 1
                    if not of_rows:
                        c, each = position_channel + m, 0
                    if whole:
                        target = address(out) + size * to
                        source = address(sums) + 4 * (corner + (m - left) * width)
                        minus, factor = address(offset) + 8 * c, address(scale) + size * c
                        plus = address(bias) + size * c
                        if of_rows:
                            write_results(bits, 1, target, source, minus, factor, plus)
                        else:
                            write_results(bits, 0, target, source, minus, factor, plus)
                        continue
                    of = corner + m - left
                    for row in range(rows):
                        if not rescaled:
                            out[to + row] = sums[of + row * width]
                            continue
                        channel = c + row * each
                        exact = np.float64(sums[of + row * width]) - offset[channel]
                        real = np.float32(exact) if single else exact
                        out[to + row] = real * scale[channel] + bias[channel]

    return write
