"""The compiled part of the vector look-up kernel; `lookup_vector` has the formula."""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import address, call
from torchapprox.kernels.lookup.accumulate_lines import accumulate_lines
from torchapprox.kernels.lookup.code_lines import DEPTH, IN_PLACE_ROWS, PANEL, SUMS, TILE
from torchapprox.kernels.threads.blocks import block_piece_cpu


@cache
def accumulator(kernel: str, registers: int, halves: int, bits: int) -> Piece:
    """Return what adds look-ups; arguments as the addresses of `accumulate_lines`."""
    # One loop that is compiled once and runs for each register, where it takes one at a time.
    if kernel == "avx2":

        @piece_cpu()
        def accumulate(planes, bias, row, steps, codes, distances, before, sums):
            for register in range(registers):
                there = codes + 64 * register, distances
                results = before + 256 * register, sums + 256 * register
                addresses = (planes, bias, row, steps, *there, *results)
                accumulate_lines(kernel, 1, halves, bits, addresses)

    else:

        @piece_cpu()
        def accumulate(planes, bias, row, steps, codes, distances, before, sums):
            addresses = (planes, bias, row, steps, codes, distances, before, sums)
            accumulate_lines(kernel, registers, halves, bits, addresses)

    return accumulate


@block_piece_cpu(
    taps=np.int64, lines=np.int64, out_lines=np.int64, sums_of_all=np.int32, places=np.int64
)
def fill_tiles(
    entries,
    bias,
    rows,
    height,
    depth,
    codes,
    size,
    group_stride,
    taps,
    lines,
    positions,
    length,
    stride,
    out,
    out_group,
    out_row,
    out_lines,
    out_pitch,
    out_kept,
    out_step,
    offset,
    scale,
    plus,
    of_rows,
    reals,
    panels,
    sums_of_all,
    zeros,
    places,
    exchanges,
    accumulate,
    accumulate_last,
    gather,
    write,
    registers,
    block_rows,
    worker,
    start,
    stop,
):
    """Fill tasks ``start`` to ``stop``, numbered in the order (group, block of rows, tile)."""
    panel = panels + worker * PANEL
    sums = address(sums_of_all) + worker * 4 * SUMS
    # Where the pieces of a tile begin in it and in the codes; the distances of steps.
    first, source = worker * 3 * TILE, (worker * 3 + 1) * TILE
    first_at, source_at = address(places) + 8 * first, address(places) + 8 * source
    distances = source_at + 8 * TILE
    targets = out_row, address(out_lines), out_pitch, out_kept, out_step, length
    terms = offset, scale, plus, of_rows
    reach = 0  # farthest of a step's codes from those of the first one
    for k in range(depth):
        if taps[k] > reach:
            reach = taps[k]
    parts = max(1, -(-depth // DEPTH))
    part = max(1, -(-depth // parts))
    tiles = -(-positions // (registers * 64))
    blocks = -(-height // block_rows)
    for task in range(start, stop):
        group = task // (tiles * blocks)
        first_row = task // tiles % blocks * block_rows
        last_row = min(height, first_row + block_rows)
        begin = task % tiles * registers * 64
        end = min(positions, begin + registers * 64)
        used = -(-(end - begin) // 64)  # the last tile may need fewer registers
        width = used * 64
        pitch = width + 64
        base = group * group_stride
        # The tile in pieces of one line each: where they begin in the tile and in the codes.
        pieces = 0
        m = begin
        while m < end:
            places[first + pieces] = m - begin
            places[source + pieces] = base + lines[m // length] + m % length * stride
            pieces += 1
            m = (m // length + 1) * length
        in_place = (
            stride == 1
            and pieces == 1
            and last_row - first_row < IN_PLACE_ROWS
            and places[source] + reach + width <= size
        )
        # A tile that is one piece of the result goes there at once.
        line, i = begin // length, begin % length
        direct = (
            not reals
            and out_step == 1
            and pieces == 1
            and depth > 0
            and begin + width == end
            and i % out_pitch + width <= out_kept
        )
        place = out_lines[line] + i // out_pitch * out_kept + i % out_pitch
        place = out + 4 * (group * out_group + place)
        if depth == 0:
            for i in range((last_row - first_row) * width):
                sums_of_all[worker * SUMS + i] = 0
        add = accumulate if used == registers else accumulate_last
        for step in range(0, depth, part):
            steps = min(part, depth - step)
            origin, distance = panel, distances
            if in_place:
                origin = codes + places[source]
                distance = address(taps) + 8 * step
            else:
                of_tile = panel, pitch, end - begin, first_at, source_at
                of_codes = codes, size, address(taps), reach, stride
                of_steps = step, steps, distances, exchanges
                call(gather, (*of_tile, pieces, *of_codes, *of_steps))
            for row in range(first_row, last_row):
                chosen = rows + (group * height + row) * depth + step
                target = sums + (row - first_row) * width * 4
                before = target if step else zeros
                if direct and step + steps == depth:
                    target = place + 4 * row * out_row
                tables = entries, bias, chosen, steps
                call(add, (*tables, origin, distance, before, target))
        if direct:
            continue
        results = sums, width, out, group * out_group
        rows_and_positions = first_row, last_row, begin, end
        channels = group * height, group * positions
        call(write, (*results, *targets, *rows_and_positions, *terms, *channels))
