r"""Affine quantisation of floats on a CUDA device, one pass over the data each.

The formulas and their roundings are those of `quantise_cpu`, so that the results are the same bits.
Values are planes of positions; a scale belongs to all planes or to one each. Scale and zero point
are read from device memory, and a value that is not finite is reported in device memory, so that
nothing waits for the device.

`quantise_cuda` may write each plane with a margin of the zero point's code around it, which is what
a convolution reads. A thread keeps its position within the planes and goes from plane to plane, so
that positions are divided into axes once.

Rounding: a quotient clipped to at most 9 bits, plus and minus 1.5 * 2^23 (2^52 in float64), loses
its fraction to round-half-even. Clipping first and rounding second gives the same integers, since
the limits are integers; it stands between product and sum, so that they are not fused into one.

Floor: as on the CPU 5 bytes an element for codes, 8 for reals, 12 for gradients.

Importing this module needs `numba.cuda`, as `lookup_cuda` does.
"""

import math
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import cuda as _cuda

cuda: Any = _cuda  # its members exist only where a driver or the simulator does

WARP = 32
THREADS = 256
MOST_BLOCKS = 4096  # some for each of a device's multiprocessors; each takes more where need be
_MOST_BLOCKS_Y = 65535
Sizes = tuple[int, int, int]


