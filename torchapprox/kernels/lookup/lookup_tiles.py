"""The compiled part of the vector look-up kernel; `lookup_vector` has the formula."""

from functools import cache

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import address, call
from torchapprox.kernels.lookup.accumulate_lines import accumulate_lines
from torchapprox.kernels.lookup.code_lines import DEPTH, IN_PLACE_ROWS
from torchapprox.kernels.threads.blocks import blocks_cpu


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


@blocks_cpu
def fill_tiles(
    entries,
    bias,
    rows,
    codes,
    group_stride,
    taps,
    lines,
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
    panels,
    sums_of_all,
    zeros,
    places_of_all,
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
    panel, sums, tile_places = panels[worker], sums_of_all[worker], places_of_all[worker]
    first, source, distances = tile_places[0], tile_places[1], tile_places[2]
    _, height, depth = rows.shape
    positions = lines.size * length
    targets = out_row, address(out_lines), out_pitch, out_kept, out_step, length
    terms = address(offset), address(scale), address(plus), of_rows
    reach = 0  # farthest of a step's codes from those of the first one
    for tap in taps:
        reach = max(reach, tap)
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
            first[pieces] = m - begin
            source[pieces] = base + lines[m // length] + m % length * stride
            pieces += 1
            m = (m // length + 1) * length
        in_place = (
            stride == 1
            and pieces == 1
            and last_row - first_row < IN_PLACE_ROWS
            and source[0] + reach + width <= codes.size
        )
        # A tile that is one piece of the result goes there at once.
        line, i = begin // length, begin % length
        direct = (
            scale.size == 0
            and out_step == 1
            and pieces == 1
            and depth > 0
            and begin + width == end
            and i % out_pitch + width <= out_kept
        )
        place = out_lines[line] + i // out_pitch * out_kept + i % out_pitch
        place = address(out) + 4 * (group * out_group + place)
        if depth == 0:
            sums[: (last_row - first_row) * width] = 0
        add = accumulate if used == registers else accumulate_last
        for step in range(0, depth, part):
            steps = min(part, depth - step)
            origin, distance = address(panel), address(distances)
            if in_place:
                origin = address(codes) + source[0]
                distance = address(taps) + 8 * step
            else:
                of_tile = address(panel), pitch, end - begin, address(first), address(source)
                of_codes = address(codes), codes.size, address(taps), reach, stride
                of_steps = step, steps, address(distances), address(exchanges)
                call(gather, (*of_tile, pieces, *of_codes, *of_steps))
            for row in range(first_row, last_row):
                chosen = address(rows) + (group * height + row) * depth + step
                target = address(sums) + (row - first_row) * width * 4
                before = target if step else address(zeros)
                if direct and step + steps == depth:
                    target = place + 4 * row * out_row
                tables = address(entries), address(bias), chosen, steps
                call(add, (*tables, origin, distance, before, target))
        if direct:
            continue
        results = address(sums), width, address(out), group * out_group
        rows_and_positions = first_row, last_row, begin, end
        channels = group * height, group * positions
        call(write, (*results, *targets, *rows_and_positions, *terms, *channels))
