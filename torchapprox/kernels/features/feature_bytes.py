r"""Features of operand codes, packed by fours as the product kernel multiplies bytes.

A code stands for r features, of one byte each; see `ByteTables`. Those of one term and of channels
4 g to 4 g + 3 share the word of plane g * r + t, first channel lowest; bytes of channels that do
not exist are 0. Planes of a tile and strips of rows are laid out as in `feature_pairs`, whose
pieces have the same signature.

The bytes of positions are features less the term's least one, so that a row's sums begin with

    sum_k sum_t least[t] * left[t, rows[g, r, k]].

Codes that are their own features, as `ByteTables.flip` says, are not looked up but where that takes
64 at once.
"""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import address, elements
from torchapprox.kernels.features.byte_lookup import CODES, words_of_lines, words_of_neighbours
from torchapprox.kernels.features.code_words import CodeWords, RowStrips
from torchapprox.kernels.threads.blocks import BlockPiece, block_piece_cpu


@cache
def byte_place_mapper(vbmi: int) -> Piece:
    """Return what fills planes where places are neighbours.

    Args:
        vbmi: Whether the CPU has AVX-512 VBMI, 0 or 1.
    """

    @piece_cpu(words=CodeWords, codes=np.uint8, planes=np.uint32)
    def map_codes(words, codes, channel_stride, place_stride, first, last, count, planes, pitch):
        odd, flip, pairs = words.odd, words.flip, words.pairs
        last_term = elements(words.last, np.uint32)
        all_flipped = np.uint32(max(flip, 0) * 0x01010101)
        to = 0
        for c in range(first, last, 4):
            one = c * channel_stride
            two, three, four = (
                one + channel_stride,
                one + 2 * channel_stride,
                one + 3 * channel_stride,
            )
            for t in range(odd):
                table = t * 256
                whole = count // CODES * CODES if c + 4 <= last and (vbmi or flip < 0) else 0
                for i in range(0, whole, CODES):
                    of_four = address(codes) + one + i
                    target = address(planes) + 4 * (to + i)
                    words_of_lines(vbmi, pairs + table, of_four, channel_stride, target)
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
                to += pitch

    return map_codes


@cache
def byte_vector_mapper(vbmi: int) -> Piece:
    """Return what fills planes where channels are neighbours.

    Args:
        vbmi: Whether the CPU has AVX-512 VBMI, 0 or 1.
    """

    @piece_cpu(words=CodeWords, codes=np.uint8, planes=np.uint32)
    def map_codes(words, codes, channel_stride, place_stride, first, last, count, planes, pitch):
        odd, flip, pairs = words.odd, words.flip, words.pairs
        last_term = elements(words.last, np.uint32)
        at_once = first
        if vbmi or flip < 0:
            at_once += (last - first) // CODES * CODES
        whole = first + (last - first) // 4 * 4
        all_flipped = np.uint32(max(flip, 0) * 0x01010101)
        for i in range(count):
            of = i * place_stride
            for t in range(odd):
                for c in range(first, at_once, CODES):
                    table, of_some = pairs + 256 * t, address(codes) + of + c
                    plane = (c - first) // 4 * odd + t
                    target = address(planes) + 4 * (plane * pitch + i)
                    words_of_neighbours(vbmi, table, of_some, target, 4 * odd * pitch)
            to = (at_once - first) // 4 * odd * pitch + i
            for c in range(of + at_once, of + whole, 4):
                if flip >= 0:
                    low = np.uint32(codes[c]) | np.uint32(codes[c + 1]) << np.uint32(8)
                    high = np.uint32(codes[c + 2]) | np.uint32(codes[c + 3]) << np.uint32(8)
                    planes[to] = (low | high << np.uint32(16)) ^ all_flipped
                    to += pitch
                    continue
                for t in range(odd):
                    table = t * 256
                    low = last_term[table + codes[c]]
                    low |= last_term[table + codes[c + 1]] << np.uint32(8)
                    high = last_term[table + codes[c + 2]]
                    high |= last_term[table + codes[c + 3]] << np.uint32(8)
                    planes[to] = low | high << np.uint32(16)
                    to += pitch
            if whole < last:
                for t in range(odd):
                    word = np.uint32(0)
                    for more in range(whole, last):
                        feature = last_term[t * 256 + codes[of + more]]
                        word |= feature << np.uint32(8 * (more - whole))
                    planes[to] = word
                    to += pitch

    return map_codes


