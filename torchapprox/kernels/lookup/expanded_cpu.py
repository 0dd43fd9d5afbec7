r"""Sums of look-ups in a table that is expanded by one operand's codes, on any CPU.

    sum[g, r, m] = sum_k table[rows[g, r, k], code(g, k, m)]

with the codes where `lookup_vector` has them. A *slab* holds the entries of some steps for every
code of a half of the table, or of all of it, those of some rows side by side,

    slab[k, c, r] = entry(rows[g, r, k], c)

so that the code at a position selects a line of the slab for each step, which is added to the
position's sums; `slab_vectors` says how. Nothing is gathered, since a code is read once for up to
64 rows. To make an entry takes 2 to 3 times as long as to add one, and a slab serves all positions
of a tile.

A tile is up to `TILE` positions of up to `BLOCK` rows, whose sums lie in the second-level cache
while slabs of a few steps pass over them. Entries are those of `Planes` in one plane of 16 bits;
their sums are widened every `STEPS_MAX` steps, when the rows' biases are added.

Overflow: sums are int32 and wrap modulo 2^32, so that the result is right whenever the final sum
fits, which the caller proves; `slab_vectors` bounds the lanes.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.lookup.code_lines import CodeLines
from torchapprox.kernels.lookup.table_planes import Planes, aligned_empty
from torchapprox.kernels.results.sum_places import NOTHING, Rescaling, Results, SumPlaces
from torchapprox.kernels.threads.scratch import Arrays, Scratch

LANES = 16  # rows in a vector of entries
VECTORS = 4  # of rows in a tile, at most
BLOCK = LANES * VECTORS
TILE = 1024  # positions, at most
UNROLLED = 4  # steps in one pass of a loop
CHUNK = 256  # positions whose sums are transposed at once
SIDE = 8  # of a square of sums that is transposed
SLAB = UNROLLED * 256 * BLOCK * 2  # bytes of a slab, at most
_SMALL = 2**13  # look-ups that take as long as to hand them out to threads


class ExpandedMemory(NamedTuple):
    """Addresses of what is written while the kernel works.

    Attributes:
        slabs: uint8 `(workers + 2, SLAB)`.
        sums: uint16 `(workers, TILE, 2 * BLOCK)`, two sums of each row.
        totals: int32 `(workers, TILE, BLOCK)`.
        by_row: int32 `(workers, BLOCK, CHUNK)`, totals of some positions transposed.
        biases: int32 `(workers, BLOCK)`.
        sources: int64 `(workers, LANES)`, addresses.
        zeros: int32 `(BLOCK,)`.
    """

    slabs: int
    sums: int
    totals: int
    by_row: int
    biases: int
    sources: int
    zeros: int


class ExpandedPieces(NamedTuple):
    """Addresses of the pieces that the kernel calls.

    Attributes:
        expand: `expanded_tiles.expand`.
        add: `expanded_tiles.adder` for a block of rows.
        add_last: Likewise, for a group's last block.
        widen: `expanded_tiles.widen_sums`.
        write: What `vector_results.writer` returns.
    """

    expand: int
    add: int
    add_last: int
    widen: int
    write: int


class ExpandedTiles(NamedTuple):
    """What the compiled part takes.

    Attributes:
        entries: Of `Planes`.
        columns: Entries of a row.
        first: Of `Planes`.
        bias: Of `Planes`.
        rows: uint8 `(G, R, K)`.
        height: R.
        depth: K.
        lines: Codes of the positions.
        results: What the sums are written to, with positions for rows where these are neighbours.
        turned: Whether they are.
        memory: What is written meanwhile.
        pieces: What is called.
        tile: Positions of a tile.
        block: Rows of a tile.
        steps: Of a slab.
    """

    entries: NDArray[np.uint16]
    columns: int
    first: int
    bias: NDArray[np.int32]
    rows: NDArray[np.uint8]
    height: int
    depth: int
    lines: CodeLines
    results: Results
    turned: bool
    memory: ExpandedMemory
    pieces: ExpandedPieces
    tile: int
    block: int
    steps: int


def lookup_expanded_cpu(
    planes: Planes,
    rows: NDArray[np.uint8],
    lines: CodeLines,
    out: NDArray[Any],
    places: SumPlaces,
    rescaling: Rescaling | None = None,
    *,
    threads: int,
) -> None:
    """Fill ``out`` with sums of look-ups, or with the real numbers that they stand for.

    Args:
        planes: The table, one plane of 16 bits.
        rows: uint8 `(G, R, K)`, C-contiguous.
        lines: The other operand; every code that it has is one of the planes' columns.
        out: int32, or of the type of the rescaling's scale, one-dimensional; overwritten.
        places: Where in ``out`` the sums go; positions whose sums are not neighbours are one line.
        rescaling: What makes real numbers of sums; None for the sums themselves.
        threads: Largest number of threads to use.
    """
    groups, height, depth = rows.shape
    if out.size == 0:
        return
    tile, block = _partition(groups, height, lines.positions, threads)
    blocks = -(-height // block)
    tasks = groups * blocks * -(-lines.positions // tile)
    vectors, last = -(-block // LANES), -(-(height - (blocks - 1) * block) // LANES)
    columns = planes.entries.shape[2]
    steps = SLAB // (2 * LANES * vectors * columns) // UNROLLED * UNROLLED
    results = Results(out, places, rescaling or NOTHING, height, lines.positions, lines.length)
    turned = results.by_rows
    fill, pieces = _compiled(vectors, last, planes.bits, results.bits)
    if groups * height * lines.positions * depth <= _SMALL:
        threads = 1
    scratch = _scratch.take(threads)
    operands = planes.entries, columns, planes.first, planes.bias, rows, height, depth, lines
    results = results.turned() if turned else results
    memory = ExpandedMemory(*scratch.addresses)
    fill(
        ExpandedTiles(*operands, results, turned, memory, pieces, tile, block, steps),
        length=tasks,
        block=max(1, tasks // (4 * threads)),
        threads=threads,
    )
    _scratch.give_back(scratch)


def _partition(groups: int, height: int, positions: int, threads: int) -> tuple[int, int]:
    """Return the positions and the rows of a tile, enough tiles for all threads."""
    vectors, tiles = -(-height // LANES), -(-positions // TILE)
    widest = -(-vectors // -(-vectors // VECTORS))
    width = widest
    # Narrower where each thread then has as many, but not of one vector, which wastes loads.
    if groups * tiles * -(-vectors // widest) < 4 * threads:
        widths = range(widest, 1, -1)
        even = (n for n in widths if groups * tiles * -(-vectors // n) % threads == 0)
        width = next(even, widest)
    # Each tile of one block expands the same rows, so that there are few of them.
    while groups * tiles * -(-vectors // width) < threads and positions > CHUNK * tiles:
        tiles += 1
    return -(-positions // tiles), min(width * LANES, height)


@cache
def _compiled(vectors: int, last: int, bits: int, real_bits: int) -> tuple[Any, ExpandedPieces]:
    """Compile what a product needs: the kernel and its pieces."""
    # Imported late, since they load Numba.
    from torchapprox.kernels.lookup import expanded_tiles  # noqa: PLC0415
    from torchapprox.kernels.results import vector_results  # noqa: PLC0415

    pieces = (
        expanded_tiles.expand,
        expanded_tiles.adder(vectors, bits),
        expanded_tiles.adder(last, bits),
        expanded_tiles.widen_sums,
        vector_results.writer(real_bits, False),
    )
    return expanded_tiles.fill_expanded, ExpandedPieces(*(piece.address for piece in pieces))


def _new_scratch(workers: int) -> Arrays:
    """Return slabs, sums of 16 and of 32 bits, these transposed, biases, places and zeros."""
    zeros = aligned_empty((BLOCK,), np.int32)
    zeros.fill(0)
    return (
        # With memory before and behind, for codes that someone changes after they were scanned.
        aligned_empty((workers + 2, SLAB), np.uint8),
        aligned_empty((workers, TILE, 2 * BLOCK), np.uint16),
        aligned_empty((workers, TILE, BLOCK), np.int32),
        aligned_empty((workers, BLOCK, CHUNK), np.int32),
        np.empty((workers, BLOCK), np.int32),
        np.empty((workers, LANES), np.int64),
        zeros,
    )


_scratch = Scratch(_new_scratch)
