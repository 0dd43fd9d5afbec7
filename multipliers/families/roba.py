"""RoBA, the rounding-based multiplier: operands near powers of two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multipliers.families.family import Family
from multipliers.families.operands import Int64Array, leading_one, product_of_magnitudes


def roba(
    x: npt.ArrayLike, w: npt.ArrayLike, *, sign_magnitude: bool = False, width: int = 8
) -> Int64Array:
    """Return the products of the rounding-based approximate multiplier.

    With X and W the powers of two nearest to the operands

        p = X w + W x - X W = x w - (x - X) (w - W)

    Halfway between two powers, ``3 * 2^(p - 2)`` rounds up, but 3 itself to 2; 0 stays 0.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        sign_magnitude: Whether the operands are signed and their magnitudes are multiplied, which
            the publication calls S-RoBA; without it U-RoBA.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or `width` is not an int.
        ValueError: If a value or `width` is out of range.

    Examples:
        >>> roba([3, 6, 5], [3, 6, 7]).tolist()  # 3 to 2, 6 to 8, 5 to 4, 7 to 8
        [8, 32, 36]

    References:
        R. Zendegani et al., "RoBA multiplier: a rounding-based approximate multiplier for
        high-speed yet energy-efficient digital signal processing", IEEE Trans. VLSI Systems 25(2),
        2017.
    """
    return product_of_magnitudes(
        lambda a, b: a * b - (a - _nearest_power(a)) * (b - _nearest_power(b)),
        x,
        w,
        sign_magnitude=sign_magnitude,
        width=width,
    )


def _nearest_power(a: Int64Array) -> Int64Array:
    power = np.int64(1) << leading_one(a)
    rounded_up = (2 * a >= 3 * power) & (a != 3)
    return np.where(a == 0, 0, np.where(rounded_up, 2 * power, power))


ROBA = Family(
    key="roba",
    title="RoBA",
    definition="X w + W x - X W, X and W the nearest powers of two",
    domain="",
    template="roba",
    signed_form="sign-magnitude",
    citation=(
        "R. Zendegani, M. Kamal, M. Bahadori, A. Afzali-Kusha and M. Pedram, RoBA multiplier: "
        "a rounding-based approximate multiplier for high-speed yet energy-efficient digital "
        "signal processing, IEEE Trans. VLSI Systems 25(2), 2017"
    ),
    parameters=lambda _width: [{}],
    function=roba,
)
