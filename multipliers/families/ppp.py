"""PPP, partial product perforation: rows left out."""

from __future__ import annotations

import numpy.typing as npt

from multipliers.circuits.perforated import perforated_multiplier
from multipliers.families.family import Family, Parameters
from multipliers.families.operands import Int64Array, check_width, operand_values
from multipliers.parameters import check_parameter


def ppp(
    x: npt.ArrayLike,
    w: npt.ArrayLike,
    *,
    j: int,
    k: int,
    signed: bool = False,
    width: int = 8,
) -> Int64Array:
    """Return the products of partial product perforation PPP[j, k].

    Leaves out the k rows of partial products from row j of the second operand:

        p = x (w with bits j to j + k - 1 taken as 0)

    For uniform unsigned operands of n bits the mean error distance over ``(2^n - 1)^2`` is
    ``NMED = 2^j (2^k - 1) / (4 (2^n - 1))``. The signed version leaves out rows of the two's
    complement partial products, so that the top bit of w counts negatively.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        j: First row left out, 0 to ``width - 1``.
        k: Number of rows left out, 0 (exact) to ``width - j``.
        signed: Whether operands and partial products are in two's complement.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or a parameter is not an int.
        ValueError: If a value or a parameter is out of range.

    Examples:
        >>> ppp([100, 100], [7, 8], j=0, k=2).tolist()
        [400, 800]
        >>> ppp(100, -1, j=7, k=1, signed=True).tolist()  # -1 = -128 + 127
        12700

    References:
        G. Zervakis et al., "Design-efficient approximate multiplication circuits through partial
        product perforation", IEEE Trans. VLSI Systems 24(10), 2016.
    """
    width = check_width(width)
    j = check_parameter("j", j, 0, width - 1)
    k = check_parameter("k", k, 0, width - j)
    a, b = operand_values(x, w, signed=signed, width=width)
    left_out = ((1 << k) - 1) << j
    lost = b & left_out
    if signed and j + k == width:
        lost = lost - ((lost >> (width - 1)) << width)
    return a * (b - lost)


def _parameters(width: int) -> list[Parameters]:
    rows = [(0, 1), (0, 2), (0, 3), (0, 4), (2, 1)]
    return [{"j": j, "k": k} for j, k in rows if j + k < width]


PPP = Family(
    key="ppp",
    title="PPP[j, k]",
    definition="x (w without bits j to j + k - 1)",
    domain="j = 0..n-1, k = 0..n-j",
    template="ppp_j{j}_k{k}",
    signed_form="two's complement",
    citation=(
        "G. Zervakis, K. Tsoumanis, S. Xydis, D. Soudris and K. Pekmestzi, Design-efficient "
        "approximate multiplication circuits through partial product perforation, "
        "IEEE Trans. VLSI Systems 24(10), 2016"
    ),
    parameters=_parameters,
    function=ppp,
    circuit=perforated_multiplier,
)
