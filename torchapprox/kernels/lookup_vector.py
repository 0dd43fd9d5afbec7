r"""Sums of table look-ups in vector registers, for CPUs with AVX-512 or AVX2.

    sum[g, r, m] = sum_k table[rows[g, r, k], code(g, k, m)]

The code of group g, step k and position m stands in one array of bytes at

    g * group_stride + taps[k] + lines[m // length] + (m % length) * stride

which covers matrices in either order and convolutions without a copy of their receptive fields: a
line is then a row of the output, a tap an element of the kernel;
and the sum is written to the place of one array that `SumPlaces` describes, or as a real number.

A tile is up to 256 positions, four registers of codes. At most `DEPTH` steps of it are gathered
into a panel of 80 KB, which stays in the second-level cache with the table (`Planes`) while all
rows pass over it. For few rows a tile is read in place where it lies in one line. The last panel's
sums go straight to the result where a tile is one piece of it.

Overflow: sums are int32 and wrap modulo 2^32, so that the result is right whenever the final sum
fits, which the caller proves; `vector_emitter` bounds the lanes.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels import (
    avx2_emitter,
    avx512bw_emitter,
    vbmi_emitter,
    vbmi_transpose,
    vector_emitter,
    vector_ir,
    vector_memory,
    vector_panels,
    vector_results,
)
from torchapprox.kernels.accumulate_lines import SOURCE, accumulate_lines
from torchapprox.kernels.jit import jit_cpu
from torchapprox.kernels.table_planes import Planes, aligned_empty
from torchapprox.kernels.threads import for_each_block
from torchapprox.kernels.vbmi_transpose import EXCHANGES
from torchapprox.kernels.vector_ir import LANES
from torchapprox.kernels.vector_memory import address
from torchapprox.kernels.vector_panels import (
    CodeLines,
    gather_lines,
    gather_vectors,
    gather_vectors_singly,
)
from torchapprox.kernels.vector_results import (
    Rescaling,
    SumPlaces,
    write_reals,
    write_reals_transposed,
    write_sums,
    write_sums_transposed,
)

DEPTH = vector_emitter.STEPS_MAX
REGISTERS = 4
ROWS = 256
IN_PLACE_ROWS = 4  # measured: from here on gathering a panel pays
_TILE = LANES * REGISTERS
# Whose code becomes part of the kernel's.
_MODULES = (
    avx2_emitter,
    avx512bw_emitter,
    vbmi_emitter,
    vbmi_transpose,
    vector_emitter,
    vector_ir,
    vector_memory,
    vector_panels,
    vector_results,
)


def lookup_vector_cpu(
    planes: Planes,
    rows: NDArray[np.uint8],
    lines: CodeLines,
    out: NDArray[Any],
    places: SumPlaces,
    rescaling: Rescaling | None = None,
    *,
    kernel: str,
    threads: int,
) -> None:
    """Fill ``out`` with sums of look-ups, or with the real numbers that they stand for.

    Args:
        planes: The table, as prepared for the kernel and for codes of the range that ``lines`` has.
        rows: uint8 `(G, R, K)`, C-contiguous.
        lines: The other operand.
        out: int32, or of the type of the rescaling's scale, one-dimensional; overwritten.
        places: Where in ``out`` the sums go.
        rescaling: What makes real numbers of sums; None for the sums themselves.
        kernel: "vbmi", "avx512bw" or "avx2".
        threads: Largest number of threads to use.
    """
    groups, height, depth = rows.shape
    if out.size == 0:
        return
    registers, block_rows = _partition(groups, height, lines.positions, depth, threads)
    tiles = -(-lines.positions // (LANES * registers))
    tasks = groups * -(-height // block_rows) * tiles
    fill = _filler(kernel, planes.halves, planes.bits, rescaling is not None)

    def task(start: int, stop: int) -> None:
        # Not a thread's own, since OpenMP's threads forget theirs.
        try:
            scratch = _idle.pop()
        except IndexError:
            scratch = _new_scratch()
        fill(
            *(planes.entries, planes.bias, rows, lines.codes, lines.group_stride, lines.taps),
            *(lines.lines, lines.length, lines.stride, out, places, rescaling, scratch),
            *(registers, block_rows, start, stop),
        )
        _idle.append(scratch)

    if threads == 1 or tasks * block_rows * depth * registers <= _SMALL:
        task(0, tasks)
    else:
        for_each_block(task, tasks, max(1, tasks // (4 * threads)), threads)


_SMALL = 2**12  # registers looked up, about 10 microseconds, which a hand-out to a thread costs


def _partition(
    groups: int, height: int, positions: int, depth: int, threads: int
) -> tuple[int, int]:
    """Return the registers of a tile and the rows of a block, enough tasks for all threads."""
    total = -(-positions // LANES)
    wanted = 4 * threads if groups * height * total * depth > 16 * _SMALL * threads else threads
    for registers in range(REGISTERS, 0, -1):
        tiles = -(-total // registers)
        blocks = max(-(-height // ROWS), min(-(-wanted // (groups * tiles)), -(-height // 16)))
        if groups * tiles * blocks >= threads:
            break
    return -(-total // tiles), -(-height // blocks)


@cache
def _filler(kernel: str, halves: int, bits: int, rescaled: bool) -> Callable[..., None]:
    """Compile a kernel for a table's shape and for sums or real numbers."""
    # Numba leaves out what a condition on these excludes.
    transposes, one_by_one = kernel == "vbmi", kernel == "avx2"
    # A variable of this function, since only such constants are part of the key of Numba's cache.
    sources = SOURCE + "".join(module.SOURCE for module in _MODULES)

    @jit_cpu
    def fill(
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
        places,
        rescaling,
        scratch,
        registers,
        block_rows,
        start,
        stop,
    ):
        """Fill tasks ``start`` to ``stop``, numbered in the order (group, block of rows, tile)."""
        panel, sums, zeros, (first, source, distances), exchanges = scratch
        _, height, depth = rows.shape
        positions = lines.size * length
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
                not rescaled
                and places.step == 1
                and pieces == 1
                and depth > 0
                and begin + width == end
                and i % places.pitch + width <= places.kept
            )
            place = places.lines[line] + i // places.pitch * places.kept + i % places.pitch
            place = address(out) + 4 * (group * places.group + place)
            if depth == 0:
                sums[: (last_row - first_row) * width] = 0
            for step in range(0, depth, part):
                steps = min(part, depth - step)
                if in_place:
                    origin = address(codes) + source[0]
                    distance = address(taps) + 8 * step
                else:
                    early = 0
                    if stride == 1:
                        gather_lines(
                            *(panel, pitch, end - begin, first, source, pieces),
                            *(codes, taps, reach, step, steps),
                        )
                    elif transposes:
                        early = gather_vectors(
                            *(panel, pitch, end - begin, codes, source[0], stride),
                            *(step, steps, distances, exchanges),
                        )
                    else:
                        gather_vectors_singly(
                            *(panel, pitch, end - begin, codes, source[0], stride, step, steps)
                        )
                    for k in range(steps):
                        distances[k] = (early + k) * pitch
                    origin = address(panel)
                    distance = address(distances)
                for row in range(first_row, last_row):
                    chosen = address(rows) + (group * height + row) * depth + step
                    target = address(sums) + (row - first_row) * width * 4
                    before = target if step else address(zeros)
                    if direct and step + steps == depth:
                        target = place + 4 * row * places.row
                    tables = address(entries), address(bias), chosen, steps
                    addresses = (*tables, origin, distance, before, target)
                    if one_by_one:
                        for register in range(used):
                            further = origin + 64 * register, distance
                            sums_of_it = before + 256 * register, target + 256 * register
                            accumulate_lines(
                                kernel, 1, halves, bits, sources, (*tables, *further, *sums_of_it)
                            )
                    elif used == 4:
                        accumulate_lines(kernel, 4, halves, bits, sources, addresses)
                    elif used == 3:
                        accumulate_lines(kernel, 3, halves, bits, sources, addresses)
                    elif used == 2:
                        accumulate_lines(kernel, 2, halves, bits, sources, addresses)
                    else:
                        accumulate_lines(kernel, 1, halves, bits, sources, addresses)
            if direct:
                continue
            tile = sums, width, out, places, length, group, first_row, last_row, begin, end
            channels = rescaling, group * height, group * positions
            if places.step == 1:
                if rescaled:
                    write_reals(*tile, *channels)
                else:
                    write_sums(*tile, *channels)
            elif rescaled:
                write_reals_transposed(*tile, *channels)
            else:
                write_sums_transposed(*tile, *channels)

    return fill


_idle: list[tuple[Any, ...]] = []


def _new_scratch() -> tuple[Any, ...]:
    """Return a panel with a register to spare in each line, sums and other places."""
    panel = aligned_empty((DEPTH * (_TILE + LANES),), np.uint8)
    sums = aligned_empty((ROWS * _TILE,), np.int32)
    zeros = aligned_empty((_TILE,), np.int32)
    zeros.fill(0)
    return panel, sums, zeros, np.zeros((3, _TILE), np.int64), EXCHANGES
