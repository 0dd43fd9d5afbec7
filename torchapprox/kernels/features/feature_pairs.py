r"""Features of operand codes, packed in pairs as the product kernel multiplies them.

A code stands for r features, signed integers of 16 bits each, terms of a factorised table. Two of
them fill a word of 32 bits. Terms 2 j and 2 j + 1 of a channel's code share the word of plane

    channel * (r // 2) + j,

and where r is odd, the last terms of channels c and c + 1, c even, that of plane

    channels * (r // 2) + c // 2.

A channel's codes lie in the places of a plane, so that a plane holds every code's word once,
however many taps of a kernel read it.

Planes of a tile are filled by pieces of one signature: ``codes`` is the address of the code of
channel 0 at place 0, and the strides are those of `CodePlanes`; channels ``first`` to ``last`` are
filled, ``count`` places each, ``pitch`` words from plane to plane.
"""

import numpy as np

from torchapprox.kernels.compiling.piece import piece_cpu
from torchapprox.kernels.compiling.vector_memory import elements
from torchapprox.kernels.features.code_words import CodeWords, RowPacking
from torchapprox.kernels.threads.blocks import block_piece_cpu


@piece_cpu(words=CodeWords, codes=np.uint8, planes=np.uint32)
def map_places(words, codes, channel_stride, place_stride, first, last, count, planes, pitch):
    """Fill planes where places are neighbours."""
    half, odd, flip = words.half, words.odd, words.flip
    pairs, last_term = elements(words.pairs, np.uint32), elements(words.last, np.uint32)
    for c in range(last - first):
        of = (first + c) * channel_stride
        for j in range(half):
            to, table = (c * half + j) * pitch, j * 256
            for i in range(count):
                planes[to + i] = pairs[table + codes[of + i]]
    if odd == 0:
        return
    to = (last - first) * half * pitch
    for c in range(first, last, 2):
        of = c * channel_stride
        more = of + channel_stride
        if c + 1 == last:
            for i in range(count):
                planes[to + i] = last_term[codes[of + i]]
        elif flip >= 0:
            f = np.int32(flip)
            for i in range(count):
                low = (np.int32(codes[of + i]) ^ f) - f
                high = (np.int32(codes[more + i]) ^ f) - f
                planes[to + i] = np.uint32(low & np.int32(0xFFFF)) | np.uint32(high) << np.uint32(
                    16
                )
        else:
            for i in range(count):
                planes[to + i] = last_term[codes[of + i]] | last_term[codes[more + i]] << np.uint32(
                    16
                )
        to += pitch


@piece_cpu(words=CodeWords, codes=np.uint8, planes=np.uint32)
def map_vectors(words, codes, channel_stride, place_stride, first, last, count, planes, pitch):
    """Fill planes where channels are neighbours."""
    half, odd = words.half, words.odd
    pairs, last_term = elements(words.pairs, np.uint32), elements(words.last, np.uint32)
    channels = last - first
    mixed = channels * half * pitch
    for i in range(count):
        of = first + i * place_stride
        for j in range(half):
            to, table = j * pitch + i, j * 256
            for c in range(channels):
                planes[to + c * half * pitch] = pairs[table + codes[of + c]]
        if odd:
            to = mixed + i
            for c in range(0, channels - channels % 2, 2):
                low, high = last_term[codes[of + c]], last_term[codes[of + c + 1]]
                planes[to] = low | high << np.uint32(16)
                to += pitch
            if channels % 2:
                planes[to] = last_term[codes[of + channels - 1]]


@block_piece_cpu(RowPacking)
def pack_rows(packing, worker, start, stop):
    """Pack the rows numbered ``start`` to ``stop`` of all groups.

    Each row holds the words of ``at_once`` channels, `(plane, tap)`, and those of the channels
    before lie before those of the first row.
    """
    rows, packed = elements(packing.rows, np.uint8), elements(packing.packed, np.uint32)
    words, at_once, height = packing.words, packing.at_once, packing.height
    channels, taps = packing.channels, packing.taps
    half, odd, depth = words.half, words.odd, packing.channels * packing.taps
    pairs, last = elements(words.pairs, np.uint32), elements(words.last, np.uint32)
    planes = channels * half + (channels + 1) // 2 * odd
    for item in range(start, stop):
        group, row = item // height, item % height
        for first in range(0, channels, at_once):
            some = min(channels - first, at_once)
            even = some - some % 2
            before = first * half + first // 2 * odd
            steps = (some * half + (some + 1) // 2 * odd) * taps
            target = height * (group * planes + before) * taps + row * steps
            mixed, of = target + some * half * taps, item * depth + first * taps
            if taps == 1:  # the loops below, at half the time
                for j in range(half):
                    to = target + j
                    for c in range(some):
                        packed[to] = pairs[j * 256 + rows[of + c]]
                        to += half
                for c in range(0, even * odd, 2):
                    low, high = last[rows[of + c]], last[rows[of + c + 1]]
                    packed[mixed + c // 2] = low | high << np.uint32(16)
                if even * odd < some * odd:
                    packed[mixed + even // 2] = last[rows[of + even]]
                continue
            for j in range(half):
                to = target + j * taps
                for c in range(some):
                    for t in range(taps):
                        packed[to + t] = pairs[j * 256 + rows[of + c * taps + t]]
                    to += half * taps
            to = mixed
            for c in range(0, even * odd, 2):
                for t in range(taps):
                    low = last[rows[of + c * taps + t]]
                    high = last[rows[of + (c + 1) * taps + t]]
                    packed[to + t] = low | high << np.uint32(16)
                to += taps
            if even * odd < some * odd:
                for t in range(taps):
                    packed[to + t] = last[rows[of + even * taps + t]]