@cache
def byte_strip_packer(vbmi: int) -> BlockPiece:
    """Return what packs strips of rows.

    Args:
        vbmi: Whether the CPU has AVX-512 VBMI, 0 or 1.
    """

    @block_piece_cpu(RowStrips)
    def pack(packing, worker, start, stop):
        """Pack the rows' strips numbered ``start`` to ``stop`` as `pack_strips` does.

        Each code of a row brings ``begins[code]`` to what its sums begin with, where ``shifted``.
        """
        rows, strips = elements(packing.rows, np.uint8), elements(packing.strips, np.uint32)
        words, strip, at_once = packing.words, packing.strip, packing.at_once
        height, channels, taps = packing.height, packing.channels, packing.taps
        rank, flip, depth = words.odd, words.flip, packing.channels * packing.taps
        pairs, last = words.pairs, elements(words.last, np.uint32)
        begins = elements(words.begins, np.int64)
        starts = elements(packing.starts, np.int32)
        per_group = -(-height // strip)
        planes = (channels + 3) // 4 * rank
        for item in range(start, stop):
            group, row = item // per_group, item % per_group * strip
            count = min(strip, height - row)
            origin = (group * height + row) * depth
            for i in range(count if words.shifted else 0):
                total = np.int64(0)
                for k in range(depth):
                    total += begins[rows[origin + i * depth + k]]
                starts[group * height + row + i] = np.int32(total)
            for first in range(0, channels, at_once):
                some = min(channels - first, at_once)
                whole, quick = some - some % 4, 0
                if taps == 1 and (vbmi or flip < 0):
                    quick = some - some % CODES
                steps = (some + 3) // 4 * rank * taps
                before = group * planes + first // 4 * rank
                target = height * before * taps + row * steps
                for i in range(count):
                    of, done = origin + i * depth + first * taps, 0
                    if taps == 1 and flip >= 0 and not vbmi:
                        to, all_flipped, done = target + i, np.uint32(flip * 0x01010101), whole
                        for c in range(of, of + whole, 4):
                            low = np.uint32(rows[c]) | np.uint32(rows[c + 1]) << np.uint32(8)
                            high = np.uint32(rows[c + 2]) | np.uint32(rows[c + 3]) << np.uint32(8)
                            strips[to] = (low | high << np.uint32(16)) ^ all_flipped
                            to += count
                    for t in range(rank):
                        table = t * 256
                        for tap in range(taps):
                            to, code = target + (t * taps + tap) * count + i, of + tap
                            to += done // 4 * rank * taps * count
                            code += done * taps
                            for _ in range(0, quick, CODES):
                                of_some = address(rows) + code
                                places, apart = address(strips) + 4 * to, 4 * rank * count
                                words_of_neighbours(vbmi, pairs + table, of_some, places, apart)
                                to += CODES // 4 * rank * count
                                code += CODES
                            for _ in range(max(quick, done), whole, 4):
                                low = last[table + rows[code]]
                                low |= last[table + rows[code + taps]] << np.uint32(8)
                                high = last[table + rows[code + 2 * taps]]
                                high |= last[table + rows[code + 3 * taps]] << np.uint32(8)
                                strips[to] = low | high << np.uint32(16)
                                to += rank * taps * count
                                code += 4 * taps
                            if whole < some:
                                word = np.uint32(0)
                                for j in range(some - whole):
                                    word |= last[table + rows[code + j * taps]] << np.uint32(8 * j)
                                strips[to] = word

    return pack
