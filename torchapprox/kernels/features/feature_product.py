r"""Matrix products and convolutions of features of codes, exact in 32 bits.

    sum[g, r, m] = sum_k sum_t left[t, rows[g, r, k]] * right[t, code(g, k, m)]

with k = (channel, tap). Features are made once of each code of a tile (`feature_pairs`), as words
of two, or of four where they fit bytes (`feature_bytes`), and stay in the second-level cache while
all rows pass over them, in strips of as many as registers hold (`pair_emitter`); those of the rows
are packed before. Where the channels of a tile would not fit, some are multiplied at a time.

Positions fill vectors by lines, so that a receptive field is read where it stands; what a vector
reads beyond its line is not used. Sums go where `SumPlaces` says, or become real numbers.

Overflow: sums are int32 and wrap modulo 2^32, so that the result is right whenever the final sum
fits, which the caller proves.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.compiling.cpu_kernel import available_kernels
from torchapprox.kernels.features.byte_tables import ByteTables
from torchapprox.kernels.features.code_planes import CodePlanes
from torchapprox.kernels.features.code_words import CodeWords, RowPacking
from torchapprox.kernels.features.pair_tables import PairTables
from torchapprox.kernels.features.pair_unit import VECTORS, PairUnit, pair_unit
from torchapprox.kernels.lookup.table_planes import aligned_empty
from torchapprox.kernels.results.sum_places import NOTHING, Rescaling, Results, SumPlaces
from torchapprox.kernels.threads.blocks import division
from torchapprox.kernels.threads.scratch import Arrays, Scratch

_PLANE_WORDS = 3 * 2**14  # of a tile: 192 KB of a second-level cache
_SUMS = 2**16  # of a tile
_POSITIONS = 512  # of a tile, at most
_LINE = 16  # words of a cache line
_PACKED = 2**14  # codes of rows that are packed at once, about 10 microseconds
_KEPT = 2**23  # words of rows whose memory the next call uses again, 32 MB
_SMALL = 2**16  # products of pairs of terms, about 3 microseconds, which a hand-out costs


Tables = PairTables | ByteTables


class FeatureMemory(NamedTuple):
    """Addresses of what is written while the kernel works.

    Attributes:
        words: uint32 `(workers, words_size)`, planes.
        sums: int32 `(workers, _SUMS)`.
        distances: int64 `(workers, distances_size)`, bytes from a tile's first word to each step's.
    """

    words: int
    sums: int
    distances: int


class FeaturePieces(NamedTuple):
    """Addresses of the pieces that the kernel calls.

    Attributes:
        multiply: `feature_tiles.pair_multiplier` for a strip.
        multiply_last: Likewise, for a group's last strip.
        map_codes: What fills planes.
        write: What `vector_results.writer` returns.
    """

    multiply: int
    multiply_last: int
    map_codes: int
    write: int


class FeatureTiles(NamedTuple):
    """What the compiled part takes.

    Attributes:
        packed: uint32, the rows' words, as `pack_rows` has them.
        planes: Codes of the positions.
        taps_count: Number of taps.
        lines_count: Lines of an image.
        words: Of the positions' codes.
        results: What the sums are written to.
        starts: int32 `(G * R, start_pitch / 4)`, what each row's sums begin with, in all lanes; or
            zeros, of one row for all.
        start_pitch: Bytes from one row of these to the next; 0 for zeros.
        memory: What is written meanwhile.
        pieces: What is called.
        words_size: Words of a worker.
        distances_size: Steps of a worker.
        sums_size: Sums of a worker.
        size: Of `_Tiling`, as those that follow.
        per_image: Tiles of an image.
        tiles: Tiles of a group.
        slice: Rows of a task.
        slices: Tasks that share a tile.
        strip: Rows of a strip.
        at_once: Channels that are multiplied at a time.
        lanes: Words of a vector.
    """

    packed: NDArray[np.uint32]
    planes: CodePlanes
    taps_count: int
    lines_count: int
    words: CodeWords
    results: Results
    starts: NDArray[np.int32]
    start_pitch: int
    memory: FeatureMemory
    pieces: FeaturePieces
    words_size: int
    distances_size: int
    sums_size: int
    size: int
    per_image: int
    tiles: int
    slice: int
    slices: int
    strip: int
    at_once: int
    lanes: int


def multiply_features_cpu(
    rows: NDArray[np.uint8],
    left: Tables,
    planes: CodePlanes,
    right: Tables,
    out: NDArray[Any],
    places: SumPlaces,
    rescaling: Rescaling | None = None,
    *,
    unit: PairUnit | None = None,
    threads: int,
) -> None:
    """Fill ``out`` with sums of products of features, or with the real numbers they stand for.

    Args:
        rows: uint8 `(G, R, K)`, C-contiguous, with K = (channel, tap).
        left: Features of the rows' codes.
        planes: The other operand.
        right: Features of its codes, of the same rank and in words of the same kind.
        out: int32, or of the type of the rescaling's scale, one-dimensional; overwritten.
        places: Where in ``out`` the sums go.
        rescaling: What makes real numbers of sums; None for the sums themselves.
        unit: What multiplies words of this kind; None for the fastest on this CPU.
        threads: Largest number of threads to use.
    """
    groups, height, depth = rows.shape
    if out.size == 0:
        return
    in_bytes = isinstance(right, ByteTables)
    if unit is None:
        unit = right.unit() if isinstance(right, ByteTables) else pair_unit()
    tiling = _Tiling(planes, right, groups, height, unit, threads)
    taps = len(planes.taps)
    of_words = _row_words.take(groups * height * right.planes(planes.channels) * taps)
    (packed,) = of_words.arrays
    starts, start_pitch, of_rows = _ZEROS, 0, _NO_STARTS
    if isinstance(left, ByteTables):
        pack, of_rows = _byte_packing()[0], np.empty(groups * height, np.int32)
    else:
        pack = _pair_packing()[0]
    strip, at_once = tiling.strip, tiling.channels
    pack(
        RowPacking(rows, left.words(), height, planes.channels, taps, packed, of_rows, at_once),
        **division(groups * height, depth, threads, most=_PACKED, least=_PACKED),
    )
    if isinstance(left, ByteTables) and left.shifted:
        width = VECTORS * unit.lanes
        starts, start_pitch = np.repeat(of_rows, width), 4 * width
    last = height - (-(-height // strip) - 1) * strip
    results = Results(out, places, rescaling or NOTHING, height, planes.positions, planes.length)
    layout = planes.place_stride == 1, in_bytes, results.bits, results.by_rows
    fill, pieces = _compiled(unit, strip, last, *layout)
    tasks = groups * tiling.slices * tiling.tiles
    if groups * height * planes.positions * depth * right.rank <= _SMALL:
        threads = 1
    scratch = _scratch.take(threads, tiling.words, tiling.steps)
    operands = packed, planes, taps, len(planes.lines), right.words(), results, starts, start_pitch
    _, words_size, distances_size = scratch.sizes
    sizes = words_size, distances_size, _SUMS
    memory = FeatureMemory(*scratch.addresses)
    tiles = tiling.size, tiling.per_image, tiling.tiles, tiling.slice, tiling.slices
    fill(
        FeatureTiles(*operands, memory, pieces, *sizes, *tiles, strip, at_once, unit.lanes),
        length=tasks,
        block=max(1, tasks // (4 * threads)),
        threads=threads,
    )
    _scratch.give_back(scratch)
    if packed.size <= _KEPT:
        _row_words.give_back(of_words)


class _Tiling:
    """Which part of a product one task computes.

    Attributes:
        size: Positions of a tile where an image has one line, else lines.
        per_image: Tiles of an image.
        tiles: Tiles of a group.
        strip: Rows of a strip.
        slice: Rows of a task, whole strips.
        slices: Tasks that share a tile.
        channels: Channels that are multiplied at a time, whole words if not all.
        words: Most words of planes at a time.
        steps: Most steps at a time.
    """

    def __init__(
        self,
        planes: CodePlanes,
        tables: Tables,
        groups: int,
        height: int,
        unit: PairUnit,
        threads: int,
    ) -> None:
        lanes, lines, taps = unit.lanes, planes.lines, planes.taps
        reach = int(taps.max(initial=0))
        single = len(lines) == 1
        total = planes.length if single else len(lines)
        # Positions and places of a plane by unit of size, a position or a line.
        each = 1 if single else planes.length
        apart = 1 if single else -(-int(lines[-1] - lines[0]) // max(1, total - 1))
        room = _PLANE_WORDS // max(1, tables.planes(planes.channels)) - reach - 2 * lanes
        most = max(1, min(room // apart, _POSITIONS // max(1, each)))
        least = VECTORS * lanes if single else 1
        tiles = -(-total // max(least, most))
        enough = 2 * threads
        if groups * planes.images * tiles < enough:
            tiles = min(-(-enough // (groups * planes.images)), -(-total // least))
        self.size = -(-total // max(1, tiles))
        if single:
            # Whole pairs of vectors, since one alone takes as long as two.
            self.size = -(-self.size // least) * least
        self.per_image = -(-total // max(1, self.size))
        self.tiles = planes.images * self.per_image
        self.strip = -(-height // -(-height // unit.rows))
        strips = -(-height // self.strip)
        self.slices = max(1, min(-(-enough // (groups * self.tiles)), strips // 2))
        self.slice = -(-strips // self.slices) * self.strip
        self.slices = -(-height // self.slice)
        span = self.size if single else (self.size - 1) * apart + planes.length
        pitch = plane_pitch(span + reach, lanes)
        self.channels = max(1, planes.channels)
        if tables.planes(planes.channels) * pitch > 2 * _PLANE_WORDS:
            share = tables.SHARE
            by_word = max(1, tables.planes(share)) * pitch
            self.channels = min(planes.channels, share * max(1, _PLANE_WORDS // by_word))
        used = tables.planes(self.channels)
        self.words, self.steps = used * pitch, used * len(taps)


def plane_pitch(places: int, lanes: int) -> int:
    """Return the words from one plane to the next: an odd number of cache lines.

    Planes then do not compete for the same lines of the first-level cache.
    """
    lines = -(-(places + lanes) // _LINE)
    return (lines + 1 - lines % 2) * _LINE


@cache
def _pair_packing() -> tuple[Any, ...]:
    """Return what packs rows in pairs, and what maps vectors and places."""
    from torchapprox.kernels.features import feature_pairs  # noqa: PLC0415  which loads Numba

    return feature_pairs.pack_rows, feature_pairs.map_vectors, feature_pairs.map_places


@cache
def _byte_packing() -> tuple[Any, ...]:
    """Return what packs rows in bytes, and what maps vectors and places, on this CPU."""
    from torchapprox.kernels.features import feature_bytes  # noqa: PLC0415  which loads Numba
    from torchapprox.kernels.features.byte_lookup import ANY, AVX2, VBMI  # noqa: PLC0415  likewise

    unit = next((name for name in (VBMI, AVX2) if name in available_kernels()), ANY)
    return (
        feature_bytes.byte_row_packer(unit),
        feature_bytes.byte_vector_mapper(unit),
        feature_bytes.byte_place_mapper(unit),
    )


@cache
def _compiled(
    unit: PairUnit,
    rows: int,
    last: int,
    along: bool,
    in_bytes: bool,
    real_bits: int,
    transposed: bool,
) -> tuple[Any, FeaturePieces]:
    """Compile what a product needs: the kernel and its pieces."""
    # Imported late, since they load Numba.
    from torchapprox.kernels.features import feature_tiles  # noqa: PLC0415
    from torchapprox.kernels.results import vector_results  # noqa: PLC0415

    _, *mappers = _byte_packing() if in_bytes else _pair_packing()
    pieces = (
        feature_tiles.pair_multiplier(unit, rows),
        feature_tiles.pair_multiplier(unit, last),
        mappers[along],
        vector_results.writer(real_bits, transposed),
    )
    return feature_tiles.fill_tiles, FeaturePieces(*(piece.address for piece in pieces))


_ZEROS = aligned_empty((VECTORS * _LINE,), np.int32)
_ZEROS.fill(0)
_NO_STARTS = np.empty(0, np.int32)


def _new_scratch(workers: int, words: int, steps: int) -> Arrays:
    """Return planes, sums and distances."""
    planes = aligned_empty((workers, words), np.uint32)
    return planes, aligned_empty((workers, _SUMS), np.int32), np.empty((workers, steps), np.int64)


def _new_words(count: int) -> Arrays:
    """Return words of rows."""
    return (np.empty(count, np.uint32),)


_scratch, _row_words = Scratch(_new_scratch), Scratch(_new_words)
