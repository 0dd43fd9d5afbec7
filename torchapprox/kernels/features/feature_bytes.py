r"""Features of operand codes, packed by fours as the product kernel multiplies bytes.

A code stands for r features, of one byte each; see `ByteTables`. Those of term t and of channels
4 g to 4 g + 3 share the word of plane

    t * (channels / 4) + g,

first channel lowest, so that the bytes of a row's term are in the order of its codes; bytes of
channels that do not exist are 0. Planes of a tile and rows are laid out as in `feature_pairs`,
whose pieces have the same signature.

The bytes of positions are features less the term's least one, so that a row's sums begin with

    sum_k sum_t least[t] * left[t, rows[g, r, k]].

Codes that are their own features, as `ByteTables.flip` says, are not looked up but with VBMI.
"""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import address, elements
from torchapprox.kernels.features.byte_lookup import (
    ANY,
    CODES,
    VBMI,
    bytes_of_neighbours,
    words_of_lines,
    words_of_neighbours,
)
from torchapprox.kernels.features.code_words import CodeWords, RowPacking
from torchapprox.kernels.threads.blocks import BlockPiece, block_piece_cpu


@cache
def byte_place_mapper(unit: str) -> Piece:
    """Return what fills planes where places are neighbours.

    Args:
        unit: What the CPU has that looks bytes up.
    """
    vbmi = int(unit == VBMI)

    @piece_cpu(words=CodeWords, codes=np.uint8, planes=np.uint32)
    def map_codes(words, codes, channel_stride, place_stride, first, last, count, planes, pitch):
        odd, flip, pairs, halves = words.odd, words.flip, words.pairs, words.halves
        last_term = elements(words.last, np.uint32)
        all_flipped, of_term = np.uint32(max(flip, 0) * 0x01010101), (last - first + 3) // 4 * pitch
        for c in range(first, last, 4):
            one = c * channel_stride
            two, three, four = (
                one + channel_stride,
                one + 2 * channel_stride,
                one + 3 * channel_stride,
            )
            for t in range(odd):
                table, to = t * 256, t * of_term + (c - first) // 4 * pitch
                whole = 0
                if c + 4 <= last and count >= CODES and (vbmi or flip < 0):
                    whole = count
                for i in range(0, whole, CODES):
                    at = min(i, count - CODES)  # some twice
                    of_four = address(codes) + one + at
                    target = address(planes) + 4 * (to + at)
                    words_of_lines(unit, pairs + table, halves, of_four, channel_stride, target)
                if c + 4 > last:
                    for i in range(count):
                        planes[to + i] = last_term[table + codes[one + i]]
                    for more in range(c + 1, last):
                        of, bits = more * channel_stride, np.uint32(8 * (more - c))
                        for i in range(count):
                            planes[to + i] |= last_term[table + codes[of + i]] << bits
                elif flip >= 0:
                    for i in range(whole, count):
                        low = np.uint32(codes[one + i]) | np.uint32(codes[two + i]) << np.uint32(8)
                        high = np.uint32(codes[three + i]) | np.uint32(
                            codes[four + i]
                        ) << np.uint32(8)
                        planes[to + i] = (low | high << np.uint32(16)) ^ all_flipped
                else:
                    for i in range(whole, count):
                        low = last_term[table + codes[one + i]]
                        low |= last_term[table + codes[two + i]] << np.uint32(8)
                        high = last_term[table + codes[three + i]]
                        high |= last_term[table + codes[four + i]] << np.uint32(8)
                        planes[to + i] = low | high << np.uint32(16)

    return map_codes


