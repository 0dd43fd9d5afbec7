r"""Sums of table look-ups in vector registers, for CPUs with AVX-512 VBMI.

    sum[g, r, m] = sum_k table[rows[g, r, k], code(g, k, m)]

The code of group g, step k and position m stands in one array of bytes at

    g * group_stride + taps[k] + lines[m // length] + (m % length) * stride

which covers matrices in either order and convolutions without a copy of their receptive fields: a
line is then a row of the output, a tap an element of the kernel;
and the sum is written to the place of one array that `SumPlaces` describes.

A tile is up to 256 positions, four registers of codes. `DEPTH` steps of it are gathered into a
panel of at most 20 KB, which stays in the first-level cache while all rows pass over it; the table
(`TablePlanes`) stays in the second-level cache. For few rows a tile is read in place where it lies
in one line.

Overflow: ``out`` is int32 and sums wrap modulo 2^32, so that the result is right whenever the
final sum fits, which the caller proves; `vbmi_emitter` bounds the 16-bit lanes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.jit import jit_cpu
from torchapprox.kernels.table_planes import Planes, aligned_empty
from torchapprox.kernels.threads import for_each_block
from torchapprox.kernels.vbmi_emitter import (
    EXCHANGES,
    LANES,
    SOURCE,
    accumulate_lines,
    copy_bytes,
    copy_memory,
    transpose_codes,
)

DEPTH = 64
REGISTERS = 4
ROWS = 256
IN_PLACE_ROWS = 4  # measured: from here on gathering a panel pays
_TILE = LANES * REGISTERS


@dataclass(frozen=True, slots=True)
class CodeLines:
    """Where the codes of each step and position stand; the formula is above.

    Attributes:
        codes: uint8, one-dimensional.
        group_stride: Bytes from one group to the next.
        taps: int64 `(K,)`.
        lines: int64 `(L,)`.
        length: Positions in a line.
        stride: Bytes from one position of a line to the next, 1 or K; where it is K the taps are
            0..K-1.
    """

    codes: NDArray[np.uint8]
    group_stride: int
    taps: NDArray[np.int64]
    lines: NDArray[np.int64]
    length: int
    stride: int

    @property
    def positions(self) -> int:
        """Number of positions, M."""
        return len(self.lines) * self.length

    @classmethod
    def of_runs(cls, runs: NDArray[np.uint8]) -> "CodeLines":
        """Describe codes `(G, K, M)`, C-contiguous."""
        _, depth, width = runs.shape
        taps = np.arange(depth, dtype=np.int64) * width
        return cls(runs.reshape(-1), depth * width, taps, np.zeros(1, np.int64), width, 1)

    @classmethod
    def of_vectors(cls, vectors: NDArray[np.uint8]) -> "CodeLines":
        """Describe codes `(G, M, K)`, C-contiguous."""
        _, height, depth = vectors.shape
        taps, lines = np.arange(depth, dtype=np.int64), np.zeros(1, np.int64)
        return cls(vectors.reshape(-1), depth * height, taps, lines, height, max(depth, 1))


class SumPlaces(NamedTuple):
    """Where sums go.

    The sum of group g, row r and position m = l * length + i goes to

        g * group + r * row + step * (lines[l] + (i // pitch) * kept + i % pitch).

    Sums with ``i % pitch >= kept`` are dropped: between the rows of an image that is looked up as
    one line, they mix the end of one row with the beginning of the next.

    Attributes:
        group: Places from one group to the next.
        row: Places from one row to the next.
        lines: int64 `(L,)`.
        pitch: Positions from one row of a line to the next.
        kept: Positions of a row that are written.
        step: Places from one position to the next; ``row`` is 1 where it is not 1.
    """

    group: int
    row: int
    lines: NDArray[np.int64]
    pitch: int
    kept: int
    step: int


def lookup_vbmi_cpu(
    planes: Planes,
    rows: NDArray[np.uint8],
    lines: CodeLines,
    out: NDArray[np.int32],
    places: SumPlaces,
    *,
    threads: int,
) -> None:
    """Fill ``out`` with sums of look-ups.

    Args:
        planes: The table, as prepared for codes of the range that ``lines`` has.
        rows: uint8 `(G, R, K)`, C-contiguous.
        lines: The other operand.
        out: int32, one-dimensional; overwritten.
        places: Where in ``out`` the sums go.
        threads: Largest number of threads to use.
    """
    groups, height, depth = rows.shape
    if out.size == 0:
        return
    registers, block_rows = _partition(groups, height, lines.positions, depth, threads)
    tiles = -(-lines.positions // (LANES * registers))
    tasks = groups * -(-height // block_rows) * tiles
    fill = _filler(planes.halves, planes.bits)
    reach = int(lines.taps.max()) if depth else 0

    def task(start: int, stop: int) -> None:
        # Not a thread's own, since OpenMP's threads forget theirs.
        try:
            scratch = _idle.pop()
        except IndexError:
            scratch = _new_scratch()
        fill(
            *(planes.entries, planes.bias, rows, lines.codes, lines.group_stride, lines.taps),
            *(lines.lines, lines.length, lines.stride, reach, out, places, scratch),
            *(registers, block_rows, start, stop),
        )
        _idle.append(scratch)

    work = tasks * block_rows * depth * registers
    block = max(1, tasks // (4 * threads))
    for_each_block(task, tasks, block, threads if work > _SMALL else 1)


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
def _filler(halves: int, bits: int) -> Callable[..., None]:
    """Compile the kernel for a table's shape."""
    # A variable of this function, since only such constants are part of the key of Numba's cache.
    emitter = SOURCE

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
        reach,
        out,
        places,
        scratch,
        registers,
        block_rows,
        start,
        stop,
    ):
        """Fill tasks ``start`` to ``stop``, numbered in the order (group, block of rows, tile)."""
        panel, sums, (first, source, distances), exchanges = scratch
        _, height, depth = rows.shape
        positions = lines.size * length
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
            sums[: (last_row - first_row) * width] = 0
            for step in range(0, depth, DEPTH):
                steps = min(DEPTH, depth - step)
                if in_place:
                    line = address(codes) + source[0]
                    distance = address(taps) + 8 * step
                else:
                    early = 0
                    if stride == 1:
                        gather_lines(
                            *(panel, pitch, end - begin, first, source, pieces),
                            *(codes, taps, reach, step, steps),
                        )
                    else:
                        early = gather_vectors(
                            *(panel, pitch, end - begin, codes, source[0], stride),
                            *(step, steps, distances, exchanges),
                        )
                    for k in range(steps):
                        distances[k] = (early + k) * pitch
                    line = address(panel)
                    distance = address(distances)
                for row in range(first_row, last_row):
                    chosen = address(rows) + (group * height + row) * depth + step
                    target = address(sums) + (row - first_row) * width * 4
                    tables = address(entries), address(bias), chosen, steps
                    if used == 4:
                        first_four = (*tables, line, distance, target)
                        accumulate_lines(4, halves, bits, emitter, first_four)
                        continue
                    if used >= 2:
                        first_two = (*tables, line, distance, target)
                        accumulate_lines(2, halves, bits, emitter, first_two)
                    if used != 2:
                        skipped = (used - 1) * 64
                        last = (*tables, line + skipped, distance, target + 4 * skipped)
                        accumulate_lines(1, halves, bits, emitter, last)
            tile = sums, width, out, places, length, group, first_row, last_row, begin, end
            if places.step == 1:
                write_sums(*tile)
            else:
                write_sums_transposed(*tile)

    return fill


@numba.njit(nogil=True)
def address(array):
    """Return where an array begins; signed, since sums with unsigned integers become floats."""
    return np.int64(array.ctypes.data)


@numba.njit(nogil=True)
def gather_lines(panel, pitch, count, first, source, pieces, codes, taps, reach, step, steps):
    """Copy the pieces of each step's line into the panel, 16, 32 or 64 codes at a time.

    What is copied may reach beyond its piece: into the next piece, which is copied later, or into
    the spare register at the end of the panel's line.
    """
    for piece in range(pieces):
        begin, origin = first[piece], source[piece]
        end = first[piece + 1] if piece + 1 < pieces else count
        for chunk in range(0, end - begin, 64):
            where = origin + chunk
            target = begin + chunk
            if where + reach + 64 <= codes.size:
                to, of = address(panel) + target, address(codes) + where
                if end - target <= 16:
                    for k in range(steps):
                        copy_bytes(16, to + k * pitch, of + taps[step + k])
                elif end - target <= 32:
                    for k in range(steps):
                        copy_bytes(32, to + k * pitch, of + taps[step + k])
                else:
                    for k in range(steps):
                        copy_bytes(64, to + k * pitch, of + taps[step + k])
            else:
                for k in range(steps):
                    for i in range(min(64, end - target)):
                        panel[k * pitch + target + i] = codes[where + taps[step + k] + i]


@numba.njit(nogil=True)
def gather_vectors(panel, pitch, count, codes, origin, stride, step, steps, distances, exchanges):
    """Transpose codes that lie one position after another into the panel.

    Returns:
        How many lines of earlier steps come before that of the first one.
    """
    if stride < 16:
        for m in range(count):
            for k in range(steps):
                panel[k * pitch + m] = codes[origin + m * stride + k]
        return 0
    # Whole chunks are transposed; the last ones may overlap codes before the first step.
    chunk = 64 if stride >= 64 else 16
    early = min(step, -steps % chunk) if stride >= 64 else 0
    for begin in range(0, count, 64):
        for lane in range(64):
            distances[lane] = min(lane, count - begin - 1) * stride
        source = address(codes) + origin + begin * stride + step - early
        target = address(panel) + begin
        if chunk == 64:
            transpose_codes(4, target, pitch, source, address(distances), address(exchanges))
        else:
            for k in range(0, steps, 16):
                first = min(k, steps - 16)
                transpose_codes(
                    1,
                    target + first * pitch,
                    pitch,
                    source + first,
                    address(distances),
                    address(exchanges),
                )
    return early


@numba.njit(nogil=True)
def write_sums(sums, width, out, places, length, group, first_row, last_row, begin, end):
    """Copy a tile's sums to their places, where positions are neighbours."""
    m = begin
    while m < end:
        line, i = m // length, m % length
        across = i % places.pitch
        count = min(end - m, length - i, places.pitch - across)
        kept = min(count, places.kept - across)
        place = places.lines[line] + i // places.pitch * places.kept + across
        for row in range(first_row, last_row):
            origin = group * places.group + row * places.row + place
            start = (row - first_row) * width + m - begin
            if kept > 0:
                copy_memory(address(out) + 4 * origin, address(sums) + 4 * start, 4 * kept)
        m += count


@numba.njit(nogil=True)
def write_sums_transposed(sums, width, out, places, length, group, first_row, last_row, begin, end):
    """The same where rows are neighbours."""
    for m in range(begin, end):
        line, i = m // length, m % length
        across = i % places.pitch
        if across < places.kept:
            place = places.lines[line] + i // places.pitch * places.kept + across
            origin = group * places.group + place * places.step + first_row
            # Unsigned, since Numba lets negative indices count from the end.
            for row in range(np.uintp(last_row - first_row)):
                out[np.uintp(origin) + row] = sums[row * np.uintp(width) + np.uintp(m - begin)]


_idle: list[tuple[Any, ...]] = []


def _new_scratch() -> tuple[Any, ...]:
    """Return a panel with a register to spare in each line, sums and other places."""
    panel = aligned_empty((DEPTH * (_TILE + LANES),), np.uint8)
    sums = aligned_empty((ROWS * _TILE,), np.int32)
    return panel, sums, np.zeros((3, _TILE), np.int64), EXCHANGES
