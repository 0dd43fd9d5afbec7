"""BAM, the broken-array multiplier: low rows and columns left out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multipliers.circuits.broken_array import broken_array_multiplier
from multipliers.families.family import Family, Parameters
from multipliers.families.operands import Int64Array, check_width, operand_values
from multipliers.parameters import check_parameter


def bam(
    x: npt.ArrayLike,
    w: npt.ArrayLike,
    *,
    h: int,
    v: int,
    signed: bool = False,
    width: int = 8,
) -> Int64Array:
    """Return the products of the broken-array multiplier BAM(h, v).

    Leaves out the partial products ``x_i w_j`` with ``j < h`` (below the horizontal break) or
    ``i + j < v`` (right of the vertical break). Row j keeps the bits of x from ``v - j`` on:

        p = sum over j >= h of w_j 2^j (x with bits below v - j taken as 0)

    The signed version leaves out the same partial products of two's complement operands, so that
    the top bits count negatively.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        h: Horizontal break level, 0 to `width`.
        v: Vertical break level, 0 to ``2 * width``.
        signed: Whether operands and partial products are in two's complement.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or a parameter is not an int.
        ValueError: If a value or a parameter is out of range.

    Examples:
        >>> bam([255, 1], [255, 255], h=0, v=4).tolist()
        [64976, 240]
        >>> bam(-1, -1, h=0, v=7, signed=True).tolist()
        -768

    References:
        H. R. Mahdiani et al., "Bio-inspired imprecise computational blocks for efficient VLSI
        implementation of soft-computing applications", IEEE TCAS-I 57(4), 2010.
    """
    width = check_width(width)
    h = check_parameter("h", h, 0, width)
    v = check_parameter("v", v, 0, 2 * width)
    a, b = operand_values(x, w, signed=signed, width=width)
    return kept_rows(a, b, h=h, v=v, signed=signed, width=width)


def kept_rows(
    x: Int64Array, w: Int64Array, *, h: int, v: int, signed: bool, width: int
) -> Int64Array:
    """Return the sum of the rows of partial products from row h, without the low v columns."""
    product = np.zeros(np.broadcast_shapes(x.shape, w.shape), dtype=np.int64)
    for j in range(h, width):
        dropped = max(0, v - j)
        if dropped >= width:
            continue  # not even the top bit of x is left, which a shift would keep as the sign
        weight = -(1 << j) if signed and j == width - 1 else 1 << j
        product += (w >> j & 1) * weight * (x >> dropped << dropped)
    return product


def _parameters(width: int) -> list[Parameters]:
    half = width // 2
    breaks = [(0, half), (0, width - 2), (0, width - 1), (0, width), (half, width - 2)]
    return [{"h": h, "v": v} for h, v in dict.fromkeys(breaks) if v > h]


BAM = Family(
    key="bam",
    title="BAM(h, v)",
    definition="without the partial products x_i w_j with j < h or i + j < v",
    domain="h = 0..n, v = 0..2n",
    template="bam_h{h}_v{v}",
    signed_form="two's complement",
    citation=(
        "H. R. Mahdiani, A. Ahmadi, S. M. Fakhraie and C. Lucas, Bio-inspired imprecise "
        "computational blocks for efficient VLSI implementation of soft-computing applications, "
        "IEEE TCAS-I 57(4), 2010"
    ),
    parameters=_parameters,
    function=bam,
    circuit=broken_array_multiplier,
)
