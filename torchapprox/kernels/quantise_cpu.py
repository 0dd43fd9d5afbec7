r"""Affine quantisation of floats on the CPU, one pass over the data each.

    q[c, i] = clip(rint(values[c, i] / scale[c]) + zero_point[c], low, high)

in the arithmetic of PyTorch's fake-quantisers: a product with the reciprocal of the scale in the
type of ``values``, rounded half to even. Channels are rows; a quantiser per tensor has one.

`quantise_cpu` writes the codes q mod 256, `fake_quantise_cpu` the reals scale * (q - zero_point),
and `clip_gradient_cpu` a gradient where the quantiser did not clip, 0 elsewhere.

Floor: 4 bytes read and 1 (codes), 4 (reals) or 8 (gradient) more read or written an element, so
that all three are bound by memory.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.jit import jit_cpu
from torchapprox.kernels.threads import for_each_block

BLOCK = 2**16  # elements; long enough to hide the hand-out to a thread, fewer are not handed out


def quantise_cpu(
    values: NDArray[np.floating[Any]],
    inverse: NDArray[np.floating[Any]],
    zero_point: NDArray[np.floating[Any]],
    limits: tuple[int, int],
    codes: NDArray[np.uint8],
    *,
    threads: int,
) -> bool:
    """Fill ``codes`` and return whether every value is finite.

    Args:
        values: float32 or float64 `(C, L)`, C-contiguous.
        inverse: Reciprocal of the scale, of the type of ``values``, `(C,)`.
        zero_point: Integers, of the type of ``values``, `(C,)`.
        limits: Least and greatest q.
        codes: uint8 `(C, L)`, C-contiguous; overwritten.
        threads: Largest number of threads to use.
    """
    low, high = map(values.dtype.type, limits)
    unbounded: list[bool] = []

    def fill(start: int, stop: int) -> None:
        if _quantise(values, inverse, zero_point, low, high, codes, start, stop):
            unbounded.append(True)

    for_each_block(fill, values.size, BLOCK, threads)
    return not unbounded


def fake_quantise_cpu(
    values: NDArray[np.floating[Any]],
    inverse: NDArray[np.floating[Any]],
    scale: NDArray[np.floating[Any]],
    zero_point: NDArray[np.floating[Any]],
    limits: tuple[int, int],
    reals: NDArray[np.floating[Any]],
    *,
    threads: int,
) -> None:
    """Fill ``reals``, of the type of ``values``; arguments as `quantise_cpu` takes them."""
    low, high = map(values.dtype.type, limits)
    for_each_block(
        lambda start, stop: _fake_quantise(
            values, inverse, scale, zero_point, low, high, reals, start, stop
        ),
        values.size,
        BLOCK,
        threads,
    )


def clip_gradient_cpu(
    values: NDArray[np.floating[Any]],
    inverse: NDArray[np.floating[Any]],
    zero_point: NDArray[np.floating[Any]],
    limits: tuple[int, int],
    gradient: NDArray[np.floating[Any]],
    clipped: NDArray[np.floating[Any]],
    *,
    threads: int,
) -> None:
    """Fill ``clipped`` from ``gradient``, both `(C, L)`; arguments as `quantise_cpu` takes them."""
    low, high = map(values.dtype.type, limits)
    for_each_block(
        lambda start, stop: _clip_gradient(
            values, inverse, zero_point, low, high, gradient, clipped, start, stop
        ),
        values.size,
        BLOCK,
        threads,
    )


@jit_cpu
def _quantise(values, inverse, zero_point, low, high, codes, start, stop):
    """Quantise the elements numbered ``start`` to ``stop``; return whether one is not finite."""
    length = values.shape[1]
    unbounded = False
    while start < stop:
        channel, first = start // length, start % length
        last = min(length, first + stop - start)
        row, out = values[channel, first:last], codes[channel, first:last]
        factor, shift = inverse[channel], zero_point[channel]
        odd = 0
        for i in range(last - first):
            q = np.rint(row[i] * factor) + shift
            # False for NaN; an infinite difference is NaN.
            odd += 0 if row[i] - row[i] == 0 else 1
            out[i] = np.uint8(np.int32(min(max(q, low), high)))
        unbounded = unbounded or odd > 0
        start += last - first
    return unbounded


@jit_cpu
def _fake_quantise(values, inverse, scale, zero_point, low, high, reals, start, stop):
    length = values.shape[1]
    while start < stop:
        channel, first = start // length, start % length
        last = min(length, first + stop - start)
        row, out = values[channel, first:last], reals[channel, first:last]
        factor, step, shift = inverse[channel], scale[channel], zero_point[channel]
        for i in range(last - first):
            q = np.rint(row[i] * factor) + shift
            out[i] = (min(max(q, low), high) - shift) * step
        start += last - first


@jit_cpu
def _clip_gradient(values, inverse, zero_point, low, high, gradient, clipped, start, stop):
    length = values.shape[1]
    while start < stop:
        channel, first = start // length, start % length
        last = min(length, first + stop - start)
        row, out = values[channel, first:last], clipped[channel, first:last]
        source = gradient[channel, first:last]
        factor, shift = inverse[channel], zero_point[channel]
        for i in range(last - first):
            q = np.rint(row[i] * factor) + shift
            out[i] = source[i] if q == min(max(q, low), high) else 0
        start += last - first
