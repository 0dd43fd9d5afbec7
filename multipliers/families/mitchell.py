"""Mitchell's logarithmic multiplier."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multipliers.families.family import Family
from multipliers.families.operands import Int64Array, leading_one, product_of_magnitudes


def mitchell(
    x: npt.ArrayLike, w: npt.ArrayLike, *, sign_magnitude: bool = False, width: int = 8
) -> Int64Array:
    """Return the products of Mitchell's logarithmic multiplier.

    Each operand is ``2^k (1 + f)`` with the leading one at bit k, and its logarithm is taken as
    ``k + f``. The sum of both, taken as a logarithm again, gives

        p = 2^(k1 + k2) (1 + f1 + f2)    if f1 + f2 < 1
        p = 2^(k1 + k2 + 1) (f1 + f2)    otherwise

    and 0 if an operand is 0. Both are integers.

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
        >>> mitchell([3, 3, 4], [3, 2, 7]).tolist()  # 1 + 0.5 and 1 + 0.5 make 3
        [8, 6, 28]

    References:
        J. N. Mitchell, "Computer multiplication and division using binary logarithms", IRE Trans.
        Electronic Computers EC-11(4), 1962.
    """
    return product_of_magnitudes(
        logarithmic_product, x, w, sign_magnitude=sign_magnitude, width=width
    )


def logarithmic_product(a: Int64Array, b: Int64Array) -> Int64Array:
    """Return Mitchell's product of two arrays of values that are not negative, int64."""
    k1, k2 = leading_one(a), leading_one(b)
    power = np.int64(1) << (k1 + k2)
    fractions = ((a - (1 << k1)) << k2) + ((b - (1 << k2)) << k1)
    product = np.where(fractions < power, power + fractions, 2 * fractions)
    return np.where((a == 0) | (b == 0), 0, product)


MITCHELL = Family(
    key="mitchell",
    title="Mitchell",
    definition="2^(k1+k2) (1 + f1 + f2), or 2^(k1+k2+1) (f1 + f2) where f1 + f2 >= 1",
    domain="",
    template="mitchell",
    signed_form="sign-magnitude",
    citation=(
        "J. N. Mitchell, Computer multiplication and division using binary logarithms, "
        "IRE Trans. Electronic Computers EC-11(4), 1962"
    ),
    parameters=lambda _width: [{}],
    function=mitchell,
)
