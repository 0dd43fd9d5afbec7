"""SSM, the static segment multiplier: one of two fixed segments of each operand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multipliers.families.family import Family
from multipliers.families.operands import Int64Array, check_width, product_of_magnitudes
from multipliers.parameters import check_parameter

CITATION = (
    "S. Narayanamoorthy, H. A. Moghaddam, Z. Liu, T. Park and N. S. Kim, Energy-efficient "
    "approximate multiplication for digital signal processing and classification applications, "
    "IEEE Trans. VLSI Systems 23(6), 2015"
)


def ssm(
    x: npt.ArrayLike, w: npt.ArrayLike, *, m: int, sign_magnitude: bool = False, width: int = 8
) -> Int64Array:
    """Return the products of the static segment multiplier SSM(m).

    The product of one segment of m bits of each operand: the top m bits if any bit above the low
    m is set, else the low m bits. All other bits are taken as 0.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        m: Bits of a segment, half of `width` (so that two segments hold every bit) to `width`,
            which is exact.
        sign_magnitude: Whether the operands are signed and their magnitudes are multiplied.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or a parameter is not an int.
        ValueError: If a value or a parameter is out of range.

    Examples:
        >>> ssm([15, 31], [1, 1], m=4).tolist()  # 0001|1111
        [15, 16]

    References:
        S. Narayanamoorthy et al., "Energy-efficient approximate multiplication for digital signal
        processing and classification applications", IEEE Trans. VLSI Systems 23(6), 2015.
    """
    width = check_width(width)
    m = check_parameter("m", m, (width + 1) // 2, width)
    dropped = width - m

    def segment(a: Int64Array) -> Int64Array:
        return np.where(a >> m != 0, a >> dropped << dropped, a)

    return product_of_magnitudes(
        lambda a, b: segment(a) * segment(b), x, w, sign_magnitude=sign_magnitude, width=width
    )


SSM = Family(
    key="ssm",
    title="SSM(m)",
    definition="the top m bits if any bit above the low m is set, else the low m",
    domain="m = n/2..n",
    template="ssm{m}",
    signed_form="sign-magnitude",
    citation=CITATION,
    parameters=lambda width: [{"m": m} for m in range((width + 1) // 2, width - 1)],
    function=ssm,
)
