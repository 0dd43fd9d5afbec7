"""Results of the vector look-up kernel: sums, or the real numbers that they stand for."""

import numba
import numpy as np

from torchapprox.kernels.vector_memory import address, copy_memory

_SIDE = 16  # of a square that is transposed at once


@numba.njit(nogil=True)
def write_sums(
    sums, width, out, places, length, group, first_row, last_row, begin, end, _, __, ___
):
    """Copy a tile's sums to their places, where positions are neighbours."""
    m = begin
    while m < end:
        line, i = m // length, m % length
        across = i % places.pitch
        count = min(end - m, length - i, places.pitch - across)
        kept = min(count, places.kept - across)
        place = places.lines[line] + i // places.pitch * places.kept + across
        for row in range(first_row, last_row):
            origin = group * places.group + row * places.row + place
            start = (row - first_row) * width + m - begin
            if kept > 0:
                copy_memory(address(out) + 4 * origin, address(sums) + 4 * start, 4 * kept)
        m += count


@numba.njit(nogil=True)
def write_sums_transposed(
    sums, width, out, places, length, group, first_row, last_row, begin, end, _, __, ___
):
    """The same where rows are neighbours."""
    for m in range(begin, end):
        line, i = m // length, m % length
        across = i % places.pitch
        if across < places.kept:
            place = places.lines[line] + i // places.pitch * places.kept + across
            origin = group * places.group + place * places.step + first_row
            # Unsigned, since Numba lets negative indices count from the end.
            for row in range(np.uintp(last_row - first_row)):
                out[np.uintp(origin) + row] = sums[row * np.uintp(width) + np.uintp(m - begin)]


@numba.njit(nogil=True)
def write_reals(
    sums,
    width,
    out,
    places,
    length,
    group,
    first_row,
    last_row,
    begin,
    end,
    rescaling,
    row_channel,
    position_channel,
):
    """Rescale a tile's sums to their places, where positions are neighbours."""
    m = begin
    while m < end:
        line, i = m // length, m % length
        across = i % places.pitch
        count = min(end - m, length - i, places.pitch - across)
        kept = min(count, places.kept - across)
        place = places.lines[line] + i // places.pitch * places.kept + across
        for row in range(first_row, last_row if kept > 0 else first_row):
            origin = group * places.group + row * places.row + place
            start = (row - first_row) * width + m - begin
            to, of = out[origin : origin + kept], sums[start : start + kept]
            if rescaling.of_rows:
                c = row_channel + row
                minus, factor, plus = rescaling.offset[c], rescaling.scale[c], rescaling.bias[c]
                for j in range(kept):
                    to[j] = out.dtype.type(np.int64(of[j]) - minus) * factor + plus
            else:
                c = position_channel + m
                minus = rescaling.offset[c : c + kept]
                factor, plus = rescaling.scale[c : c + kept], rescaling.bias[c : c + kept]
                for j in range(kept):
                    to[j] = out.dtype.type(np.int64(of[j]) - minus[j]) * factor[j] + plus[j]
        m += count


@numba.njit(nogil=True)
def write_reals_transposed(
    sums,
    width,
    out,
    places,
    length,
    group,
    first_row,
    last_row,
    begin,
    end,
    rescaling,
    row_channel,
    position_channel,
):
    """The same where rows are neighbours, in squares that the first-level cache holds."""
    for left in range(begin, end, _SIDE):
        for top in range(first_row, last_row, _SIDE):
            rows = np.uintp(min(_SIDE, last_row - top))
            for m in range(left, min(left + _SIDE, end)):
                line, i = m // length, m % length
                across = i % places.pitch
                if across >= places.kept:
                    continue
                place = places.lines[line] + i // places.pitch * places.kept + across
                # Unsigned, since Numba lets negative indices count from the end.
                origin = np.uintp(group * places.group + place * places.step + top)
                start = np.uintp((top - first_row) * width + m - begin)
                c, step = np.uintp(position_channel + m), np.uintp(0)
                if rescaling.of_rows:
                    c, step = np.uintp(row_channel + top), np.uintp(1)
                for row in range(rows):
                    channel = c + row * step
                    of = np.int64(sums[start + row * np.uintp(width)])
                    real = out.dtype.type(of - rescaling.offset[channel])
                    out[origin + row] = real * rescaling.scale[channel] + rescaling.bias[channel]
