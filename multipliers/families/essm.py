"""ESSM, the enhanced static segment multiplier: one of three fixed segments of each operand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multipliers.families.family import Family, Parameters
from multipliers.families.operands import Int64Array, check_width, product_of_magnitudes
from multipliers.families.ssm import CITATION
from multipliers.parameters import check_parameter


def essm(
    x: npt.ArrayLike, w: npt.ArrayLike, *, m: int, sign_magnitude: bool = False, width: int = 8
) -> Int64Array:
    """Return the products of the enhanced static segment multiplier ESSM(m).

    As SSM(m) with a third segment between the other two. Of an operand of n bits it takes

        bits n - 1 to n - m              if any bit from (n + m) / 2 on is set,
        bits (n + m) / 2 - 1 to (n - m) / 2   else, if any bit from m on is set,
        bits m - 1 to 0                  else

    and the bits outside of the segment as 0.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        m: Bits of a segment, a third of `width` (so that the three segments hold every bit) to
            `width`, which is exact; even if `width` is, else odd.
        sign_magnitude: Whether the operands are signed and their magnitudes are multiplied.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or a parameter is not an int.
        ValueError: If a value or a parameter is out of range, or ``width + m`` is odd.

    Examples:
        >>> essm([15, 31, 127], [1, 1, 1], m=4).tolist()  # 0|0111|11 and 0111|1111
        [15, 28, 112]

    References:
        S. Narayanamoorthy et al., "Energy-efficient approximate multiplication for digital signal
        processing and classification applications", IEEE Trans. VLSI Systems 23(6), 2015.
    """
    width = check_width(width)
    m = check_parameter("m", m, (width + 2) // 3, width)
    if (width + m) % 2:
        parity = "odd" if width % 2 else "even"
        raise ValueError(f"'m' must be {parity} for a width of {width}, got {m}")
    low, middle = width - m, (width - m) // 2

    def segment(a: Int64Array) -> Int64Array:
        below_top = np.where(a >> m != 0, a >> middle << middle, a)
        return np.where(a >> (middle + m) != 0, a >> low << low, below_top)

    return product_of_magnitudes(
        lambda a, b: segment(a) * segment(b), x, w, sign_magnitude=sign_magnitude, width=width
    )


def _parameters(width: int) -> list[Parameters]:
    segments = range((width + 1) // 2, width - 1)
    return [{"m": m} for m in segments if (width + m) % 2 == 0]


ESSM = Family(
    key="essm",
    title="ESSM(m)",
    definition="SSM with a third segment, bits (n-m)/2 to (n+m)/2 - 1",
    domain="m = n/3..n, n + m even",
    template="essm{m}",
    signed_form="sign-magnitude",
    citation=CITATION,
    parameters=_parameters,
    function=essm,
)
