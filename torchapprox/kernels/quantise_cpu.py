r"""Affine quantisation of floats on the CPU, one pass over the data each.

    q[c, i] = clip(rint(values[c, i] / scale[c]) + zero_point[c], low, high)

in the arithmetic of PyTorch's fake-quantisers: a product with the reciprocal of the scale in the
type of ``values``, rounded half to even. Channels are rows; a quantiser per tensor has one.

`quantise_cpu` writes the codes q mod 256, `quantise_rows_cpu` their sums by row too,
`quantise_padded_cpu` codes with more around them, `fake_quantise_cpu` the reals
scale * (q - zero_point), and `clip_gradient_cpu` a gradient where the quantiser did not clip, 0
elsewhere.

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


def quantise_rows_cpu(
    values: NDArray[np.floating[Any]],
    inverse: NDArray[np.floating[Any]],
    zero_point: NDArray[np.floating[Any]],
    limits: tuple[int, int],
    codes: NDArray[np.uint8],
    sums: NDArray[np.int64],
    *,
    threads: int,
) -> bool:
    """Fill ``codes`` and ``sums``, and return whether every value is finite.

    Args:
        values: float32 or float64 `(R, L)`, C-contiguous.
        inverse: Reciprocal of the scale, of the type of ``values``, `(R,)` or `(1,)`.
        zero_point: Integers, of the type of ``values``, likewise.
        limits: Least and greatest q.
        codes: uint8 `(R, L)`, C-contiguous; overwritten.
        sums: Sum of every row's q, int64 `(R,)`; overwritten.
        threads: Largest number of threads to use.
    """
    low, high = map(values.dtype.type, limits)
    unbounded: list[bool] = []

    def fill(start: int, stop: int) -> None:
        if _quantise_rows(values, inverse, zero_point, low, high, codes, sums, start, stop):
            unbounded.append(True)

    rows, length = values.shape
    for_each_block(fill, rows, max(1, BLOCK // max(1, length)), threads)
    return not unbounded


def quantise_padded_cpu(
    values: NDArray[np.floating[Any]],
    inverse: np.floating[Any],
    zero_point: np.floating[Any],
    limits: tuple[int, int],
    before: tuple[int, int, int],
    codes: NDArray[np.uint8],
    *,
    threads: int,
) -> bool:
    """Fill ``codes`` and return whether every value is finite.

    Args:
        values: float32 or float64 `(P, D, H, W)`, C-contiguous.
        inverse: Reciprocal of the scale, of the type of ``values``.
        zero_point: Integer, of the type of ``values``; its code fills what is around the values'.
        limits: Least and greatest q.
        before: Codes before the first value along D, H and W.
        codes: uint8 `(P, D', H', W')`, C-contiguous; overwritten.
        threads: Largest number of threads to use.
    """
    low, high = map(values.dtype.type, limits)
    around = np.uint8(int(zero_point) % 256)
    unbounded: list[bool] = []

    def fill(start: int, stop: int) -> None:
        where = around, *before, codes, start, stop
        if _quantise_padded(values, inverse, zero_point, low, high, *where):
            unbounded.append(True)

    block = max(1, BLOCK * len(codes) // max(1, codes.size))
    for_each_block(fill, len(codes), block, threads)
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
def _quantise_rows(values, inverse, zero_point, low, high, codes, sums, start, stop):
    """Quantise rows ``start`` to ``stop``; return whether a value is not finite."""
    shared = inverse.size == 1
    bad = 0
    for number in range(start, stop):
        row, out = values[number], codes[number]
        channel = 0 if shared else number
        factor, shift = inverse[channel], zero_point[channel]
        total = np.int64(0)
        odd = 0
        for i in range(row.size):
            q = np.rint(row[i] * factor) + shift
            odd += 0 if row[i] - row[i] == 0 else 1
            code = np.int32(min(max(q, low), high))
            total += code
            out[i] = np.uint8(code)
        sums[number] = total
        bad += odd
    return bad > 0


@jit_cpu
def _quantise_padded(
    values, inverse, zero_point, low, high, around, front, top, left, codes, start, stop
):
    """Quantise planes ``start`` to ``stop``; return whether a value is not finite."""
    _, depth, height, width = values.shape
    # Long runs of codes first, since vectors do not fit the lines of small images.
    slab = np.empty(height * width, np.uint8)
    bad = 0
    for plane in range(start, stop):
        padded = codes[plane].reshape(-1)
        padded[:] = around
        for layer in range(depth):
            row = values[plane, layer].reshape(-1)
            odd = 0
            for i in range(row.size):
                q = np.rint(row[i] * inverse) + zero_point
                odd += 0 if row[i] - row[i] == 0 else 1
                slab[i] = np.uint8(np.int32(min(max(q, low), high)))
            bad += odd
            for line in range(height):
                out = codes[plane, front + layer, top + line, left : left + width]
                of = slab[line * width : (line + 1) * width]
                for i in range(width):
                    out[i] = of[i]
    return bad > 0


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
