"""The compiled part of the depthwise kernel; `depthwise_cpu` has the formula."""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import call, elements
from torchapprox.kernels.lookup.depthwise_cpu import FIELD, FIELDS, DepthwiseProduct
from torchapprox.kernels.lookup.word_emitter import TABLE, add_words, pack_entries
from torchapprox.kernels.threads.blocks import block_piece_cpu

_MASK = 2**FIELD - 1


@cache
def line_adder(count: int, columns: int, across: int, hop: int) -> Piece:
    """Return what adds up words along some lines of codes; the rest as of `add_words`."""

    @piece_cpu()
    def add_lines(tables, codes, pitch, lines, length, words):
        for _ in range(lines):
            # The last pass overlaps the one before it, unless they are whole.
            for begin in range(0, length, count):
                i = min(begin, length - count)
                add_words(count, columns, across, hop, tables, codes + i * hop, words + 8 * i)
            codes += pitch
            words += 8 * length

    return add_lines


@piece_cpu(product=DepthwiseProduct)
def pack_words(product, channel, tables):
    """Fill the words of a channel's weights."""
    places, count = product.places, product.entry_codes
    weights = elements(product.weights, np.uint8)
    lines, columns = places.lines, places.columns
    weight = channel * product.outer * lines * columns
    target = tables + 8 * product.first_code
    for _ in range(product.outer):
        for line in range(0, lines, FIELDS):
            for column in range(columns):
                of = weight + line * columns + column
                first = product.entries + 2 * count * np.int64(weights[of])
                second = third = product.zeros
                if line + 1 < lines:
                    second = product.entries + 2 * count * np.int64(weights[of + columns])
                if line + 2 < lines:
                    third = product.entries + 2 * count * np.int64(weights[of + 2 * columns])
                pack_entries(FIELD, (first, second, third), count, target)
                target += TABLE
        weight += lines * columns


@piece_cpu(words=np.uint64, sums=np.int32)
def add_fields(words, used, down, hop, sums, lines, length):
    """Add the fields of words to some lines of sums.

    Args:
        words: Words, ``length`` a line.
        used: Fields of a word, 1 to `FIELDS`.
        down: Lines from one field's words to the next field's.
        hop: Lines of words from one line of sums to the next.
        sums: Sums, ``length`` a line.
        lines: Lines of sums.
        length: Length of a line.
    """
    second, third = down * length, 2 * down * length
    hop *= length
    if hop == length:  # all lines are one
        length, lines = lines * length, 1
    mask, one, two = np.uint64(_MASK), np.uint64(FIELD), np.uint64(2 * FIELD)
    for line in range(lines):
        of, to = line * hop, line * length
        for i in range(length):
            total = words[of + i] & mask
            if used > 1:
                total += words[of + second + i] >> one & mask
            if used > 2:
                total += words[of + third + i] >> two
            sums[to + i] = np.int32(np.int64(sums[to + i]) + np.int64(total))


@block_piece_cpu(DepthwiseProduct)
def fill_channels(product, worker, start, stop):
    """Fill tasks ``start`` to ``stop``, numbered in the order (channel, share of the tiles)."""
    places, memory, results = product.places, product.memory, product.results
    tables = memory.tables + 8 * worker * memory.tables_size
    words = memory.words + 8 * worker * memory.words_size
    sums = memory.sums + 4 * worker * memory.sums_size
    totals, bias = elements(sums, np.int32), elements(product.bias, np.int32)
    planes, outer = elements(places.planes, np.int64), elements(places.outer, np.int64)
    weights = elements(product.weights, np.uint8)
    length, lines, columns = places.length, places.lines, places.columns
    depth = product.outer * lines * columns
    per_plane = -(-places.height // product.at_once)
    tiles = -(-product.planes // product.together) * per_plane
    for task in range(start, stop):
        channel, share = task // product.shares, task % product.shares
        if task == start or share == 0:
            call(product.pack_words, (product, channel, tables))
        least = np.int64(0)
        for k in range(depth):
            least += bias[weights[channel * depth + k]]
        of_channel = product.codes + channel // places.rows * places.group
        for tile in range(tiles * share // product.shares, tiles * (share + 1) // product.shares):
            upper = tile // per_plane * product.together
            lower = min(product.planes, upper + product.together)
            first = tile % per_plane * product.at_once
            some = min(product.at_once, places.height - first)
            count = (lower - upper) * some * length
            for i in range(count):
                totals[i] = np.int32(least)
            for plane in range(upper, lower):
                of_plane = of_channel + planes[plane] + first * places.hop_down * places.pitch
                target = sums + 4 * (plane - upper) * some * length
                selected = tables
                for o in range(product.outer):
                    for line in range(0, lines, FIELDS):
                        used = min(FIELDS, lines - line)
                        of_lines = (some - 1) * places.hop_down + (used - 1) * places.down + 1
                        of_part = of_plane + outer[o] + line * places.down * places.pitch
                        to_words = places.pitch, of_lines, length, words
                        call(product.add_lines, (selected, of_part, *to_words))
                        fields = words, used, places.down, places.hop_down
                        call(product.add_fields, (*fields, target, some, length))
                        selected += TABLE * columns
            begin = (upper * places.height + first) * length
            bounds = 0, 1, begin, begin + count
            call(product.write, (sums, count, results, channel, *bounds))
