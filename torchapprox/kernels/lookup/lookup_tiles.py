"""The compiled part of the vector look-up kernel; `lookup_vector` has the formula."""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import call, elements
from torchapprox.kernels.lookup.accumulate_lines import accumulate_lines
from torchapprox.kernels.lookup.code_lines import DEPTH, IN_PLACE_ROWS, PANEL, SUMS, TILE
from torchapprox.kernels.lookup.lookup_vector import LookupTiles
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


@block_piece_cpu(LookupTiles)
def fill_tiles(product, worker, start, stop):
    """Fill tasks ``start`` to ``stop``, numbered in the order (group, block of rows, tile)."""
    depth, registers, block_rows = product.depth, product.registers, product.block_rows
    codes, results, memory = product.lines, product.results, product.memory
    taps, lines = elements(codes.taps, np.int64), elements(codes.lines, np.int64)
    length, stride = codes.length, codes.stride
    height, positions, places = results.rows, results.positions, results.places
    out_lines, pitch_out, kept = elements(places.lines, np.int64), places.pitch, places.kept
    panel = memory.panels + worker * PANEL
    sums = memory.sums + worker * 4 * SUMS
    # Where the pieces of a tile begin in it and in the codes; the distances of steps.
    first_at = memory.starts + worker * 3 * 8 * TILE
    source_at, distances = first_at + 8 * TILE, first_at + 2 * 8 * TILE
    first, source = elements(first_at, np.int64), elements(source_at, np.int64)
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
        base = group * codes.group_stride
        # The tile in pieces of one line each: where they begin in the tile and in the codes.
        pieces = 0
        m = begin
        while m < end:
            first[pieces] = m - begin
            source[pieces] = base + lines[m // length] + m % length * stride
            pieces += 1
            m = (m // length + 1) * length
        in_place = (
            stride == 1
            and pieces == 1
            and last_row - first_row < IN_PLACE_ROWS
            and source[0] + reach + width <= product.size
        )
        # A tile that is one piece of the result goes there at once.
        line, i = begin // length, begin % length
        direct = (
            not product.reals
            and places.step == 1
            and pieces == 1
            and depth > 0
            and begin + width == end
            and i % pitch_out + width <= kept
        )
        place = out_lines[line] + i // pitch_out * kept + i % pitch_out
        place = results.out + 4 * (group * places.group + place)
        if depth == 0:
            for i in range((last_row - first_row) * width):
                elements(sums, np.int32)[i] = 0
        add = product.pieces.accumulate if used == registers else product.pieces.accumulate_last
        for step in range(0, depth, part):
            steps = min(part, depth - step)
            origin, distance = panel, distances
            if in_place:
                origin = codes.codes + source[0]
                distance = codes.taps + 8 * step
            else:
                of_tile = panel, pitch, end - begin, first_at, source_at, pieces
                call(product.pieces.gather, (product, *of_tile, reach, step, steps, distances))
            for row in range(first_row, last_row):
                chosen = product.rows + (group * height + row) * depth + step
                target = sums + (row - first_row) * width * 4
                before = target if step else memory.zeros
                if direct and step + steps == depth:
                    target = place + 4 * row * places.row
                tables = product.entries, product.bias, chosen, steps
                call(add, (*tables, origin, distance, before, target))
        if not direct:
            rows_and_positions = first_row, last_row, begin, end
            call(product.pieces.write, (sums, width, results, group, *rows_and_positions))