def quantise_cuda(
    values: Any,
    scale: Any,
    zero_point: Any,
    limits: tuple[int, int],
    codes: Any,
    fault: Any,
    *,
    size: Sizes,
    padded: Sizes,
    before: Sizes = (0, 0, 0),
    stream: Any = 0,
) -> None:
    """Fill ``codes``, and ``fault`` where a value is not finite, asynchronously on ``stream``.

    Args:
        values: Device array, float32 or float64 `(P * prod(size),)`.
        scale: Device array, float32 or float64, of one element or P.
        zero_point: Device array of integers, of any type, of the size of ``scale``.
        limits: Least and greatest q.
        codes: Device array, uint8 `(P * prod(padded),)`; overwritten.
        fault: Device array, float32 `(1,)`; set to NaN if a value is not finite, else left alone.
        size: Of a plane of values.
        padded: Of a plane of codes.
        before: Where a plane of values starts in one of codes.
        stream: Stream to launch on; Numba's default stream if 0.
    """
    area = math.prod(padded)
    if codes.size == 0:
        return
    sizes = tuple(np.int64(n) for n in (*size, *padded, *before))
    kernel = _codes_kernel(values.dtype.itemsize, area == math.prod(size))
    low, high = _limits(values.dtype, limits)
    grid, threads = _grid(codes.size // area, area)
    kernel[grid, threads, stream](values, scale, zero_point, low, high, sizes, codes, fault)


def fake_quantise_cuda(
    values: Any,
    scale: Any,
    zero_point: Any,
    limits: tuple[int, int],
    reals: Any,
    *,
    planes: int,
    stream: Any = 0,
) -> None:
    """Fill ``reals``, of the type and size of ``values``; arguments as of `quantise_cuda`."""
    if values.size == 0:
        return
    kernel = _reals_kernel(values.dtype.itemsize)
    grid, threads = _grid(planes, values.size // planes)
    low, high = _limits(values.dtype, limits)
    kernel[grid, threads, stream](values, scale, zero_point, low, high, planes, reals)


def clip_gradient_cuda(
    values: Any,
    scale: Any,
    zero_point: Any,
    limits: tuple[int, int],
    gradient: Any,
    clipped: Any,
    *,
    planes: int,
    stream: Any = 0,
) -> None:
    """Fill ``clipped`` from ``gradient``, of one type; arguments as of `quantise_cuda`."""
    if values.size == 0:
        return
    kernel = _gradient_kernel(values.dtype.itemsize)
    grid, threads = _grid(planes, values.size // planes)
    low, high = _limits(values.dtype, limits)
    kernel[grid, threads, stream](values, scale, zero_point, low, high, planes, gradient, clipped)


def _limits(dtype: Any, limits: tuple[int, int]) -> tuple[Any, Any]:
    low, high = limits
    return dtype.type(low), dtype.type(high)


def _grid(planes: int, area: int) -> tuple[tuple[int, int], int]:
    """Return blocks and threads: x along a plane, y over planes."""
    threads = min(THREADS, -(-area // WARP) * WARP)
    columns = min(-(-area // threads), MOST_BLOCKS)
    return (columns, min(planes, max(1, MOST_BLOCKS // columns), _MOST_BLOCKS_Y)), threads


def _types(float_bytes: int) -> tuple[Any, Any]:
    """Return the type of values, and what makes one lose its fraction when added."""
    if float_bytes == 8:
        return numba.float64, numba.float64(1.5 * 2**52)
    return numba.float32, numba.float32(1.5 * 2**23)


@cache
def _codes_kernel(float_bytes: int, whole: bool) -> Any:
    """Return the kernel; ``whole`` where planes have no margin."""
    real, round_off = _types(float_bytes)

    @cuda.jit
    def quantise(values, scale, zero_point, low, high, sizes, codes, fault):
        deep, tall, wide = sizes[0], sizes[1], sizes[2]
        area, volume = deep * tall * wide, sizes[3] * sizes[4] * sizes[5]
        planes = codes.size // volume
        step = cuda.gridDim.x * cuda.blockDim.x
        for p in range(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x, volume, step):
            place, inside = numba.int64(p), True
            if not whole:
                row, x = p // sizes[5], p % sizes[5] - sizes[8]
                z, y = row // sizes[4] - sizes[6], row % sizes[4] - sizes[7]
                inside = 0 <= z < deep and 0 <= y < tall and 0 <= x < wide
                place = (z * tall + y) * wide + x
            for plane in range(cuda.blockIdx.y, planes, cuda.gridDim.y):
                channel = plane if scale.size > 1 else 0
                shift = numba.int32(zero_point[channel])
                code = shift
                if inside:
                    value = values[plane * area + place]
                    if not math.isfinite(value):
                        fault[0] = math.nan
                        value = real(0)
                    t = value * real(real(1) / scale[channel])
                    t = min(max(t, low - real(shift)), high - real(shift))
                    code += numba.int32((t + round_off) - round_off)
                codes[plane * volume + p] = code & 255

    return quantise


@cache
def _reals_kernel(float_bytes: int) -> Any:
    real, round_off = _types(float_bytes)

    @cuda.jit
    def fake_quantise(values, scale, zero_point, low, high, planes, reals):
        area, step = values.size // planes, cuda.gridDim.x * cuda.blockDim.x
        for plane in range(cuda.blockIdx.y, planes, cuda.gridDim.y):
            channel = plane if scale.size > 1 else 0
            size, shift = scale[channel], real(zero_point[channel])
            inverse = real(real(1) / size)
            first = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
            for p in range(first, area, step):
                i = plane * area + p
                t = values[i] * inverse
                q = (min(max(t, low - shift), high - shift) + round_off) - round_off
                reals[i] = q * real(size) if t == t else t

    return fake_quantise


@cache
def _gradient_kernel(float_bytes: int) -> Any:
    real, round_off = _types(float_bytes)

    @cuda.jit
    def clip_gradient(values, scale, zero_point, low, high, planes, gradient, clipped):
        area, step = values.size // planes, cuda.gridDim.x * cuda.blockDim.x
        for plane in range(cuda.blockIdx.y, planes, cuda.gridDim.y):
            channel = plane if scale.size > 1 else 0
            shift = real(zero_point[channel])
            inverse = real(real(1) / scale[channel])
            least, most = low - shift, high - shift
            first = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
            for p in range(first, area, step):
                i = plane * area + p
                t = values[i] * inverse
                # One beyond each limit is as good as any value beyond it.
                q = (min(max(t, least - real(1)), most + real(1)) + round_off) - round_off
                clipped[i] = gradient[i] if least <= q <= most and t == t else 0

    return clip_gradient
