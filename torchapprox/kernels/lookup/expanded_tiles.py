"""The compiled part of the kernel for expanded tables; `expanded_cpu` has the formula."""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.jit import jit_cpu
from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import address, call, elements
from torchapprox.kernels.lookup.expanded_cpu import (
    BLOCK,
    CHUNK,
    LANES,
    SIDE,
    SLAB,
    TILE,
    ExpandedTiles,
)
from torchapprox.kernels.lookup.slab_vectors import (
    add_lines,
    transpose_entries,
    transpose_sums,
    widen,
)
from torchapprox.kernels.lookup.table_planes import STEPS_MAX
from torchapprox.kernels.threads.blocks import block_piece_cpu


@piece_cpu(product=ExpandedTiles, biases=np.int32, sources=np.int64)
def expand(product, of_rows, height, step, steps, biases, sources, slab):
    """Fill a slab, uint16 `(steps, columns, height)`, and add the rows' biases to ``biases``.

    The height is in whole vectors; the last row stands for those beyond it, whose sums are not
    written.
    """
    rows, bias = elements(of_rows, np.uint8), elements(product.bias, np.int32)
    columns, depth = product.columns, product.depth
    line = 2 * LANES * -(-height // LANES)
    for k in range(steps):
        for first in range(0, height, LANES):
            for i in range(LANES):
                row = np.int64(rows[min(first + i, height - 1) * depth + step + k])
                sources[i] = product.entries + 2 * columns * row
                biases[first + i] += bias[row]
            target = slab + k * columns * line + 2 * first
            for code in range(0, columns, LANES):
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


@block_piece_cpu(ExpandedTiles)
def fill_expanded(product, worker, start, stop):
    """Fill tasks ``start`` to ``stop``, numbered in the order (group, block of rows, tile)."""
    results, memory, pieces = product.results, product.memory, product.pieces
    slab = memory.slabs + (worker + 1) * SLAB
    sums = memory.sums + worker * 4 * TILE * BLOCK
    totals = memory.totals + worker * 4 * TILE * BLOCK
    biases = elements(memory.biases + worker * 4 * BLOCK, np.int32)
    sources = elements(memory.sources + worker * 8 * LANES, np.int64)
    height, depth, zeros = product.height, product.depth, memory.zeros
    positions = results.rows if product.turned else results.positions
    tile, block = product.tile, product.block
    tiles, blocks = -(-positions // tile), -(-height // block)
    for task in range(start, stop):
        group = task // (tiles * blocks)
        first_row = task // tiles % blocks * block
        last_row = min(height, first_row + block)
        begin = task % tiles * tile
        end = min(positions, begin + tile)
        rows = last_row - first_row
        width = LANES * -(-rows // LANES)  # whole vectors
        of_block = product.rows + (group * height + first_row) * depth, rows
        add = pieces.add if rows == block else pieces.add_last
        for part in range(0, max(1, depth), STEPS_MAX):
            part_end = min(depth, part + STEPS_MAX)
            for i in range(width):
                biases[i] = 0
            for step in range(part, max(part + 1, part_end), product.steps):
                steps = min(product.steps, part_end - step)
                to_slab = step, steps, address(biases), address(sources), slab
                call(pieces.expand, (product, *of_block, *to_slab))
                of_step = step, steps, step == part
                _add_slab(product, add, slab, width, group, begin, end, *of_step, sums)
            before, before_size = (totals, 4 * width) if part else (zeros, 0)
            of_part = before, before_size, address(biases), sums
            call(pieces.widen, (*of_part, totals, width, end - begin))
        if product.turned:
            # Of the totals, the first row's are those of its first position.
            bounds = begin, end, first_row, last_row
            call(pieces.write, (totals, width, results, group, *bounds))
        else:
            by_row = memory.by_row + worker * 4 * BLOCK * CHUNK
            bounds = first_row, last_row, begin, end
            _write_by_row(product, group, *bounds, width, totals, sources, by_row)


@jit_cpu
def _add_slab(product, add, slab, width, group, begin, end, step, steps, first, sums):
    """Add the lines of a slab that the codes of some positions select.

    Args:
        product: The product.
        add: Address of the piece that does so for positions that are neighbours.
        slab: Address of the slab.
        width: Rows of the block, whole vectors.
        group: The group.
        begin: First position.
        end: The one behind the last.
        step: The slab's first step.
        steps: Its steps.
        first: Whether nothing was added before.
        sums: Address of the sums; overwritten in the first step.
    """
    codes, size = product.lines, 4 * width
    lines, length, stride = elements(codes.lines, np.int64), codes.length, codes.stride
    base = codes.codes + group * codes.group_stride
    # The slab begins with the first code of the table's part.
    of_slab = slab - product.first * 2 * width, product.columns * 2 * width
    m = begin
    while m < end:
        i = m % length
        count = min(end - m, length - i)
        target = sums + (m - begin) * size
        before, before_size = (product.memory.zeros, 0) if first else (target, size)
        of_codes = base + lines[m // length] + i * stride, stride
        of_steps = codes.taps + 8 * step, steps
        call(add, (before, before_size, target, *of_slab, *of_codes, *of_steps, count))
        m += count


@jit_cpu
def _write_by_row(product, group, first_row, last_row, begin, end, width, totals, sources, by_row):
    """Write a tile's sums where positions are neighbours in the result.

    Args:
        product: The product.
        group: The group.
        first_row: First row.
        last_row: The one behind the last.
        begin: First position.
        end: The one behind the last.
        width: Rows of the block, whole vectors.
        totals: Address of the sums, int32 `(positions, width)`.
        sources: Memory for addresses, int64.
        by_row: Address of memory for sums of `CHUNK` positions.
    """
    for chunk in range(begin, end, CHUNK):
        for i in range(SIDE):
            sources[i] = totals + (chunk - begin + i) * 4 * width
        chunk_end = min(end, chunk + CHUNK)
        for m in range(0, chunk_end - chunk, SIDE):
            for row in range(0, width, SIDE):
                target = by_row + 4 * (row * CHUNK + m)
                transpose_sums(address(sources), 4 * (m * width + row), target, 4 * CHUNK)
        bounds = first_row, last_row, chunk, chunk_end
        call(product.pieces.write, (by_row, CHUNK, product.results, group, *bounds))
