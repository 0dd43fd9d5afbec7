"""Counts of the codes that each tap of a convolution's kernel sees.

counts[c, t, v] = number of (b, p) with codes[b, c, stride * p + dilation * t] == v

Every code is counted once, in the table of the taps that see it (`window_classes`): along a line
for its position, and line by line for the other axes. Taps are sums of tables. Padding, which is
one code, is not looked at: that code again and again, each count would wait for the one before.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.compiling.jit import jit_cpu
from torchapprox.kernels.statistics.window_classes import PITCH, TABLE, window_classes
from torchapprox.kernels.threads.blocks import blocks_cpu, division

_DIMS = 3
_SCANNED = 2**12  # codes of an image whose greatest is sought at once, and left in the caches
_CODES = 64  # to a multiple of which the number of codes is rounded up that occur


def window_histogram_cpu(
    codes: NDArray[np.uint8],
    counts: NDArray[np.integer],
    *,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    output: Sequence[int],
    margins: Sequence[tuple[int, int]] = (),
    threads: int,
) -> None:
    """Add the counts of every channel and tap to ``counts``.

    Args:
        codes: uint8 `(B, C, *size)` with one to three axes of size, C-contiguous; B times the size
            is below 2^31.
        counts: `(C * prod(kernel), 256)` of any integers that hold the counts, C-contiguous; added
            to.
        kernel: Taps along each axis.
        stride: Steps of the window along each axis.
        dilation: Steps of the taps along each axis.
        output: Positions of the window along each axis.
        margins: Positions before and after each axis's that hold one and the same code; empty for
            none.
        threads: Largest number of threads to use.
    """
    positions = math.prod(output) * len(codes)
    if codes.size == 0 or positions == 0:
        return
    size = codes.shape[2:]
    if math.prod((*kernel, *stride)) == 1:
        # A single tap sees all codes: one long axis.
        size = output = (math.prod(output),)
        kernel = stride = dilation = (1,)
        margins = ()
    padding = _code_of_margins(codes, margins)
    margins = margins or ((0, 0),) * len(size)
    inner = [range(lower, n - upper) for n, (lower, upper) in zip(size, margins, strict=True)]
    axes: Any = (
        (fill,) * (_DIMS - len(each)) + tuple(each)
        for each, fill in (*((sizes, 1) for sizes in (size, kernel, stride, dilation, output)),
                           (inner, range(1)))
    )  # fmt: skip
    flat, totals = codes.reshape(-1), counts.reshape(-1)
    # A plain tuple: Numba takes 160 microseconds to look at one with names.
    classes = tuple(window_classes(*axes))
    images, channels = codes.shape[:2]
    blocks = division(channels, positions, threads, most=2**17)
    _count_channels(flat, images, channels, classes, padding, totals, **blocks)


def _code_of_margins(codes: NDArray[np.uint8], margins: Sequence[tuple[int, int]]) -> int:
    """Return the code that stands in margins; 0 where there are none."""
    for axis, (lower, upper) in enumerate(margins, start=2):
        if lower or upper:
            return int(codes[0, 0].take(0 if lower else -1, axis - 2).flat[0])
    return 0


# Indices are unsigned, since Numba lets negative ones count from the end.


@blocks_cpu
def _count_channels(
    codes: Any,
    images: int,
    channels: int,
    classes: Any,
    padding: int,
    totals: Any,
    start: int,
    stop: int,
) -> None:
    (
        count, lines, line_starts, rows, row_starts, places, doubles, bases, more, more_starts,
        less, less_starts, padded,
    ) = classes  # fmt: skip
    plane, of_channel = codes.size // (images * channels), totals.size // channels
    table, taps = np.uintp(TABLE), bases.size
    tables, pitch = np.empty(count * PITCH, np.int32), np.uintp(PITCH)
    sums = np.empty(taps * TABLE, np.int32)
    together, greatest = max(1, _SCANNED // plane), np.int64(0)
    for channel in range(start, stop):
        first = channel * plane
        if (channel - start) % together == 0:
            last = min(channel + together, stop) * plane
            greatest = _greatest_code(codes, images, channels * plane, first, last)
        used = np.uintp((greatest // _CODES + 1) * _CODES)
        for kind in range(line_starts.size - 1):
            for number in range(np.uintp(count)):
                for code in range(used):
                    tables[number * pitch + code] = 0
            of_kind = lines[line_starts[kind] : line_starts[kind + 1]]
            _count_lines(codes, images, channels * plane, first, of_kind, places, tables)
            for pair in range(len(doubles)):
                to = np.uintp(doubles[pair, 0]) * pitch
                of = np.uintp(doubles[pair, 1]) * pitch
                for code in range(used):
                    tables[to + code] += tables[of + code]
            for tap in range(taps):
                added = more[more_starts[tap] : more_starts[tap + 1]]
                taken = less[less_starts[tap] : less_starts[tap + 1]]
                _sum_tap(tables, bases[tap], added, taken, tap, used, sums)
                of = np.uintp(tap) * table
                for number in range(row_starts[kind], row_starts[kind + 1]):
                    row = rows[number] * taps + tap
                    to = np.uintp(channel * of_channel) + np.uintp(row) * table
                    for code in range(used):
                        totals[to + code] += sums[of + code]
        for row in range(padded.size):
            totals[np.uintp(channel * of_channel + row * TABLE + padding)] += images * padded[row]


@jit_cpu
def _greatest_code(codes: Any, images: int, of_image: int, first: int, last: int) -> Any:
    greatest = np.uint8(0)
    for image in range(images):
        at = np.uintp(image * of_image + first)
        for i in range(np.uintp(last - first)):
            greatest = max(greatest, codes[at + i])
    return np.int64(greatest)


@jit_cpu
def _count_lines(
    codes: Any, images: int, of_image: int, first: int, lines: Any, places: Any, tables: Any
) -> None:
    """Count some lines of every image in the tables of their positions."""
    width = np.uintp(places.size)
    for image in range(images):
        for line in lines:
            at = np.uintp(image * of_image + first + line)
            for x in range(width):
                tables[np.uintp(places[x]) + np.uintp(codes[at + x])] += 1


@jit_cpu
def _sum_tap(tables: Any, base: int, more: Any, less: Any, tap: int, used: int, sums: Any) -> None:
    """Add up the classes that a tap sees, or what differs from another tap."""
    table, to = np.uintp(TABLE), np.uintp(tap * TABLE)
    for code in range(used):
        sums[to + code] = 0 if base < 0 else sums[np.uintp(base) * table + code]
    for number in more:
        of = np.uintp(number) * np.uintp(PITCH)
        for code in range(used):
            sums[to + code] += tables[of + code]
    for number in less:
        of = np.uintp(number) * np.uintp(PITCH)
        for code in range(used):
            sums[to + code] -= tables[of + code]
