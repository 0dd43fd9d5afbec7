"""CT, column truncation: low columns left out, with a constant for them."""

from __future__ import annotations

from functools import partial

import numpy.typing as npt

from multipliers.circuits.column_truncated import (
    column_correction,
    column_truncated_multiplier,
)
from multipliers.families.bam import kept_rows
from multipliers.families.family import Family, Parameters
from multipliers.families.operands import Int64Array, check_width, operand_values
from multipliers.parameters import check_parameter


def ct(
    x: npt.ArrayLike,
    w: npt.ArrayLike,
    *,
    v: int,
    corrected: bool = False,
    signed: bool = False,
    width: int = 8,
) -> Int64Array:
    """Return the products of the column-truncated multiplier.

    Leaves out the partial products ``x_i w_j`` with ``i + j < v``, which is BAM(0, v). The
    corrected one adds what they are on average, a quarter of the sum of their weights, rounded to
    a multiple of ``2^v``:

        c = 2^v floor(sum over i + j < v of 2^(i + j) / 4 / 2^v + 1/2)

    The signed version leaves out columns of the two's complement partial products, whose weights
    may be negative.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        v: Columns left out, 0 (exact) to ``2 * width``.
        corrected: Whether the constant is added.
        signed: Whether operands and partial products are in two's complement.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or a parameter is not an int.
        ValueError: If a value or a parameter is out of range.

    Examples:
        >>> ct([15, 15], [1, 17], v=4).tolist(), ct(15, 17, v=4, corrected=True).tolist()
        ([0, 240], 256)

    References:
        M. J. Schulte and E. E. Swartzlander, "Truncated multiplication with correction constant",
        VLSI Signal Processing VI, 1993.
    """
    width = check_width(width)
    v = check_parameter("v", v, 0, 2 * width)
    a, b = operand_values(x, w, signed=signed, width=width)
    constant = column_correction(v, signed=signed, width=width) if corrected else 0
    return kept_rows(a, b, h=0, v=v, signed=signed, width=width) + constant


def _parameters(width: int) -> list[Parameters]:
    return [{"v": v} for v in dict.fromkeys((width // 2, width * 3 // 4, width))]


CT = Family(
    key="ct",
    title="CT(v), corrected",
    definition="without the partial products x_i w_j with i + j < v, plus their rounded mean",
    domain="v = 0..2n",
    template="ct_v{v}_corrected",
    signed_form="two's complement",
    citation=(
        "M. J. Schulte and E. E. Swartzlander, Truncated multiplication with correction constant, "
        "VLSI Signal Processing VI, 1993"
    ),
    parameters=_parameters,
    function=partial(ct, corrected=True),
    circuit=partial(column_truncated_multiplier, corrected=True),
)
