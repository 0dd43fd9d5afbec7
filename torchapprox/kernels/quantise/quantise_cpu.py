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
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.threads.blocks import division

# Elements of a block; the least takes 2 microseconds, as long as a hand-out to threads.
_LIMITS = {"most": 2**16, "least": 2**14}
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
    operands = values, scale, zero_point, low, high, codes
    if size is None:
        return not _loops().quantise(*operands, **division(values.size, 1, threads, **_LIMITS))
    deep, tall, wide = padded
    lines = codes.size // max(1, math.prod(padded)) * deep * tall
    geometry = *size, *padded, *before
    return not _loops().quantise_lines(
        *operands, geometry, **division(lines, wide, threads, **_LIMITS)
    )


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
    operands = values, scale, zero_point, low, high, reals
    _loops().fake_quantise(*operands, **division(values.size, 1, threads, **_LIMITS))


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
    operands = values, scale, zero_point, low, high, gradient, clipped
    _loops().clip_gradient(*operands, **division(values.size, 1, threads, **_LIMITS))


@cache
def _loops() -> Any:
    """Import what is compiled, which loads Numba."""
    from torchapprox.kernels.quantise import quantise_loops  # noqa: PLC0415

    return quantise_loops
