"""Counts of the codes that each tap of a convolution's kernel sees.

counts[c, t, v] = number of (b, p) with codes[b, c, stride * p + dilation * t] == v

The windows of two taps that are ``stride / gcd(stride, dilation)`` apart along an axis differ only
in their first and last positions along it, so that one follows from the other.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.blocks import blocks_cpu
from torchapprox.kernels.jit import jit_cpu

_DIMS = 3
_FEW = 512  # positions of a window, below which a table of 256 counts takes longer than counting


def window_histogram_cpu(
    codes: NDArray[np.uint8],
    counts: NDArray[np.integer],
    *,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    output: Sequence[int],
    threads: int,
) -> None:
    """Add the counts of every channel and tap to ``counts``.

    Args:
        codes: uint8 `(B, C, *size)` with one to three axes of size, C-contiguous.
        counts: `(C * prod(kernel), 256)` of any integers that hold the counts, C-contiguous; added
            to.
        kernel: Taps along each axis.
        stride: Steps of the window along each axis.
        dilation: Steps of the taps along each axis.
        output: Positions of the window along each axis.
        threads: Largest number of threads to use.
    """
    if math.prod((*kernel, *stride)) == 1:
        # A single tap sees all codes: one long axis.
        codes = codes.reshape(*codes.shape[:2], math.prod(codes.shape[2:]))
        output = (math.prod(output),)
        kernel = stride = dilation = (1,)
    missing = _DIMS - len(kernel)
    codes = codes.reshape(*codes.shape[:2], *(1,) * missing, *codes.shape[2:])
    geometry = np.array(
        [(*(1,) * missing, *sizes) for sizes in (kernel, stride, dilation, output)], np.int64
    )
    if codes.size == 0:
        return
    positions = math.prod(output) * len(codes)
    channels = codes.shape[1]
    block = max(1, min(2**17 // max(1, positions), -(-channels // threads)))
    _count_channels(codes, geometry, counts, length=channels, block=block, threads=threads)


@blocks_cpu
def _count_channels(codes: Any, geometry: Any, counts: Any, start: int, stop: int) -> None:
    kernel, stride, dilation, output = geometry[0], geometry[1], geometry[2], geometry[3]
    taps = kernel[0] * kernel[1] * kernel[2]
    taps_below = np.array([kernel[1] * kernel[2], kernel[2], 1])
    positions = output[0] * output[1] * output[2]
    apart, moved = np.empty(3, np.int64), np.empty(3, np.int64)
    for axis in range(3):
        common = math.gcd(stride[axis], dilation[axis])
        apart[axis], moved[axis] = stride[axis] // common, dilation[axis] // common
    found = np.zeros((taps, 256), np.int64)
    tables = np.zeros((4, 256), np.int64)
    place, first, count = np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3, np.int64)
    flat, sizes = codes.reshape(-1), codes.shape
    few = positions * codes.shape[0] < _FEW
    for channel in range(start, stop):
        used = 256 if few else _greatest_code(flat, sizes, channel) + 1
        for tap in range(taps):
            for axis in range(3):
                place[axis] = tap // taps_below[axis] % kernel[axis]
                first[axis], count[axis] = place[axis] * dilation[axis], output[axis]
            total = counts[channel * taps + tap]
            if few:
                _add_positions(flat, sizes, channel, first, count, stride, total, 1)
                continue
            # The axis along which the fewest positions change.
            best, least = -1, positions
            for axis in range(3):
                if place[axis] >= apart[axis] and output[axis] > 2 * moved[axis]:
                    changes = 2 * moved[axis] * positions // output[axis]
                    if changes < least:
                        best, least = axis, changes
            here = found[tap]
            if best < 0:
                _count_window(flat, sizes, channel, first, count, stride, tables, here, used)
            else:
                here[:used] = found[tap - apart[best] * taps_below[best], :used]
                count[best] = moved[best]
                # The last positions of this tap's window are new, the first of the other's gone.
                first[best] += (output[best] - moved[best]) * stride[best]
                _add_positions(flat, sizes, channel, first, count, stride, here, 1)
                first[best] = (place[best] - apart[best]) * dilation[best]
                _add_positions(flat, sizes, channel, first, count, stride, here, -1)
            for code in range(used):
                total[code] += here[code]


# No view is made of a line, which may be short; indices are unsigned, since Numba lets negative
# ones count from the end.


@jit_cpu
def _greatest_code(codes: Any, sizes: Any, channel: int) -> Any:
    plane = sizes[2] * sizes[3] * sizes[4]
    greatest = np.uint8(0)
    for image in range(sizes[0]):
        at = np.uintp((image * sizes[1] + channel) * plane)
        for i in range(np.uintp(plane)):
            greatest = max(greatest, codes[at + i])
    return np.int64(greatest)


@jit_cpu
def _start_of_line(
    sizes: Any, image: int, channel: int, first: Any, step: Any, z: int, y: int
) -> Any:
    """Return where the line numbered (z, y) of a window starts."""
    deep, tall = first[0] + z * step[0], first[1] + y * step[1]
    plane = (image * sizes[1] + channel) * sizes[2] + deep
    return np.uintp((plane * sizes[3] + tall) * sizes[4] + first[2])


@jit_cpu
def _count_window(
    codes: Any,
    sizes: Any,
    channel: int,
    first: Any,
    count: Any,
    step: Any,
    tables: Any,
    result: Any,
    used: int,
) -> None:
    # Four tables in turn: equal codes that follow each other do not wait for each other.
    tables[:, :used] = 0
    hop = np.uintp(step[2])
    length, whole = np.uintp(count[2]), np.uintp(count[2] // 4 * 4)
    for image in range(sizes[0]):
        for z in range(count[0]):
            for y in range(count[1]):
                at = _start_of_line(sizes, image, channel, first, step, z, y)
                for x in range(np.uintp(0), whole, np.uintp(4)):
                    here = at + x * hop
                    tables[0, codes[here]] += 1
                    tables[1, codes[here + hop]] += 1
                    tables[2, codes[here + hop + hop]] += 1
                    tables[3, codes[here + hop + hop + hop]] += 1
                for x in range(whole, length):
                    tables[x - whole, codes[at + x * hop]] += 1
    for code in range(used):
        result[code] = tables[0, code] + tables[1, code] + tables[2, code] + tables[3, code]


@jit_cpu
def _add_positions(
    codes: Any,
    sizes: Any,
    channel: int,
    first: Any,
    count: Any,
    step: Any,
    result: Any,
    sign: int,
) -> None:
    hop = np.uintp(step[2])
    for image in range(sizes[0]):
        for z in range(count[0]):
            for y in range(count[1]):
                at = _start_of_line(sizes, image, channel, first, step, z, y)
                for x in range(np.uintp(count[2])):
                    result[codes[at + x * hop]] += sign
