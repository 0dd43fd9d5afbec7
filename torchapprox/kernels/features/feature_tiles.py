"""The compiled part of the product of features; `feature_product` has the formula."""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import address, call
from torchapprox.kernels.features.pair_emitter import multiply_pairs
from torchapprox.kernels.features.pair_unit import PairUnit
from torchapprox.kernels.threads.blocks import block_piece_cpu


@cache
def pair_multiplier(unit: PairUnit, rows: int) -> Piece:
    """Return what multiplies tiles of some rows; arguments as the addresses of `multiply_pairs`."""
    # Variables of this function, since only such constants are part of the key of Numba's cache.
    lanes, instruction, share, unsigned, _ = unit
    unsigned_rows = int(unsigned)

    @piece_cpu()
    def multiply(
        one, other, distances, words, step_pitch, steps, before, before_pitch, sums, pitch
    ):
        columns = one, other, distances
        multiply_pairs(
            lanes,
            instruction,
            share,
            unsigned_rows,
            rows,
            (*columns, words, step_pitch, steps, before, before_pitch, sums, pitch),
        )

    return multiply


@block_piece_cpu(taps=np.int64, lines=np.int64, sums_of_all=np.int32, distances_of_all=np.int64)
def fill_tiles(
    strips,
    height,
    codes,
    group_stride,
    channel_stride,
    image_stride,
    place_stride,
    channels,
    taps,
    taps_count,
    lines,
    lines_count,
    length,
    pairs,
    last,
    flip,
    out,
    out_group,
    out_row,
    out_lines,
    out_pitch,
    out_kept,
    out_step,
    offset,
    scale,
    bias,
    of_rows,
    words_of_all,
    sums_of_all,
    distances_of_all,
    words_size,
    steps_size,
    sums_size,
    starts,
    start_pitch,
    half,
    odd,
    share,
    size,
    per_image,
    tiles,
    slice_rows,
    slices,
    strip,
    at_once,
    lanes,
    multiply,
    multiply_last,
    map_codes,
    write,
    worker,
    start,
    stop,
):
    """Fill tasks ``start`` to ``stop``, numbered in the order (group, slice, tile)."""
    first_sum, first_distance = worker * sums_size, worker * steps_size
    words, sums = words_of_all + 4 * worker * words_size, address(sums_of_all) + 4 * first_sum
    distances = address(distances_of_all) + 8 * first_distance
    planes = channels * half + (channels + share - 1) // share * odd
    positions = tiles // per_image * lines_count * length
    tables = half, odd, pairs, last, flip, words
    targets = out_row, out_lines, out_pitch, out_kept, out_step, length
    terms = offset, scale, bias, of_rows
    reach = 0
    for t in range(taps_count):
        if taps[t] > reach:
            reach = taps[t]
    for task in range(start, stop):
        group = task // (tiles * slices)
        first_row = task // tiles % slices * slice_rows
        last_row = min(height, first_row + slice_rows)
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
        origin = group * group_stride + image * image_stride + (here + begin) * place_stride
        by_line = -(-(end - begin) // lanes)
        vectors = (last_line - first_line) * by_line
        width = (vectors + vectors % 2) * lanes  # an odd one is multiplied twice
        block = max(1, sums_size // width // strip) * strip
        for upper in range(first_row, last_row, block):
            lower = min(last_row, upper + block)
            if planes == 0:
                for i in range((lower - upper) * width):
                    sums_of_all[first_sum + i] = 0
            for first in range(0, channels if planes else 0, at_once):
                behind = min(channels, first + at_once)
                used = (behind - first) * half + (behind - first + share - 1) // share * odd
                steps = used * taps_count
                if at_once < channels or upper == first_row:
                    strides = codes + origin, channel_stride, place_stride
                    call(map_codes, (*strides, first, behind, count, *tables, pitch))
                    for plane in range(used):
                        for t in range(taps_count):
                            step = first_distance + plane * taps_count + t
                            distances_of_all[step] = 4 * (plane * pitch + taps[t])
                earlier = first * half + first // share * odd
                packed = strips + 4 * (
                    height * (group * planes + earlier) * taps_count + upper * steps
                )
                for vector in range(0, vectors, 2):
                    also = min(vector + 1, vectors - 1)
                    line, other = vector // by_line, also // by_line
                    place = lines[first_line + line] - here + vector % by_line * lanes
                    origin_one = words + 4 * place
                    place = lines[first_line + other] - here + also % by_line * lanes
                    origin_two = words + 4 * place
                    operands = origin_one, origin_two, distances
                    for row in range(upper, lower, strip):
                        target = sums + 4 * ((row - upper) * width + vector * lanes)
                        of_row = (group * height + row) * start_pitch
                        before, before_pitch = starts + of_row, start_pitch
                        if first > 0:
                            before, before_pitch = target, 4 * width
                        words_of_rows = packed + 4 * (row - upper) * steps
                        results = before, before_pitch, target, 4 * width
                        chosen = multiply if lower - row >= strip else multiply_last
                        rows = words_of_rows, 4 * min(strip, lower - row)
                        call(chosen, (*operands, *rows, steps, *results))
            for line in range(first_line, last_line):
                m = (image * lines_count + line) * length
                of_line = sums + 4 * (line - first_line) * by_line * lanes
                results = of_line, width, out, group * out_group
                rows_and_positions = upper, lower, m + begin, m + end
                channels_of = group * height, group * positions
                call(write, (*results, *targets, *rows_and_positions, *terms, *channels_of))
