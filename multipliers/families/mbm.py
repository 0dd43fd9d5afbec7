"""MBM, the minimally biased multiplier: Mitchell's with a constant correction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multipliers.families.family import Family
from multipliers.families.mitchell import logarithmic_product
from multipliers.families.operands import Int64Array, leading_one, product_of_magnitudes


def mbm(
    x: npt.ArrayLike, w: npt.ArrayLike, *, sign_magnitude: bool = False, width: int = 8
) -> Int64Array:
    """Return the products of the minimally biased multiplier.

    Mitchell's logarithmic multiplier with c = 0.078125 = 5 / 64 added before the scaling, and
    half of it where the fractions' sum reaches 1 and the scaling is by one power of two more.
    Either way this is

        p = floor(mitchell(x, w) + 5 * 2^(k1 + k2) / 64)

    and 0 if an operand is 0. Products of the largest operands reach ``2^(2 * width)`` and more,
    66304 for 255 * 255; they are not reduced to ``2 * width`` bits.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        sign_magnitude: Whether the operands are signed and their magnitudes are multiplied.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or `width` is not an int.
        ValueError: If a value or `width` is out of range.

    Examples:
        >>> mbm([3, 128, 255], [3, 2, 255]).tolist()
        [8, 276, 66304]

    References:
        H. Saadat, H. Bokhari and S. Parameswaran, "Minimally biased multipliers for approximate
        integer and floating-point multiplication", IEEE Trans. CAD 37(11), 2018.
    """
    return product_of_magnitudes(_product, x, w, sign_magnitude=sign_magnitude, width=width)


def _product(a: Int64Array, b: Int64Array) -> Int64Array:
    # Mitchell's product is an integer, so that only the correction is rounded down.
    correction = 5 << (leading_one(a) + leading_one(b)) >> 6
    return np.where((a == 0) | (b == 0), 0, logarithmic_product(a, b) + correction)


MBM = Family(
    key="mbm",
    title="MBM",
    definition="Mitchell + 5/64 2^(k1+k2), rounded down",
    domain="",
    template="mbm",
    signed_form="sign-magnitude",
    citation=(
        "H. Saadat, H. Bokhari and S. Parameswaran, Minimally biased multipliers for approximate "
        "integer and floating-point multiplication, IEEE Trans. CAD 37(11), 2018"
    ),
    parameters=lambda _width: [{}],
    function=mbm,
)
