"""The broken-array multiplier: an array without its low rows and columns."""

from __future__ import annotations

from multipliers.circuits.array import array_of
from multipliers.circuits.partial_products import circuit_name
from multipliers.netlists.netlist import Netlist
from multipliers.parameters import check_parameter


def broken_array_multiplier(h: int, v: int, *, signed: bool, width: int = 8) -> Netlist:
    """Return the broken-array multiplier BAM(h, v).

    Leaves out the partial products ``a_i b_j`` with ``j < h`` (below the horizontal break) or
    ``i + j < v`` (right of the vertical break); the signed version leaves out the same rows and
    columns of the two's complement partial products. `multipliers.families.bam` is the same
    function as a closed form.

    Args:
        h: Horizontal break level, 0 to `width`: rows of the second operand left out.
        v: Vertical break level, 0 to ``2 * width``: columns left out.
        signed: Whether operands and product are in two's complement (Baugh-Wooley).
        width: Width of both operands in bits.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        TypeError: If `h`, `v` or `width` is no int.
        ValueError: If one of them is out of range.

    Examples:
        >>> print(broken_array_multiplier(0, 7, signed=True))
        mul8s_bam_h0_v7: A[8], B[8] -> O[16], 107 gates

    References:
        H. R. Mahdiani et al., "Bio-inspired imprecise computational blocks for efficient VLSI
        implementation of soft-computing applications", IEEE TCAS-I 57(4), 2010.
    """
    width = check_parameter("width", width, 1)
    h = check_parameter("h", h, 0, width)
    v = check_parameter("v", v, 0, 2 * width)
    name = circuit_name(width, signed, f"bam_h{h}_v{v}")
    source = f"broken_array_multiplier({h}, {v}, signed={signed}, width={width})"
    return array_of(name, source, width, signed=signed, keep=lambda i, j: j >= h and i + j >= v)
