"""ILM, the iterative logarithmic multiplier."""

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


def ilm(
    x: npt.ArrayLike, w: npt.ArrayLike, *, e: int, sign_magnitude: bool = False, width: int = 8
) -> Int64Array:
    """Return the products of the iterative logarithmic multiplier ILM(e).

    With an operand's leading one at bit k and its residue ``r = a - 2^k``, the basic block is

        B(x, w) = 2^(k1 + k2) + r1 2^k2 + r2 2^k1 = x w - r1 r2

    and 0 if an operand is 0. Each of the e corrections adds the basic block of the residues left
    by the one before, so that what lacks in the end is the product of the residues after e + 1
    leading ones.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        e: Number of corrections, 0 to ``width - 1``, which is exact.
        sign_magnitude: Whether the operands are signed and their magnitudes are multiplied.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or a parameter is not an int.
        ValueError: If a value or a parameter is out of range.

    Examples:
        >>> ilm([7, 7], [7, 7], e=0).tolist(), ilm(7, 7, e=1).tolist(), ilm(7, 7, e=2).tolist()
        ([40, 40], 48, 49)

    References:
        Z. Babic, A. Avramovic and P. Bulic, "An iterative logarithmic multiplier",
        Microprocessors and Microsystems 35(1), 2011.
    """
    width = check_width(width)
    e = check_parameter("e", e, 0, width - 1)

    def residue(a: Int64Array) -> Int64Array:
        for _ in range(e + 1):
            a = np.where(a == 0, 0, a - (1 << leading_one(a)))
        return a

    return product_of_magnitudes(
        lambda a, b: a * b - residue(a) * residue(b),
        x,
        w,
        sign_magnitude=sign_magnitude,
        width=width,
    )


ILM = Family(
    key="ilm",
    title="ILM(e)",
    definition="x w - r1 r2, r the operand without its e + 1 leading ones",
    domain="e = 0..n-1",
    template="ilm{e}",
    signed_form="sign-magnitude",
    citation=(
        "Z. Babic, A. Avramovic and P. Bulic, An iterative logarithmic multiplier, "
        "Microprocessors and Microsystems 35(1), 2011"
    ),
    parameters=lambda width: [{"e": e} for e in range(min(4, width - 1))],
    function=ilm,
)
