"""The compiled part of quantisation; `quantise_cpu` has the formula."""

import numpy as np

from torchapprox.kernels.compiling.jit import jit_cpu
from torchapprox.kernels.quantise.quantise_emitter import quantise_run
from torchapprox.kernels.threads.blocks import blocks_cpu


@jit_cpu
def _parameters(values, scale, zero_point, channel):
    """Return reciprocal, scale and zero point of a channel in the type of the values."""
    kind = values.dtype.type
    # The reciprocal in the scale's own type, as PyTorch computes it.
    inverse = scale.dtype.type(1) / scale[channel]
    return kind(inverse), kind(scale[channel]), kind(zero_point[channel])


@blocks_cpu
def quantise(values, scale, zero_point, low, high, codes, start, stop):
    """Quantise the elements numbered ``start`` to ``stop``; return whether one is odd."""
    length = values.size // scale.size
    odd = False
    while start < stop:
        channel = start // length
        last = min(stop, (channel + 1) * length)
        factor, _, shift = _parameters(values, scale, zero_point, channel)
        odd |= quantise_run(values, start, codes, start, last - start, factor, shift, low, high)
        start = last
    return odd


@blocks_cpu
def quantise_lines(values, scale, zero_point, low, high, codes, geometry, start, stop):
    """Fill the padded lines numbered ``start`` to ``stop``; return whether a value is odd.

    Lines are numbered in the order (plane, deep, tall). They may be short, so that nothing is
    divided for one; indices are unsigned, since Numba lets negative ones count from the end.
    """
    size_deep, size_tall, size_wide, deep, tall, wide, before, above, left = geometry
    factor, _, shift = _parameters(values, scale, zero_point, 0)
    margin = np.uint8(zero_point[0])
    y, z = start % tall - above, start // tall % deep - before
    first = start // (tall * deep) * size_deep
    odd = False
    # The margins of all lines at once: LLVM calls a function for each run of equal bytes, which for
    # those of a short line takes longer than its codes.
    for i in range(np.uintp(start * wide), np.uintp(stop * wide)):
        codes[i] = margin
    for line in range(start, stop):
        if 0 <= y < size_tall and 0 <= z < size_deep:
            of, to = ((first + z) * size_tall + y) * size_wide, line * wide + left
            odd |= quantise_run(values, of, codes, to, size_wide, factor, shift, low, high)
        y += 1
        if y == tall - above:
            y, z = -above, z + 1
            if z == deep - before:
                z, first = -before, first + size_deep
    return odd


@blocks_cpu
def fake_quantise(values, scale, zero_point, low, high, reals, start, stop):
    """Quantise the elements numbered ``start`` to ``stop`` and make them real numbers again."""
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


@blocks_cpu
def clip_gradient(values, scale, zero_point, low, high, gradient, clipped, start, stop):
    """Pass gradients on where the elements numbered ``start`` to ``stop`` are not clipped."""
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
