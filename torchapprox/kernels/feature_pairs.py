r"""Features of operand codes, packed in pairs as the product kernel multiplies them.

A code stands for r features, signed integers of 16 bits each, terms of a factorised table. Two of
them fill a word of 32 bits. Terms 2 j and 2 j + 1 of a channel's code share the word of plane

    channel * (r // 2) + j,

and where r is odd, the last terms of channels c and c + 1, c even, that of plane

    channels * (r // 2) + c // 2.

A channel's codes lie in the places of a plane, so that a plane holds every code's word once,
however many taps of a kernel read it.
"""

import numba
import numpy as np


@numba.njit(nogil=True)
def map_places(
    codes, origin, channel_stride, first, last, count, pairs, last_term, flip, planes, pitch
):
    """Fill planes of channels ``first`` to ``last`` where places are neighbours."""
    half = np.uintp(pairs.shape[0])
    # Unsigned, since Numba lets negative indices count from the end.
    pitch, size = np.uintp(pitch), np.uintp(count)
    for c in range(last - first):
        of = np.uintp(origin + (first + c) * channel_stride)
        for j in range(half):
            to, table = (np.uintp(c) * half + j) * pitch, pairs[j]
            for i in range(size):
                planes[to + i] = table[codes[of + i]]
    if last_term.size == 0:
        return
    to = np.uintp(last - first) * half * pitch
    for c in range(first, last, 2):
        of = np.uintp(origin + c * channel_stride)
        more = np.uintp(of + channel_stride)
        if c + 1 == last:
            for i in range(size):
                planes[to + i] = last_term[codes[of + i]]
        elif flip >= 0:
            f = np.int32(flip)
            for i in range(size):
                low = (np.int32(codes[of + i]) ^ f) - f
                high = (np.int32(codes[more + i]) ^ f) - f
                planes[to + i] = np.uint32(low & np.int32(0xFFFF)) | np.uint32(high) << np.uint32(
                    16
                )
        else:
            for i in range(size):
                planes[to + i] = last_term[codes[of + i]] | last_term[codes[more + i]] << np.uint32(
                    16
                )
        to += pitch


@numba.njit(nogil=True)
def map_vectors(codes, origin, place_stride, first, last, count, pairs, last_term, planes, pitch):
    """The same where channels are neighbours."""
    half = np.uintp(pairs.shape[0])
    pitch, channels = np.uintp(pitch), np.uintp(last - first)
    mixed = channels * half * pitch
    for i in range(np.uintp(count)):
        of = np.uintp(origin + first) + i * np.uintp(place_stride)
        for j in range(half):
            to, table = j * pitch + i, pairs[j]
            for c in range(channels):
                planes[to + c * half * pitch] = table[codes[of + c]]
        if last_term.size:
            to = mixed + i
            for c in range(np.uintp(0), channels - channels % np.uintp(2), np.uintp(2)):
                low, high = last_term[codes[of + c]], last_term[codes[of + c + np.uintp(1)]]
                planes[to] = low | high << np.uint32(16)
                to += pitch
            if channels % np.uintp(2):
                planes[to] = last_term[codes[of + channels - np.uintp(1)]]


@numba.njit(nogil=True)
def pack_rows(rows, origin, depth, taps, first, last, pairs, last_term, strips, target, height):
    """Fill a strip of rows, `(plane, tap, row)`, with the words of channels ``first`` to ``last``.

    The code of row i, channel c and tap t is ``rows[origin + i * depth + c * taps + t]``; the strip
    begins at ``target``.
    """
    half = np.uintp(pairs.shape[0])
    height, taps, channels = np.uintp(height), np.uintp(taps), np.uintp(last - first)
    even = channels - channels % np.uintp(2)
    for i in range(height):
        of = np.uintp(origin) + i * np.uintp(depth) + np.uintp(first) * taps
        for j in range(half):
            table, to = pairs[j], np.uintp(target) + j * taps * height + i
            for c in range(channels):
                for t in range(taps):
                    strips[to + t * height] = table[rows[of + c * taps + t]]
                to += half * taps * height
        if last_term.size == 0:
            continue
        to = np.uintp(target) + channels * half * taps * height + i
        for c in range(np.uintp(0), even, np.uintp(2)):
            for t in range(taps):
                low = last_term[rows[of + c * taps + t]]
                high = last_term[rows[of + (c + np.uintp(1)) * taps + t]]
                strips[to] = low | high << np.uint32(16)
                to += height
        if even < channels:
            for t in range(taps):
                strips[to] = last_term[rows[of + even * taps + t]]
                to += height
