r"""Affine quantisation of floats on the CPU, one pass over the data each.

    q[c, i] = clip(rint(values[c, i] / scale[c]) + zero_point[c], low, high)

in the arithmetic of PyTorch's fake-quantisers: a product with the reciprocal of the scale, found in
the scale's type and rounded to that of ``values``, then rounded half to even. Channels are planes
that follow each other; a quantiser per tensor has one.

`quantise_cpu` writes the codes q mod 256, perhaps with a margin of the zero point's code around
each plane, which is what a convolution reads; `fake_quantise_cpu` writes the reals
scale * (q - zero_point), and `clip_gradient_cpu` a gradient where the quantiser did not clip, 0
elsewhere.

Floor: 4 bytes read and 1 (codes), 4 (reals) or 8 (gradient) more read or written an element, so
that all three are bound by memory.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels import quantise_emitter, vector_ir, vector_memory
from torchapprox.kernels.jit import jit_cpu
from torchapprox.kernels.quantise_emitter import quantise_run
from torchapprox.kernels.threads import for_each_block

BLOCK = 2**16  # elements; long enough to hide the hand-out to a thread, fewer are not handed out
Floats = NDArray[np.floating[Any]]
Sizes = tuple[int, int, int]


def quantise_cpu(
    values: Floats,
    scale: Floats,
    zero_point: NDArray[np.int64],
    limits: tuple[int, int],
    codes: NDArray[np.uint8],
    *,
    size: Sizes | None = None,
    padded: Sizes = (0, 0, 0),
    before: Sizes = (0, 0, 0),
    threads: int,
) -> bool:
    """Fill ``codes`` and return whether every value is finite.

    Args:
        values: float32 or float64, one-dimensional.
        scale: float32 or float64 `(C,)`.
        zero_point: int64 `(C,)`.
        limits: Least and greatest q.
        codes: uint8, one-dimensional; overwritten.
        size: Of a plane of values; None where planes have no margin. With a margin C is 1.
        padded: Of a plane of codes.
        before: Where a plane of values starts in one of codes.
        threads: Largest number of threads to use.
    """
    low, high = map(values.dtype.type, limits)
    unbounded: list[bool] = []
    quantise, quantise_lines = _quantisers()
    if size is None:

        def fill(start: int, stop: int) -> None:
            if quantise(values, scale, zero_point, low, high, codes, start, stop):
                unbounded.append(True)

        for_each_block(fill, values.size, BLOCK, threads)
        return not unbounded

    deep, tall, wide = padded
    geometry = (*size, *padded, *before)

    def fill_lines(start: int, stop: int) -> None:
        if quantise_lines(values, scale, zero_point, low, high, codes, geometry, start, stop):
            unbounded.append(True)

    lines = codes.size // max(1, math.prod(padded)) * deep * tall
    for_each_block(fill_lines, lines, -(-BLOCK // max(1, wide)), threads)
    return not unbounded


def fake_quantise_cpu(
    values: Floats,
    scale: Floats,
    zero_point: NDArray[np.int64],
    limits: tuple[int, int],
    reals: Floats,
    *,
    threads: int,
) -> None:
    """Fill ``reals``, of the type and size of ``values``; arguments as of `quantise_cpu`."""
    low, high = map(values.dtype.type, limits)
    for_each_block(
        lambda start, stop: _fake_quantise(
            values, scale, zero_point, low, high, reals, start, stop
        ),
        values.size,
        BLOCK,
        threads,
    )


def clip_gradient_cpu(
    values: Floats,
    scale: Floats,
    zero_point: NDArray[np.int64],
    limits: tuple[int, int],
    gradient: Floats,
    clipped: Floats,
    *,
    threads: int,
) -> None:
    """Fill ``clipped`` from ``gradient``, of one type; arguments as of `quantise_cpu`."""
    low, high = map(values.dtype.type, limits)
    for_each_block(
        lambda start, stop: _clip_gradient(
            values, scale, zero_point, low, high, gradient, clipped, start, stop
        ),
        values.size,
        BLOCK,
        threads,
    )


@jit_cpu
def _parameters(values, scale, zero_point, channel):
    """Return reciprocal, scale and zero point of a channel in the type of the values."""
    kind = values.dtype.type
    # The reciprocal in the scale's own type, as PyTorch computes it.
    inverse = scale.dtype.type(1) / scale[channel]
    return kind(inverse), kind(scale[channel]), kind(zero_point[channel])


@cache
def _quantisers() -> tuple[Callable[..., bool], Callable[..., bool]]:
    """Compile what makes codes, without margins and with."""
    # A variable of this function, since only such constants are part of the key of Numba's cache.
    sources = quantise_emitter.SOURCE + vector_ir.SOURCE + vector_memory.SOURCE

    @jit_cpu
    def quantise(values, scale, zero_point, low, high, codes, start, stop):
        """Quantise the elements numbered ``start`` to ``stop``; return whether one is odd."""
        _ = sources
        length = values.size // scale.size
        odd = False
        while start < stop:
            channel = start // length
            last = min(stop, (channel + 1) * length)
            factor, _, shift = _parameters(values, scale, zero_point, channel)
            odd |= quantise_run(values, start, codes, start, last - start, factor, shift, low, high)
            start = last
        return odd

    @jit_cpu
    def quantise_lines(values, scale, zero_point, low, high, codes, geometry, start, stop):
        """Fill the padded lines numbered ``start`` to ``stop``; return whether a value is odd.

        Lines are numbered in the order (plane, deep, tall). They may be short, so that nothing is
        divided for one; indices are unsigned, since Numba lets negative ones count from the end.
        """
        _ = sources
        size_deep, size_tall, size_wide, deep, tall, wide, before, above, left = geometry
        factor, _, shift = _parameters(values, scale, zero_point, 0)
        margin = np.uint8(zero_point[0])
        y, z = start % tall - above, start // tall % deep - before
        first = start // (tall * deep) * size_deep
        odd = False
        for line in range(start, stop):
            to = np.uintp(line * wide)
            if y < 0 or y >= size_tall or z < 0 or z >= size_deep:
                for i in range(np.uintp(wide)):
                    codes[to + i] = margin
            else:
                for i in range(np.uintp(left)):
                    codes[to + i] = margin
                of, begin = ((first + z) * size_tall + y) * size_wide, line * wide + left
                odd |= quantise_run(values, of, codes, begin, size_wide, factor, shift, low, high)
                to += np.uintp(left + size_wide)
                for i in range(np.uintp(wide - left - size_wide)):
                    codes[to + i] = margin
            y += 1
            if y == tall - above:
                y, z = -above, z + 1
                if z == deep - before:
                    z, first = -before, first + size_deep
        return odd

    return quantise, quantise_lines


@jit_cpu
def _fake_quantise(values, scale, zero_point, low, high, reals, start, stop):
    length = values.size // scale.size
    while start < stop:
        channel = start // length
        last = min(stop, (channel + 1) * length)
        factor, step, shift = _parameters(values, scale, zero_point, channel)
        row, out = values[start:last], reals[start:last]
        for i in range(row.size):
            q = np.rint(row[i] * factor) + shift
            out[i] = (min(max(q, low), high) - shift) * step
        start = last


@jit_cpu
def _clip_gradient(values, scale, zero_point, low, high, gradient, clipped, start, stop):
    length = values.size // scale.size
    while start < stop:
        channel = start // length
        last = min(stop, (channel + 1) * length)
        factor, _, shift = _parameters(values, scale, zero_point, channel)
        row, source, out = values[start:last], gradient[start:last], clipped[start:last]
        for i in range(row.size):
            q = np.rint(row[i] * factor) + shift
            out[i] = source[i] if q == min(max(q, low), high) else 0
        start = last
