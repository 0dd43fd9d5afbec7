"""The perforated multiplier: an array without some consecutive rows."""

from __future__ import annotations

from multipliers.circuits.array import array_of
from multipliers.circuits.partial_products import circuit_name
from multipliers.netlists.netlist import Netlist
from multipliers.parameters import check_parameter


def perforated_multiplier(j: int, k: int, *, signed: bool, width: int = 8) -> Netlist:
    """Return the multiplier PPP[j, k], partial product perforation.

    Leaves out k rows of partial products from row j of the second operand; the signed version
    leaves out the same rows of the two's complement partial products. `multipliers.families.ppp`
    is the same function as a closed form.

    Args:
        j: First row left out, 0 to ``width - 1``.
        k: Number of rows left out, 0 to ``width - j``.
        signed: Whether operands and product are in two's complement (Baugh-Wooley).
        width: Width of both operands in bits.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        TypeError: If `j`, `k` or `width` is no int.
        ValueError: If one of them is out of range.

    Examples:
        >>> from multipliers import simulate
        >>> int(simulate(perforated_multiplier(0, 2, signed=False))[100, 7])  # 100 * 4
        400

    References:
        G. Zervakis et al., "Design-efficient approximate multiplication circuits through partial
        product perforation", IEEE Trans. VLSI Systems 24(10), 2016.
    """
    width = check_parameter("width", width, 1)
    j = check_parameter("j", j, 0, width - 1)
    k = check_parameter("k", k, 0, width - j)
    name = circuit_name(width, signed, f"ppp_j{j}_k{k}")
    source = f"perforated_multiplier({j}, {k}, signed={signed}, width={width})"
    return array_of(name, source, width, signed=signed, keep=lambda _i, row: not j <= row < j + k)
