"""The compiled part of the kernel for expanded tables; `expanded_cpu` has the formula."""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import address, call
from torchapprox.kernels.lookup.expanded_cpu import (
    BLOCK,
    CHUNK,
    LANES,
    SIDE,
    SLAB,
    TILE,
)
from torchapprox.kernels.lookup.slab_vectors import (
    add_lines,
    transpose_entries,
    transpose_sums,
    widen,
)
from torchapprox.kernels.lookup.table_planes import STEPS_MAX
from torchapprox.kernels.threads.blocks import block_piece_cpu


@piece_cpu(bias=np.int32, rows=np.uint8, biases=np.int32, sources=np.int64)
def expand(entries, codes, bias, rows, height, depth, step, steps, slab, biases, sources):
    """Fill a slab, uint16 `(steps, codes, height)`, and add the rows' biases to ``biases``.

    The height is in whole vectors; the last row stands for those beyond it, whose sums are not
    written.
    """
    line = 2 * LANES * -(-height // LANES)
    for k in range(steps):
        for first in range(0, height, LANES):
            for i in range(LANES):
                row = np.int64(rows[min(first + i, height - 1) * depth + step + k])
                sources[i] = entries + 2 * codes * row
                biases[first + i] += bias[row]
            target = slab + k * codes * line + 2 * first
            for code in range(0, codes, LANES):
                transpose_entries(address(sources), 2 * code, target + code * line, line)


@cache
def adder(vectors: int, bits: int) -> Piece:
    """Return what adds a slab's lines to the sums of positions that are neighbours in a line."""
    size = 4 * LANES * vectors  # of the sums of a position

    @piece_cpu()
    def add(before, before_size, sums, slab, pitch, codes, stride, distances, steps, count):
        for m in range(count):
            there = before + m * before_size, sums + m * size
            add_lines(vectors, bits, (*there, slab, pitch, codes + m * stride, distances, steps))

    return add


@piece_cpu()
def widen_sums(before, before_size, biases, sums, totals, rows, count):
    """Write the sums of some positions in 32 bits; rows are whole vectors."""
    for m in range(count):
        for row in range(0, rows, LANES):
            earlier = before + m * before_size + (4 * row if before_size else 0)
            of_rows, total = sums + 4 * m * rows + 2 * row, totals + 4 * (m * rows + row)
            widen(earlier, biases + 4 * row, of_rows, of_rows + 2 * rows, total)


@block_piece_cpu(lines=np.int64, sources_of_all=np.int64, biases_of_all=np.int32)
def fill_expanded(
    entries,
    entry_codes,
    bias,
    rows,
    height,
    depth,
    codes,
    first_code,
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
    slabs,
    sums_of_all,
    totals_of_all,
    turned_of_all,
    biases_of_all,
    sources_of_all,
    zeros,
    expand,
    add,
    add_last,
    widen,
    write,
    tile,
    block_rows,
    slab_steps,
    worker,
    start,
    stop,
):
    """Fill tasks ``start`` to ``stop``, numbered in the order (group, block of rows, tile)."""
    slab = slabs + (worker + 1) * SLAB
    sums = sums_of_all + worker * 4 * TILE * BLOCK
    totals = totals_of_all + worker * 4 * TILE * BLOCK
    turned = turned_of_all + worker * 4 * BLOCK * CHUNK
    first_bias, first_source = worker * BLOCK, worker * LANES
    biases = address(biases_of_all) + 4 * first_bias
    sources = address(sources_of_all) + 8 * first_source
    tiles, blocks = -(-positions // tile), -(-height // block_rows)
    terms = offset, scale, plus
    for task in range(start, stop):
        group = task // (tiles * blocks)
        first_row = task // tiles % blocks * block_rows
        last_row = min(height, first_row + block_rows)
        begin = task % tiles * tile
        end = min(positions, begin + tile)
        width = LANES * -(-(last_row - first_row) // LANES)  # whole vectors
        of_block = rows + (group * height + first_row) * depth, last_row - first_row, depth
        base = codes + group * group_stride
        add_here = add if last_row - first_row == block_rows else add_last
        for part in range(0, max(1, depth), STEPS_MAX):
            part_end = min(depth, part + STEPS_MAX)
            for i in range(width):
                biases_of_all[first_bias + i] = 0
            for step in range(part, max(part + 1, part_end), slab_steps):
                steps = min(slab_steps, part_end - step)
                to_slab = step, steps, slab, biases, sources
                call(expand, (entries, entry_codes, bias, *of_block, *to_slab))
                # The slab begins with the first code of the table's part.
                of_slab = slab - first_code * 2 * width, entry_codes * 2 * width
                m = begin
                while m < end:
                    i = m % length
                    count = min(end - m, length - i)
                    target = sums + (m - begin) * 4 * width
                    before, before_size = (target, 4 * width) if step > part else (zeros, 0)
                    of_codes = base + lines[m // length] + i * stride, stride
                    there = before, before_size, target
                    of_steps = address(taps) + 8 * step, steps
                    call(add_here, (*there, *of_slab, *of_codes, *of_steps, count))
                    m += count
            before, before_size = (totals, 4 * width) if part else (zeros, 0)
            call(widen, (before, before_size, biases, sums, totals, width, end - begin))
        if out_step != 1:
            # The rows' sums are neighbours in the result, too: as the writer takes it, positions.
            results = totals, width, out, group * out_group
            targets = out_step, zeros, height, height, 1, height
            bounds = begin, end, first_row, last_row
            channels = group * positions, group * height
            # Of the sums, the first row's are those of its first position.
            call(write, (*results, *targets, *bounds, *terms, not of_rows, *channels))
            continue
        for chunk in range(begin, end, CHUNK):
            for i in range(SIDE):
                sources_of_all[first_source + i] = totals + (chunk - begin + i) * 4 * width
            chunk_end = min(end, chunk + CHUNK)
            for m in range(0, chunk_end - chunk, SIDE):
                for row in range(0, width, SIDE):
                    target = turned + 4 * (row * CHUNK + m)
                    transpose_sums(sources, 4 * (m * width + row), target, 4 * CHUNK)
            results = turned, CHUNK, out, group * out_group
            targets = out_row, address(out_lines), out_pitch, out_kept, out_step, length
            bounds = first_row, last_row, chunk, chunk_end
            channels = group * height, group * positions
            call(write, (*results, *targets, *bounds, *terms, of_rows, *channels))
