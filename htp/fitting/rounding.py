"""Rounding to numbers that small hardware holds: few significant bits, powers of two as scales."""

from __future__ import annotations

from math import ldexp

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def rounded_coefficient(number: float, bits: int) -> float:
    """Return the nearest number m * 2^e with an integer m of at most a number of bits.

    Examples:
        >>> rounded_coefficient(0.3, 4), rounded_coefficient(-1000.0, 3)
        (0.3125, -1024.0)
    """
    if number == 0:
        return 0.0
    exponent = int(np.frexp(number)[1]) - bits
    return ldexp(round(ldexp(number, -exponent)), exponent)


def rounded_table(values: FloatArray, bits: int) -> FloatArray:
    """Return the values rounded to signed integers of a number of bits times one power of two.

    Args:
        values: Any numbers.
        bits: Bits of an integer, sign included, so that it lies within 2^(bits - 1) - 1.

    Examples:
        >>> rounded_table(np.array([100.0, -3.3, 0.1]), 4).tolist()
        [96.0, -0.0, 0.0]
    """
    greatest = float(np.abs(values).max())
    if greatest == 0:
        return values
    most = (1 << (bits - 1)) - 1
    exponent = int(np.ceil(np.log2(greatest / most)))
    integers = np.clip(np.rint(np.ldexp(values, -exponent)), -most, most)
    return np.asarray(np.ldexp(integers, exponent))


def integer_table(values: FloatArray, bits: int) -> FloatArray:
    """Return the direction of a vector as integers, the greatest of which uses all bits.

    Examples:
        >>> integer_table(np.array([0.5, -0.25, 0.0]), 4).tolist()
        [7.0, -4.0, 0.0]
    """
    greatest = float(np.abs(values).max())
    if greatest == 0:
        return values
    return np.rint(values / greatest * ((1 << (bits - 1)) - 1))