@cache
def byte_vector_mapper(unit: str) -> Piece:
    """Return what fills planes where channels are neighbours.

    Args:
        unit: What the CPU has that looks bytes up.
    """
    vbmi = int(unit == VBMI)

    @piece_cpu(words=CodeWords, codes=np.uint8, planes=np.uint32)
    def map_codes(words, codes, channel_stride, place_stride, first, last, count, planes, pitch):
        odd, flip, pairs, halves = words.odd, words.flip, words.pairs, words.halves
        last_term = elements(words.last, np.uint32)
        whole = first + (last - first) // 4 * 4
        at_once = first
        if whole - first >= CODES and (vbmi or flip < 0):
            at_once = whole
        all_flipped = np.uint32(max(flip, 0) * 0x01010101)
        for t in range(odd):
            table, plane = t * 256, t * ((last - first + 3) // 4)
            # Some planes at a time, whose lines stay in the nearest cache.
            for c in range(first, at_once, CODES):
                at = min(c, at_once - CODES)  # some twice
                target = address(planes) + 4 * (plane + (at - first) // 4) * pitch
                for i in range(count):
                    of_some, of_term = address(codes) + i * place_stride + at, pairs + table
                    words_of_neighbours(unit, of_term, halves, of_some, target + 4 * i, 4 * pitch)
            for i in range(count):
                of, to = i * place_stride, (plane + (at_once - first) // 4) * pitch + i
                for c in range(of + at_once, of + whole, 4):
                    if flip >= 0:
                        low = np.uint32(codes[c]) | np.uint32(codes[c + 1]) << np.uint32(8)
                        high = np.uint32(codes[c + 2]) | np.uint32(codes[c + 3]) << np.uint32(8)
                        planes[to] = (low | high << np.uint32(16)) ^ all_flipped
                    else:
                        low = last_term[table + codes[c]]
                        low |= last_term[table + codes[c + 1]] << np.uint32(8)
                        high = last_term[table + codes[c + 2]]
                        high |= last_term[table + codes[c + 3]] << np.uint32(8)
                        planes[to] = low | high << np.uint32(16)
                    to += pitch
                if whole < last:
                    word = np.uint32(0)
                    for more in range(whole, last):
                        word |= last_term[table + codes[of + more]] << np.uint32(8 * (more - whole))
                    planes[to] = word

    return map_codes


@cache
def byte_row_packer(unit: str) -> BlockPiece:
    """Return what packs rows.

    Args:
        unit: What the CPU has that looks bytes up.
    """
    at_once = int(unit != ANY)

    @block_piece_cpu(RowPacking)
    def pack(packing, worker, start, stop):
        """Pack the rows numbered ``start`` to ``stop`` of all groups as `pack_rows` does.

        Of a row's bytes each term brings ``least[t]`` times their sum to what its sums begin with,
        where ``shifted``.
        """
        rows, packed = elements(packing.rows, np.uint8), elements(packing.packed, np.uint32)
        words, most, height = packing.words, packing.at_once, packing.height
        channels, taps = packing.channels, packing.taps
        rank, flip, depth = words.odd, words.flip, packing.channels * packing.taps
        pairs, halves, last = words.pairs, words.halves, elements(words.last, np.uint32)
        least, starts = elements(words.least, np.int64), elements(packing.starts, np.int32)
        planes = (channels + 3) // 4 * rank
        for item in range(start, stop):
            group, row, total = item // height, item % height, np.int64(0)
            for first in range(0, channels, most):
                some = min(channels - first, most)
                whole, of = some - some % 4, item * depth + first * taps
                steps = (some + 3) // 4 * taps  # of a term
                target = height * (group * planes + first // 4 * rank) * taps + row * steps * rank
                for t in range(rank):
                    table, place = t * 256, packing.packed + 4 * (target + t * steps)
                    of_term = elements(place, np.uint8)
                    if taps == 1:
                        quick = 0
                        if flip >= 0:
                            quick = some
                            for c in range(some):
                                of_term[c] = rows[of + c] ^ np.uint8(flip)
                        elif at_once and some >= CODES:
                            quick = some
                            for c in range(0, some, CODES):
                                at = min(c, some - CODES)  # some twice
                                of_some, of_table = packing.rows + of + at, pairs + table
                                bytes_of_neighbours(unit, of_table, halves, of_some, place + at)
                        for c in range(quick, some):
                            of_term[c] = last[table + rows[of + c]]
                        for c in range(some, 4 * steps):
                            of_term[c] = 0
                    else:
                        for tap in range(taps):
                            to, code = target + t * steps + tap, of + tap
                            for _ in range(0, whole, 4):
                                low = last[table + rows[code]]
                                low |= last[table + rows[code + taps]] << np.uint32(8)
                                high = last[table + rows[code + 2 * taps]]
                                high |= last[table + rows[code + 3 * taps]] << np.uint32(8)
                                packed[to] = low | high << np.uint32(16)
                                to += taps
                                code += 4 * taps
                            if whole < some:
                                word = np.uint32(0)
                                for j in range(some - whole):
                                    word |= last[table + rows[code + j * taps]] << np.uint32(8 * j)
                                packed[to] = word
                    if words.shifted:
                        signed, of_bytes = elements(place, np.int8), np.int32(0)
                        for i in range(4 * steps):
                            of_bytes = np.int32(of_bytes + signed[i])
                        total += least[t] * of_bytes
            if words.shifted:
                starts[item] = np.int32(total)

    return pack
