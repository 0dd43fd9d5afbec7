"""The compiled part of the product of features; `feature_product` has the formula."""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import address, call, elements
from torchapprox.kernels.features.feature_product import FeatureTiles
from torchapprox.kernels.features.pair_emitter import multiply_pairs
from torchapprox.kernels.features.pair_unit import PairUnit
from torchapprox.kernels.threads.blocks import block_piece_cpu


@cache
def pair_multiplier(unit: PairUnit, rows: int) -> Piece:
    """Return what multiplies tiles of some rows; arguments as the addresses of `multiply_pairs`."""
    # Variables of this function, since only such constants are part of the key of Numba's cache.
    lanes, instruction, share, unsigned, _ = unit
    unsigned_rows, rows_count = int(unsigned), rows

    @piece_cpu()
    def multiply(
        one, other, distances, words, row_pitch, step_pitch, steps, narrow, before, before_pitch,
        sums, sums_pitch,
    ):  # fmt: skip
        columns, rows = (one, other, distances), (words, row_pitch, step_pitch)
        results = before, before_pitch, sums, sums_pitch
        multiply_pairs(
            lanes,
            instruction,
            share,
            unsigned_rows,
            rows_count,
            (*columns, *rows, steps, narrow, *results),
        )

    return multiply


@block_piece_cpu(FeatureTiles)
def fill_tiles(product, worker, start, stop):
    """Fill tasks ``start`` to ``stop``, numbered in the order (group, slice, tile)."""
    codes, words, results = product.planes, product.words, product.results
    channels, length, lines = codes.channels, codes.length, elements(codes.lines, np.int64)
    taps, taps_count = elements(codes.taps, np.int64), product.taps_count
    half, odd, share = words.half, words.odd, words.share
    size, per_image, tiles = product.size, product.per_image, product.tiles
    strip, at_once, lanes = product.strip, product.at_once, product.lanes
    lines_count, height, start_pitch = product.lines_count, results.rows, product.start_pitch
    memory, pieces = product.memory, product.pieces
    plane_words = memory.words + 4 * worker * product.words_size
    sums = memory.sums + 4 * worker * product.sums_size
    distances = elements(memory.distances + 8 * worker * product.distances_size, np.int64)
    planes = channels * half + (channels + share - 1) // share * odd
    reach = 0
    for t in range(taps_count):
        if taps[t] > reach:
            reach = taps[t]
    for task in range(start, stop):
        group = task // (tiles * product.slices)
        first_row = task // tiles % product.slices * product.slice
        last_row = min(height, first_row + product.slice)
        image, part = task % tiles // per_image, task % per_image
        if lines_count == 1:
            begin, end = part * size, min(length, (part + 1) * size)
            first_line, last_line = 0, 1
        else:
            begin, end = 0, length
            first_line, last_line = part * size, min(lines_count, (part + 1) * size)
        here = lines[first_line]
        count = lines[last_line - 1] - here + reach + end - begin
        pitch = ((count + lanes - 1) // 16 // 2 * 2 + 1) * 16
        if pitch < count + lanes:
            pitch += 32
        origin = codes.codes + group * codes.group_stride + image * codes.image_stride
        origin += (here + begin) * codes.place_stride
        by_line = -(-(end - begin) // lanes)
        vectors = (last_line - first_line) * by_line
        width = (vectors + vectors % 2) * lanes  # an odd one is multiplied twice
        block = max(1, product.sums_size // width // strip) * strip
        for upper in range(first_row, last_row, block):
            lower = min(last_row, upper + block)
            if planes == 0:
                for i in range((lower - upper) * width):
                    elements(sums, np.int32)[i] = 0
            for first in range(0, channels if planes else 0, at_once):
                behind = min(channels, first + at_once)
                used = (behind - first) * half + (behind - first + share - 1) // share * odd
                steps = used * taps_count
                narrow = words.narrow * ((behind - first + share - 1) // share) * taps_count
                if at_once < channels or upper == first_row:
                    strides = origin, codes.channel_stride, codes.place_stride
                    bounds = first, behind, count
                    call(pieces.map_codes, (words, *strides, *bounds, plane_words, pitch))
                    for plane in range(used):
                        for t in range(taps_count):
                            step = plane * taps_count + t
                            distances[step] = 4 * (plane * pitch + taps[t])
                earlier = first * half + first // share * odd
                packed = product.packed + 4 * (
                    height * (group * planes + earlier) * taps_count + upper * steps
                )
                for vector in range(0, vectors, 2):
                    also = min(vector + 1, vectors - 1)
                    line, other = vector // by_line, also // by_line
                    place = lines[first_line + line] - here + vector % by_line * lanes
                    origin_one = plane_words + 4 * place
                    place = lines[first_line + other] - here + also % by_line * lanes
                    origin_two = plane_words + 4 * place
                    operands = origin_one, origin_two, address(distances)
                    for row in range(upper, lower, strip):
                        target = sums + 4 * ((row - upper) * width + vector * lanes)
                        of_row = (group * height + row) * start_pitch
                        before, before_pitch = product.starts + of_row, start_pitch
                        if first > 0:
                            before, before_pitch = target, 4 * width
                        words_of_rows = packed + 4 * (row - upper) * steps
                        of_sums = before, before_pitch, target, 4 * width
                        whole = lower - row >= strip
                        chosen = pieces.multiply if whole else pieces.multiply_last
                        rows = words_of_rows, 4 * steps, 4
                        call(chosen, (*operands, *rows, steps, narrow - narrow % 2, *of_sums))
            for line in range(first_line, last_line):
                m = (image * lines_count + line) * length
                of_line = sums + 4 * (line - first_line) * by_line * lanes
                rows_and_positions = upper, lower, m + begin, m + end
                call(pieces.write, (of_line, width, results, group, *rows_and_positions))
