"""Positions of padded codes, sorted by the taps of a convolution's kernel that see them.

Along an axis, tap ``t`` sees the positions ``stride * p + dilation * t``. Positions that the same
taps see form a class: of three taps one apart, both ends have two classes of a single position
each, and all others are in one. Where each class is counted once, taps are sums of few classes.
Padding is in none: how often a tap sees it depends on sizes only.
"""

import math
from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Sizes = tuple[int, int, int]
Taps = tuple[int, ...]
Ranges = tuple[range, range, range]
Classes = dict[Taps, list[int]]

TABLE = 256
"""Counts in one table."""

PITCH = 272
"""Counts from one table to the next: at whole parts of a page, a CPU would take the counts of one
code in several tables for the same ones."""

_APART = 4  # positions: an increment waits for one of the same count shortly before it


class WindowClasses(NamedTuple):
    """What counting needs to know of a convolution; lists of lists as values and their starts.

    Lines are those of the last axis. Their positions are counted in tables, each class in one or
    several.

    Attributes:
        tables: Number of tables. The first ones are those of the classes; the last one is for
            positions that nobody sees.
        lines: Where the lines of each class begin in a plane, behind their padding, int64.
        line_starts: Likewise the starts, int64 `(classes + 1,)`.
        rows: Taps of the other axes that see the lines of each class, int64.
        row_starts: Their starts.
        places: Where the table of each position along a line begins, uint32.
        doubles: Pairs of tables, the second of which belongs to the class of the first, int64
            `(..., 2)`.
        bases: For each tap along a line the one from which its counts follow, -1 for none, int64.
        more: Classes that are added to those, int64.
        more_starts: Their starts.
        less: Classes that are taken away.
        less_starts: Their starts.
        padded: How often each tap sees padding, int64 `(prod(kernel),)`.
    """

    tables: int
    lines: NDArray[np.int64]
    line_starts: NDArray[np.int64]
    rows: NDArray[np.int64]
    row_starts: NDArray[np.int64]
    places: NDArray[np.uint32]
    doubles: NDArray[np.int64]
    bases: NDArray[np.int64]
    more: NDArray[np.int64]
    more_starts: NDArray[np.int64]
    less: NDArray[np.int64]
    less_starts: NDArray[np.int64]
    padded: NDArray[np.int64]


@lru_cache(maxsize=1024)
def window_classes(
    size: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes, output: Sizes, inner: Ranges
) -> WindowClasses:
    """Return the classes of a convolution's positions.

    Args:
        size: Of a plane of codes.
        kernel: Taps along each axis.
        stride: Steps of the window along each axis.
        dilation: Steps of the taps along each axis.
        output: Positions of the window along each axis, at least 1.
        inner: Positions along each axis that are no padding.

    Examples:
        >>> whole, one = range(6), range(1)
        >>> steps = (1, 1, 3), (1, 1, 1), (1, 1, 1), (1, 1, 4)
        >>> found = window_classes((1, 1, 6), *steps, (one, one, whole))
        >>> (found.places // PITCH).tolist(), found.bases.tolist()
        ([0, 1, 2, 5, 3, 4], [-1, -1, -1])
        >>> window_classes((1, 1, 6), *steps, (one, one, whole[1:])).padded.tolist()
        [1, 0, 0]
    """
    deep, tall, wide = map(_classes, kernel, stride, dilation, output, inner)
    lines, rows = [], []
    for z_taps, z_places in deep.items():
        for y_taps, y_places in tall.items():
            begins = [(z * size[1] + y) * size[2] for z in z_places for y in y_places]
            lines.append([begin + inner[2].start for begin in begins])
            rows.append([z * kernel[1] + y for z in z_taps for y in y_taps])
    tables, places, doubles = _tables(list(wide.values()), inner[2].start)
    bases, more, less = _sums(list(wide), kernel[2])
    return WindowClasses(
        tables, *_listed(lines), *_listed(rows), places, doubles, bases,
        *_listed(more), *_listed(less), math.prod(output) - _inside(deep, tall, wide, kernel),
    )  # fmt: skip


def _inside(deep: Classes, tall: Classes, wide: Classes, kernel: Sizes) -> NDArray[np.int64]:
    """Return how often each tap sees a position of any class."""
    counts = (
        np.array([sum(len(places) for seen, places in axis.items() if tap in seen)
                  for tap in range(taps)], np.int64)
        for axis, taps in zip((deep, tall, wide), kernel, strict=True)
    )  # fmt: skip
    return reduce(np.multiply.outer, counts).reshape(-1)


def _classes(kernel: int, stride: int, dilation: int, output: int, inner: range) -> Classes:
    """Return the positions along an axis, without padding, by the taps that see them."""
    seen: dict[int, Taps] = {}
    for tap in range(kernel):
        for place in range(tap * dilation, tap * dilation + output * stride, stride):
            seen[place] = (*seen.get(place, ()), tap)
    classes: Classes = {}
    for place in sorted(set(seen).intersection(inner)):
        classes.setdefault(seen[place], []).append(place)
    return classes


def _tables(
    classes: Sequence[Sequence[int]], begin: int
) -> tuple[int, NDArray[np.uint32], NDArray[np.int64]]:
    """Return how many tables there are, where each position's begins, and which are doubles.

    Args:
        classes: Positions of each.
        begin: The first position that is no padding.
    """
    of_place = {place: number for number, places in enumerate(classes) for place in places}
    own, count = [[number] for number in range(len(classes))], len(classes)
    doubles: list[tuple[int, int]] = []
    last: dict[int, int] = {}
    chosen = []
    for place in range(begin, max(of_place, default=-1) + 1):
        number = of_place.get(place)
        if number is None:
            chosen.append(-1)
            continue
        table = min(own[number], key=lambda table: last.get(table, -_APART))
        if place - last.get(table, -_APART) < _APART:
            table, count = count, count + 1
            own[number].append(table)
            doubles.append((number, table))
        last[table] = place
        chosen.append(table)
    places = np.array([count if table < 0 else table for table in chosen], np.uint32)
    return count + 1, places * np.uint32(PITCH), np.array(doubles, np.int64).reshape(-1, 2)


def _sums(
    classes: Sequence[Taps], taps: int
) -> tuple[NDArray[np.int64], list[list[int]], list[list[int]]]:
    """Return of each tap the one that it follows from, and what has to be added and taken away."""
    members = [{i for i, seen_by in enumerate(classes) if tap in seen_by} for tap in range(taps)]
    bases, more, less = [], [], []
    for tap, own in enumerate(members):
        sources = {-1: set[int](), **dict(enumerate(members[:tap]))}
        # To copy another tap's sums takes as long as to add a class.
        cost = {source: (source >= 0) + len(own ^ given) for source, given in sources.items()}
        base = min(cost, key=lambda source: cost[source])
        bases.append(base)
        more.append(sorted(own - sources[base]))
        less.append(sorted(sources[base] - own))
    return np.array(bases, np.int64), more, less


def _listed(lists: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return lists one after another, and where each starts."""
    starts = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    return np.array([item for each in lists for item in each], np.int64), starts
