r"""Matrix products and convolutions of features of codes, exact in 32 bits.

    sum[g, r, m] = sum_k sum_t left[t, rows[g, r, k]] * right[t, code(g, k, m)]

with k = (channel, tap). Features are made once of each code of a tile (`feature_pairs`), as words
of two, and stay in the second-level cache while all rows pass over them; those of the rows are
packed before, in strips of as many rows as registers hold (`pair_emitter`). Where the channels of a
tile would not fit, some are multiplied at a time.

Positions fill vectors by lines, so that a receptive field is read where it stands; what a vector
reads beyond its line is not used. Sums go where `SumPlaces` says, or become real numbers.

Overflow: sums are int32 and wrap modulo 2^32, so that the result is right whenever the final sum
fits, which the caller proves.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.code_planes import CodePlanes
from torchapprox.kernels.feature_pairs import map_places, map_vectors, pack_strips
from torchapprox.kernels.pair_tables import PairTables
from torchapprox.kernels.pair_unit import ROWS, VECTORS, PairUnit, pair_unit
from torchapprox.kernels.sum_places import Rescaling, SumPlaces, bits_of, terms_of
from torchapprox.kernels.table_planes import aligned_empty
from torchapprox.kernels.threads import for_each_block

_PLANE_WORDS = 3 * 2**14  # of a tile: 192 KB of a second-level cache
_SUMS = 2**16  # of a tile
_POSITIONS = 512  # of a tile, at most
_LINE = 16  # words of a cache line
_SMALL = 2**18  # products of pairs of terms, about 10 microseconds, which a hand-out costs


def multiply_features_cpu(
    rows: NDArray[np.uint8],
    left: PairTables,
    planes: CodePlanes,
    right: PairTables,
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
        right: Features of its codes, of the same rank.
        out: int32, or of the type of the rescaling's scale, one-dimensional; overwritten.
        places: Where in ``out`` the sums go.
        rescaling: What makes real numbers of sums; None for the sums themselves.
        unit: What multiplies pairs; None for the fastest on this CPU.
        threads: Largest number of threads to use.
    """
    groups, height, depth = rows.shape
    if out.size == 0:
        return
    unit = unit or pair_unit()
    tiling = _Tiling(planes, right, groups, height, unit.lanes, threads)
    strips = np.empty(groups * height * right.planes(planes.channels) * len(planes.taps), np.uint32)
    taps = len(planes.taps)

    def pack(start: int, stop: int) -> None:
        pack_strips(
            *(rows.reshape(-1), height, depth, planes.channels, taps, left.pairs, left.last),
            *(strips, tiling.strip, tiling.channels, start, stop),
        )

    count = groups * -(-height // tiling.strip)
    for_each_block(pack, count, max(1, -(-(2**16) // max(1, depth * tiling.strip))), threads)
    last = height - (-(-height // tiling.strip) - 1) * tiling.strip
    layout = planes.place_stride == 1, bits_of(out), places.step != 1
    fill, *pieces = _compiled(unit, tiling.strip, last, *layout)
    tasks = groups * tiling.slices * tiling.tiles

    def task(start: int, stop: int) -> None:
        scratch = _scratch(tiling.words, tiling.steps)
        fill(
            *(strips, planes.codes, planes.group_stride, planes.channel_stride),
            *(planes.image_stride, planes.place_stride, planes.channels, planes.taps),
            *(planes.lines, planes.length, right.pairs, right.last, right.flip, height),
            *(out.view(np.uint8), *places, *terms_of(rescaling), *scratch),
            *(tiling.size, tiling.per_image, tiling.tiles, tiling.slice, tiling.slices),
            *(tiling.strip, tiling.channels, unit.lanes, *pieces, start, stop),
        )
        _idle.append(scratch)

    if threads == 1 or groups * height * planes.positions * depth * right.rank <= _SMALL:
        task(0, tasks)
    else:
        for_each_block(task, tasks, max(1, tasks // (4 * threads)), threads)


class _Tiling:
    """Which part of a product one task computes.

    Attributes:
        size: Positions of a tile where an image has one line, else lines.
        per_image: Tiles of an image.
        tiles: Tiles of a group.
        strip: Rows of a strip.
        slice: Rows of a task, whole strips.
        slices: Tasks that share a tile.
        channels: Channels that are multiplied at a time, an even number if not all.
        words: Most words of planes at a time.
        steps: Most steps at a time.
    """

    def __init__(
        self,
        planes: CodePlanes,
        tables: PairTables,
        groups: int,
        height: int,
        lanes: int,
        threads: int,
    ) -> None:
        lines, taps = planes.lines, planes.taps
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
            self.size = -(-self.size // lanes) * lanes
        self.per_image = -(-total // max(1, self.size))
        self.tiles = planes.images * self.per_image
        self.strip = -(-height // -(-height // ROWS))
        strips = -(-height // self.strip)
        self.slices = max(1, min(-(-enough // (groups * self.tiles)), strips // 2))
        self.slice = -(-strips // self.slices) * self.strip
        self.slices = -(-height // self.slice)
        span = self.size if single else (self.size - 1) * apart + planes.length
        pitch = plane_pitch(span + reach, lanes)
        self.channels = max(1, planes.channels)
        if tables.planes(planes.channels) * pitch > 2 * _PLANE_WORDS:
            by_pair = max(1, tables.planes(2)) * pitch
            self.channels = min(planes.channels, 2 * max(1, _PLANE_WORDS // by_pair))
        used = tables.planes(self.channels)
        self.words, self.steps = used * pitch, used * len(taps)


def plane_pitch(places: int, lanes: int) -> int:
    """Return the words from one plane to the next: an odd number of cache lines.

    Planes then do not compete for the same lines of the first-level cache.
    """
    lines = -(-(places + lanes) // _LINE)
    return (lines + 1 - lines % 2) * _LINE


@cache
def _compiled(
    unit: PairUnit, rows: int, last: int, along: bool, real_bits: int, transposed: bool
) -> tuple[Any, ...]:
    """Compile what a product needs: the kernel, and the pieces whose addresses it takes."""
    # Imported late, since they load Numba.
    from torchapprox.kernels import feature_tiles, vector_results  # noqa: PLC0415

    pieces = (
        feature_tiles.pair_multiplier(unit, rows),
        feature_tiles.pair_multiplier(unit, last),
        map_places if along else map_vectors,
        vector_results.writer(real_bits, transposed),
    )
    return feature_tiles.tile_filler(), *(piece.address for piece in pieces)


_idle: list[tuple[Any, ...]] = []


def _scratch(words: int, steps: int) -> tuple[Any, ...]:
    """Return planes, sums, zeros and distances; one that is idle, if it is large enough."""
    # Not a thread's own, since OpenMP's threads forget theirs.
    try:
        found = _idle.pop()
    except IndexError:
        found = None
    if found is not None and found[0].size >= words and found[3].size >= steps:
        return found
    sums, zeros = aligned_empty((_SUMS,), np.int32), aligned_empty((VECTORS * _LINE,), np.int32)
    zeros.fill(0)
    return aligned_empty((words,), np.uint32), sums, zeros, np.empty(steps, np.int64)
