r"""Sums of look-ups in words of three lines of a kernel, for depthwise convolutions.

    sum[n, m] = sum_{o, l, c} table[w[n, o, l, c], code(n, m, o, l, c)]

with l a line of the kernel, c a column of it and o what else it has; `ChannelLines` says where the
codes stand. The weights of an output channel are few, so that for each column the entries of three
lines are packed side by side,

    word[o, p, c][code] = sum_{j < 3} 2^(21 j) entry[w[n, o, 3 p + j, c], code],

and one load looks up three products. Words are added up along each line of codes once, in 64 bits
(`word_emitter`), and the three fields then added to the sums of three lines. An entry, less its
row's least, has at most 16 bits, so that a field holds the sum of 32 columns.

For 3x3 kernels a code takes 4.25 loads and a store, 1.4 cycles where a CPU loads three times a
cycle, four outputs take 3 loads and 7 operations, and packing takes 8 operations for each four of
3 x 128 or 3 x 256 codes. Nothing is gathered, lines may be short, and a stride leaves no holes.

Overflow: sums are int32 and wrap modulo 2^32, so that the result is right whenever the final sum
fits, which the caller proves.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.lookup.table_planes import Planes
from torchapprox.kernels.results.sum_places import NOTHING, Rescaling, Results, SumPlaces
from torchapprox.kernels.threads.scratch import Arrays, Scratch

FIELD, FIELDS = 21, 3  # bits of a field, and fields of a word
COLUMNS = 32  # whose entries a field holds the sum of
COUNT = 8  # outputs of a pass, at most
_WORDS = 2048  # of a tile: 16 KB of a first-level cache
_SMALL = 2**14  # look-ups, about 3 microseconds, which a hand-out to threads costs


class ChannelLines(NamedTuple):
    """Where a convolution's codes stand and its results go, by lines of its output.

    The code of group g, plane u of the outputs, line y and position i of it, and plane o, line l
    and column c of the kernel stands at

        g * group + planes[u] + outer[o] + (y * hop_down + l * down) * pitch + i * hop + c * across.

    Attributes:
        group: Codes from one group to the next.
        rows: Output channels of a group.
        planes: int64 `(U,)`, in the order (image, *axes of the output but the last two).
        height: Lines of a plane of the output.
        length: Positions in a line, at least 1.
        pitch: Codes from one line to the next.
        hop_down: Lines of codes from one line of the output to the next.
        hop: Codes from one position to the next.
        outer: int64 `(O,)`, in the order (channel of a group, *axes of the kernel but the last
            two).
        lines: Lines of the kernel, at least 1.
        columns: Columns of the kernel, 1 to `COLUMNS`.
        down: Lines of codes from one line of the kernel to the next.
        across: Codes from one column to the next.
        images: int64 `(B,)`, where the results of each image begin.
        results: Results of a channel in an image; those of channel n begin n times as many later.
    """

    group: int
    rows: int
    planes: NDArray[np.int64]
    height: int
    length: int
    pitch: int
    hop_down: int
    hop: int
    outer: NDArray[np.int64]
    lines: int
    columns: int
    down: int
    across: int
    images: NDArray[np.int64]
    results: int

    @property
    def parts(self) -> int:
        """Words that the lines of a plane of the kernel take."""
        return -(-self.lines // FIELDS)

    @property
    def tables(self) -> int:
        """Tables of words of a channel."""
        return len(self.outer) * self.parts * self.columns

    def lines_of_codes(self, lines: int) -> int:
        """Return how many lines of codes some lines of outputs see by one word."""
        return (lines - 1) * self.hop_down + (min(self.lines, FIELDS) - 1) * self.down + 1


class DepthwiseMemory(NamedTuple):
    """Addresses of what the kernel writes meanwhile, of each worker in turn, and sizes.

    Attributes:
        tables: uint64, the words of a channel's weights, `(tables, 256)`.
        words: uint64, sums of words by line of codes.
        sums: int32, sums of a tile.
        tables_size: Words of tables of a worker.
        words_size: Words of sums of a worker.
        sums_size: Sums of a worker.
    """

    tables: int
    words: int
    sums: int
    tables_size: int
    words_size: int
    sums_size: int


class DepthwiseTiling(NamedTuple):
    """Which part of a channel is computed at once.

    Attributes:
        lines: Lines of a tile.
        planes: Planes of a tile, more than one where all their lines are in it.
        shares: Tasks of a channel.
    """

    lines: int
    planes: int
    shares: int


class DepthwisePieces(NamedTuple):
    """Addresses of the pieces that the kernel calls.

    Attributes:
        pack_words: `depthwise_tiles.pack_words`.
        add_lines: What `depthwise_tiles.line_adder` returns.
        add_fields: `depthwise_tiles.add_fields`.
        write: What `vector_results.writer` returns.
    """

    pack_words: int
    add_lines: int
    add_fields: int
    write: int


class DepthwiseProduct(NamedTuple):
    """What the compiled part takes.

    Attributes:
        entries: Of `Planes`, uint16.
        bias: Of `Planes`.
        entry_codes: Codes of a row of the entries.
        first_code: The first of them.
        weights: uint8 `(N, K)`.
        codes: uint8, the other operand.
        places: Where its codes stand.
        planes: Planes of the output, U.
        outer: Planes of the kernel, O.
        zeros: As many entries as a row has.
        results: What the sums are written to, of a group for each channel.
        tiling: What is computed at once.
        memory: What is written meanwhile.
        pieces: What is called.
    """

    entries: NDArray[np.uint16]
    bias: NDArray[np.int32]
    entry_codes: int
    first_code: int
    weights: NDArray[np.uint8]
    codes: NDArray[np.uint8]
    places: ChannelLines
    planes: int
    outer: int
    zeros: NDArray[np.uint16]
    results: Results
    tiling: DepthwiseTiling
    memory: DepthwiseMemory
    pieces: DepthwisePieces


def lookup_depthwise_cpu(
    planes: Planes,
    weights: NDArray[np.uint8],
    codes: NDArray[np.uint8],
    places: ChannelLines,
    out: NDArray[Any],
    rescaling: Rescaling | None = None,
    *,
    threads: int,
) -> None:
    """Fill ``out`` with sums of look-ups, or with the real numbers that they stand for.

    Args:
        planes: The table in one plane of 16 bits, whose rows weights select.
        weights: uint8 `(N, K)`, C-contiguous, with K = (plane, line, column) of the kernel.
        codes: The other operand, one-dimensional.
        places: Where its codes stand and sums go.
        out: int32, or of the type of the rescaling's scale, one-dimensional; overwritten.
        rescaling: What makes real numbers of sums, by row; None for the sums themselves.
        threads: Largest number of threads to use.
    """
    height, depth = weights.shape
    if out.size == 0:
        return
    results = Results(
        out,
        SumPlaces(places.results, 0, places.images, places.results, places.results, 1),
        rescaling or NOTHING,
        1,
        len(places.images) * places.results,
        places.results,
    )
    if height * depth * len(places.planes) * places.height * places.length <= _SMALL:
        threads = 1
    tiling = _tiling(places, height, threads)
    scratch = _scratch.take(
        threads,
        places.tables * 256,
        places.lines_of_codes(tiling.lines) * places.length,
        tiling.planes * tiling.lines * places.length,
    )
    memory = DepthwiseMemory(*scratch.addresses, *scratch.sizes[1:])
    count = -(-places.length // -(-places.length // COUNT))
    fill, pieces = _compiled(count, places.columns, places.across, places.hop, results.bits)
    table = planes.entries, planes.bias, planes.halves * 128, planes.first
    of_codes = codes, places, len(places.planes), len(places.outer)
    fill(
        DepthwiseProduct(*table, weights, *of_codes, _ZEROS, results, tiling, memory, pieces),
        length=height * tiling.shares,
        block=max(1, height * tiling.shares // (4 * threads)),
        threads=threads,
    )
    _scratch.give_back(scratch)


def _tiling(places: ChannelLines, channels: int, threads: int) -> DepthwiseTiling:
    """Return tiles whose words stay in the first-level cache, and enough tasks for all threads."""
    planes = len(places.planes)
    beyond = places.lines_of_codes(1)
    most = (_WORDS // places.length - beyond) // places.hop_down + 1
    tiles = -(-places.height // min(places.height, max(1, most)))
    lines, together = -(-places.height // tiles), 1
    if tiles == 1:
        together = max(1, _WORDS // (lines * places.length))
    tiles *= -(-planes // together)
    shares = min(tiles, -(-4 * threads // channels)) if threads > 1 else 1
    return DepthwiseTiling(lines, together, shares)


@cache
def _compiled(
    count: int, columns: int, across: int, hop: int, real_bits: int
) -> tuple[Any, DepthwisePieces]:
    """Compile what a product needs: the kernel and its pieces."""
    # Imported late, since they load Numba.
    from torchapprox.kernels.lookup import depthwise_tiles  # noqa: PLC0415
    from torchapprox.kernels.results import vector_results  # noqa: PLC0415

    pieces = (
        depthwise_tiles.pack_words,
        depthwise_tiles.line_adder(count, columns, across, hop),
        depthwise_tiles.add_fields,
        vector_results.writer(real_bits, transposed=False),
    )
    return depthwise_tiles.fill_channels, DepthwisePieces(*(piece.address for piece in pieces))


_ZEROS = np.zeros(256, np.uint16)


def _new_scratch(workers: int, tables: int, words: int, sums: int) -> Arrays:
    """Return words of tables, sums of words and sums."""
    return (
        np.empty((workers, tables), np.uint64),
        np.empty((workers, words), np.uint64),
        np.empty((workers, sums), np.int32),
    )


_scratch = Scratch(_new_scratch)
