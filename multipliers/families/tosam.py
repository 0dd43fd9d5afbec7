"""TOSAM, the truncation- and rounding-based scalable multiplier."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multipliers.families.family import Family, Parameters
from multipliers.families.operands import (
    Int64Array,
    check_width,
    leading_one,
    product_of_magnitudes,
)
from multipliers.parameters import check_parameter


def tosam(
    x: npt.ArrayLike,
    w: npt.ArrayLike,
    *,
    h: int,
    t: int,
    sign_magnitude: bool = False,
    width: int = 8,
) -> Int64Array:
    """Return the products of the truncation- and rounding-based scalable multiplier TOSAM(h, t).

    Each operand is ``2^k (1 + f)`` with the leading one at bit k. With T(f) the fraction truncated
    to t bits and H(f) truncated to h bits with a 1 appended

        p = floor(2^(k1 + k2) (1 + T(f1) + T(f2) + H(f1) H(f2)))

    and 0 if an operand is 0.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        h: Bits of the fractions that are multiplied, 0 to `t`.
        t: Bits of the fractions that are added, 0 to ``width - 1``.
        sign_magnitude: Whether the operands are signed and their magnitudes are multiplied.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or a parameter is not an int.
        ValueError: If a value or a parameter is out of range.

    Examples:
        >>> tosam([4, 7, 0], [4, 7, 7], h=0, t=2).tolist()  # 16 (1 + 0.75 + 0.75 + 0.25)
        [20, 44, 0]

    References:
        S. Vahdat et al., "TOSAM: an energy-efficient truncation- and rounding-based scalable
        approximate multiplier", IEEE Trans. VLSI Systems 27(5), 2019.
    """
    width = check_width(width)
    t = check_parameter("t", t, 0, width - 1)
    h = check_parameter("h", h, 0, t)
    fraction_bits = max(t, 2 * h + 2)

    def product(a: Int64Array, b: Int64Array) -> Int64Array:
        k1, k2 = leading_one(a), leading_one(b)
        added = _fraction(a, k1, t) + _fraction(b, k2, t)
        multiplied = (2 * _fraction(a, k1, h) + 1) * (2 * _fraction(b, k2, h) + 1)
        # Sum over the denominator 2^fraction_bits; below 2^(2 + 30 + 30) with 16 bits.
        total = (
            (1 << fraction_bits)
            + (added << (fraction_bits - t))
            + (multiplied << (fraction_bits - 2 * h - 2))
        )
        scaled = total << (k1 + k2) >> fraction_bits
        return np.where((a == 0) | (b == 0), 0, scaled)

    return product_of_magnitudes(product, x, w, sign_magnitude=sign_magnitude, width=width)


def _fraction(a: Int64Array, k: Int64Array, bits: int) -> Int64Array:
    """Return the fraction behind the leading one at bit k, truncated to some bits, times 2^bits."""
    return (a - (1 << k)) << bits >> k


def _parameters(width: int) -> list[Parameters]:
    bits = [(0, 2), (0, 3), (1, 5), (2, 6), (3, 7)]
    return [{"h": h, "t": t} for h, t in bits if t < width]


TOSAM = Family(
    key="tosam",
    title="TOSAM(h, t)",
    definition="2^(k1+k2) (1 + T(f1) + T(f2) + H(f1) H(f2)), rounded down",
    domain="h = 0..t, t = 0..n-1",
    template="tosam_h{h}_t{t}",
    signed_form="sign-magnitude",
    citation=(
        "S. Vahdat, M. Kamal, A. Afzali-Kusha and M. Pedram, TOSAM: an energy-efficient "
        "truncation- and rounding-based scalable approximate multiplier, "
        "IEEE Trans. VLSI Systems 27(5), 2019"
    ),
    parameters=_parameters,
    function=tosam,
)
