"""The compiled part of the depthwise kernel; `depthwise_cpu` has the formula."""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.jit import jit_cpu
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
    places, tiling, memory = product.places, product.tiling, product.memory
    tables = memory.tables + 8 * worker * memory.tables_size
    words = memory.words + 8 * worker * memory.words_size
    sums = memory.sums + 4 * worker * memory.sums_size
    totals, bias = elements(sums, np.int32), elements(product.bias, np.int32)
    weights = elements(product.weights, np.uint8)
    depth = product.outer * places.lines * places.columns
    per_plane = -(-places.height // tiling.lines)
    tiles, shares = -(-product.planes // tiling.planes) * per_plane, tiling.shares
    for task in range(start, stop):
        channel, share = task // shares, task % shares
        if task == start or share == 0:
            call(product.pieces.pack_words, (product, channel, tables))
        least = np.int64(0)
        for k in range(depth):
            least += bias[weights[channel * depth + k]]
        of_channel = product.codes + channel // places.rows * places.group
        for tile in range(tiles * share // shares, tiles * (share + 1) // shares):
            plane, line = tile // per_plane * tiling.planes, tile % per_plane * tiling.lines
            planes = min(tiling.planes, product.planes - plane)
            lines = min(tiling.lines, places.height - line)
            count = planes * lines * places.length
            for i in range(count):
                totals[i] = np.int32(least)
            of_lines = of_channel + line * places.hop_down * places.pitch
            _add_planes(product, tables, of_lines, plane, planes, lines, words, sums)
            begin = (plane * places.height + line) * places.length
            bounds = 0, 1, begin, begin + count
            call(product.pieces.write, (sums, count, product.results, channel, *bounds))


@jit_cpu
def _add_planes(product, tables, codes, first, planes, lines, words, sums):
    """Add look-ups to the sums of some lines of some planes.

    Args:
        product: The product.
        tables: Address of the channel's words.
        codes: Address of the codes of the first of the lines, less where its plane stands.
        first: First plane.
        planes: Number of planes.
        lines: Number of lines.
        words: Address of memory for sums of words.
        sums: Address of the sums.
    """
    places, pieces = product.places, product.pieces
    of_planes, outer = elements(places.planes, np.int64), elements(places.outer, np.int64)
    length = places.length
    for plane in range(planes):
        target, selected = sums + 4 * plane * lines * length, tables
        for o in range(product.outer):
            of_outer = codes + of_planes[first + plane] + outer[o]
            for line in range(0, places.lines, FIELDS):
                used = min(FIELDS, places.lines - line)
                of_part = of_outer + line * places.down * places.pitch
                lines_of_codes = (lines - 1) * places.hop_down + (used - 1) * places.down + 1
                to_words = places.pitch, lines_of_codes, length, words
                call(pieces.add_lines, (selected, of_part, *to_words))
                fields = words, used, places.down, places.hop_down
                call(pieces.add_fields, (*fields, target, lines, length))
                selected += TABLE * places.columns
