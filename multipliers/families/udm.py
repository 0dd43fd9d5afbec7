"""UDM, the underdesigned multiplier: 2x2 blocks with 3 * 3 = 7."""

from __future__ import annotations

import numpy.typing as npt

from multipliers.circuits.underdesigned import underdesigned_multiplier
from multipliers.families.family import Family
from multipliers.families.operands import Int64Array, check_width, product_of_magnitudes


def udm(
    x: npt.ArrayLike, w: npt.ArrayLike, *, sign_magnitude: bool = False, width: int = 8
) -> Int64Array:
    """Return the products of the underdesigned multiplier.

    The operands are digits to the base 4, and the product of two digits is exact but 3 * 3 = 7.
    Each such pair of digits i and j lacks ``2 * 4^(i + j)``, so that with t(a) the number that has
    a digit 1 where a has a 3 and a digit 0 elsewhere

        p = x w - 2 t(x) t(w)

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        sign_magnitude: Whether the operands are signed and their magnitudes are multiplied; the
            publication's multiplier is unsigned.
        width: Width of both operands in bits, even, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or `width` is not an int.
        ValueError: If a value or `width` is out of range, or `width` is odd.

    Examples:
        >>> udm([3, 12, 2], [3, 15, 3]).tolist()
        [7, 140, 6]

    References:
        P. Kulkarni, P. Gupta and M. Ercegovac, "Trading accuracy for power with an underdesigned
        multiplier architecture", VLSI Design 2011.
    """
    width = check_width(width)
    if width % 2:
        raise ValueError(f"'width' must be even, got {width}")
    return product_of_magnitudes(_product, x, w, sign_magnitude=sign_magnitude, width=width)


def _product(a: Int64Array, b: Int64Array) -> Int64Array:
    return a * b - 2 * _threes(a) * _threes(b)


def _threes(a: Int64Array) -> Int64Array:
    return a & a >> 1 & 0x5555


UDM = Family(
    key="udm",
    title="UDM",
    definition="2x2 blocks exact but 3 * 3 = 7, added exactly",
    domain="n even",
    template="udm",
    signed_form="sign-magnitude",
    citation=(
        "P. Kulkarni, P. Gupta and M. Ercegovac, Trading accuracy for power with an "
        "underdesigned multiplier architecture, VLSI Design 2011"
    ),
    parameters=lambda width: [] if width % 2 else [{}],
    function=udm,
    circuit=lambda *, signed, width: underdesigned_multiplier(width=width),  # noqa: ARG005
)
