"""DRUM, the dynamic range unbiased multiplier: k bits from the leading one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multipliers.families.family import Family
from multipliers.families.operands import (
    Int64Array,
    check_width,
    leading_one,
    product_of_magnitudes,
)
from multipliers.parameters import check_parameter


def drum(
    x: npt.ArrayLike, w: npt.ArrayLike, *, k: int, sign_magnitude: bool = False, width: int = 8
) -> Int64Array:
    """Return the products of the dynamic range unbiased multiplier DRUM(k).

    The product of both operands' approximations. An operand whose leading one is at bit p >= k
    keeps k bits from there, and the last of them is set: with ``s = p - k + 1``

        a' = ((a >> s) | 1) << s

    A smaller operand is exact.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        k: Bits that are kept, 2 to `width`; `width` is exact.
        sign_magnitude: Whether the operands are signed and their magnitudes are multiplied.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or a parameter is not an int.
        ValueError: If a value or a parameter is out of range.

    Examples:
        >>> drum([200, 15], [1, 1], k=4).tolist()  # 1100|1000 becomes 1101|0000
        [208, 15]

    References:
        S. Hashemi, R. I. Bahar and S. Reda, "DRUM: a dynamic range unbiased multiplier for
        approximate applications", ICCAD 2015.
    """
    width = check_width(width)
    k = check_parameter("k", k, 2, width)

    def kept(a: Int64Array) -> Int64Array:
        shift = leading_one(a) - k + 1
        return np.where(shift > 0, (a >> np.maximum(shift, 0) | 1) << np.maximum(shift, 0), a)

    return product_of_magnitudes(
        lambda a, b: kept(a) * kept(b), x, w, sign_magnitude=sign_magnitude, width=width
    )


DRUM = Family(
    key="drum",
    title="DRUM(k)",
    definition="k bits from the leading one, the last of them set; exact below",
    domain="k = 2..n",
    template="drum{k}",
    signed_form="sign-magnitude",
    citation=(
        "S. Hashemi, R. I. Bahar and S. Reda, DRUM: a dynamic range unbiased multiplier for "
        "approximate applications, ICCAD 2015"
    ),
    parameters=lambda width: [{"k": k} for k in range(3, width)],
    function=drum,
)
