"""TM, operand truncation: the low bits of both operands taken as 0."""

from __future__ import annotations

import numpy.typing as npt

from multipliers.circuits.operand_truncated import truncated_multiplier
from multipliers.families.family import Family
from multipliers.families.operands import Int64Array, check_width, operand_values
from multipliers.parameters import check_parameter


def tm(
    x: npt.ArrayLike, w: npt.ArrayLike, *, k: int, signed: bool = False, width: int = 8
) -> Int64Array:
    """Return the products of the operand-truncated multiplier TM(k).

        p = ((x >> k) (w >> k)) << 2k

    The signed version leaves out the same partial products of two's complement operands: the
    shifts are arithmetic and round towards minus infinity.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        k: Low bits that are taken as 0, 0 (exact) to `width`.
        signed: Whether operands and partial products are in two's complement.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or a parameter is not an int.
        ValueError: If a value or a parameter is out of range.

    Examples:
        >>> tm([7, 255], [9, 255], k=2).tolist(), tm(-1, 3, k=1, signed=True).tolist()
        ([32, 63504], -4)

    References:
        H. Jiang et al., "A review, classification, and comparative evaluation of approximate
        arithmetic circuits", ACM JETC 13(4), 2017.
    """
    width = check_width(width)
    k = check_parameter("k", k, 0, width)
    a, b = operand_values(x, w, signed=signed, width=width)
    if k == width:  # not even the top bit is left, which a shift would keep as the sign
        return 0 * a * b
    return (a >> k) * (b >> k) << 2 * k


TM = Family(
    key="tm",
    title="TM(k)",
    definition="((x >> k) (w >> k)) << 2k",
    domain="k = 0..n",
    template="tm_k{k}",
    signed_form="two's complement",
    citation=(
        "H. Jiang, C. Liu, L. Liu, F. Lombardi and J. Han, A review, classification, and "
        "comparative evaluation of approximate arithmetic circuits, ACM JETC 13(4), 2017"
    ),
    parameters=lambda width: [{"k": k} for k in range(1, width // 2 + 1)],
    function=tm,
    circuit=truncated_multiplier,
)
