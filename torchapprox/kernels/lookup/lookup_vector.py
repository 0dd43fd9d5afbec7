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

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.lookup.code_lines import (
    LANES,
    PANEL,
    REGISTERS,
    ROWS,
    SUMS,
    TILE,
    CodeLines,
)
from torchapprox.kernels.lookup.table_planes import Planes, aligned_empty
from torchapprox.kernels.results.sum_places import NOTHING, Rescaling, Results, SumPlaces
from torchapprox.kernels.threads.scratch import Arrays, Scratch


class LookupMemory(NamedTuple):
    """Addresses of what is written while the kernel works.

    Attributes:
        panels: uint8 `(workers, PANEL)`.
        sums: int32 `(workers, SUMS)`.
        zeros: int32 `(TILE,)`.
        starts: int64 `(workers, 3, TILE)`; where pieces of a tile begin in it and in the codes, and
            the distances of steps.
        exchanges: Of `vbmi_transpose`.
    """

    panels: int
    sums: int
    zeros: int
    starts: int
    exchanges: int


class LookupPieces(NamedTuple):
    """Addresses of the pieces that the kernel calls.

    Attributes:
        accumulate: `lookup_tiles.accumulator` for a tile.
        accumulate_last: Likewise, for a group's last tile.
        gather: What `vector_panels.gatherer` returns.
        write: What `vector_results.writer` returns.
    """

    accumulate: int
    accumulate_last: int
    gather: int
    write: int


class LookupTiles(NamedTuple):
    """What the compiled part takes.

    Attributes:
        entries: Of `Planes`.
        bias: Of `Planes`.
        rows: uint8 `(G, R, K)`.
        depth: K.
        lines: Codes of the positions.
        size: Number of these codes.
        results: What the sums are written to.
        reals: Whether as real numbers.
        memory: What is written meanwhile.
        pieces: What is called.
        registers: Of a tile.
        block_rows: Rows of a task.
    """

    entries: NDArray[np.uint8]
    bias: NDArray[np.int32]
    rows: NDArray[np.uint8]
    depth: int
    lines: CodeLines
    size: int
    results: Results
    reals: bool
    memory: LookupMemory
    pieces: LookupPieces
    registers: int
    block_rows: int


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
    vectors = -(-lines.positions // LANES)
    tiles = -(-vectors // registers)
    tasks = groups * -(-height // block_rows) * tiles
    results = Results(out, places, rescaling or NOTHING, height, lines.positions, lines.length)
    shape = kernel, planes.halves, planes.bits, registers, vectors - (tiles - 1) * registers
    fill, pieces = _compiled(*shape, min(lines.stride, 64), results.bits, results.by_rows)
    if tasks * block_rows * depth * registers <= _SMALL:
        threads = 1
    scratch = _scratch.take(threads)
    operands = planes.entries, planes.bias, rows, depth, lines, lines.codes.size
    memory = LookupMemory(*scratch.addresses)
    fill(
        LookupTiles(*operands, results, results.bits > 0, memory, pieces, registers, block_rows),
        length=tasks,
        block=max(1, tasks // (4 * threads)),
        threads=threads,
    )
    _scratch.give_back(scratch)


_SMALL = 2**10  # registers looked up, about 3 microseconds, which a hand-out to threads costs


def _partition(
    groups: int, height: int, positions: int, depth: int, threads: int
) -> tuple[int, int]:
    """Return the registers of a tile and the rows of a block, enough tasks for all threads."""
    total = -(-positions // LANES)
    # Several blocks a thread balance the threads, but each gathers the codes of its tile anew.
    several = threads > 1 and groups * height * total * depth > 16 * _SMALL * threads
    wanted = 4 * threads if several else threads
    for registers in range(REGISTERS, 0, -1):
        tiles = -(-total // registers)
        blocks = max(-(-height // ROWS), min(-(-wanted // (groups * tiles)), -(-height // 16)))
        if groups * tiles * blocks >= threads:
            break
    return -(-total // tiles), -(-height // blocks)


@cache
def _compiled(
    kernel: str,
    halves: int,
    bits: int,
    registers: int,
    last: int,
    stride: int,
    real_bits: int,
    transposed: bool,
) -> tuple[Any, LookupPieces]:
    """Compile what a product needs: the kernel and its pieces."""
    # Imported late, since they load Numba.
    from torchapprox.kernels.lookup import lookup_tiles, vector_panels  # noqa: PLC0415
    from torchapprox.kernels.results import vector_results  # noqa: PLC0415

    pieces = (
        lookup_tiles.accumulator(kernel, registers, halves, bits),
        lookup_tiles.accumulator(kernel, last, halves, bits),
        vector_panels.gatherer(kernel, stride),
        vector_results.writer(real_bits, transposed),
    )
    return lookup_tiles.fill_tiles, LookupPieces(*(piece.address for piece in pieces))


def _new_scratch(workers: int) -> Arrays:
    """Return panels with a register to spare in each line, sums and other places."""
    from torchapprox.kernels.lookup.vbmi_transpose import EXCHANGES  # noqa: PLC0415  which loads Numba

    panels = aligned_empty((workers, PANEL), np.uint8)
    sums = aligned_empty((workers, SUMS), np.int32)
    zeros = aligned_empty((TILE,), np.int32)
    zeros.fill(0)
    return panels, sums, zeros, np.empty((workers, 3, TILE), np.int64), EXCHANGES


_scratch = Scratch(_new_scratch)
