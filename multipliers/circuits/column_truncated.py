"""The column-truncated multiplier: an array without its low columns, and a constant instead."""

from __future__ import annotations

from multipliers.circuits.array import array_of
from multipliers.circuits.partial_products import circuit_name, is_negative
from multipliers.netlists.netlist import Netlist
from multipliers.parameters import check_flag, check_parameter


def column_truncated_multiplier(
    v: int, *, corrected: bool = False, signed: bool, width: int = 8
) -> Netlist:
    """Return the multiplier without its v least significant columns of partial products.

    Uncorrected it is BAM(0, v). The corrected one adds `column_correction`, what the columns
    contribute on average. `multipliers.families.ct` is the same function as a closed form.

    Args:
        v: Columns left out, ``i + j < v``, 0 to ``2 * width``.
        corrected: Whether the constant is added.
        signed: Whether operands and product are in two's complement (Baugh-Wooley).
        width: Width of both operands in bits.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        TypeError: If `v` or `width` is no int.
        ValueError: If one of them is out of range.

    Examples:
        >>> from multipliers import simulate
        >>> int(simulate(column_truncated_multiplier(4, corrected=True, signed=False))[0, 0])
        16

    References:
        M. J. Schulte and E. E. Swartzlander, "Truncated multiplication with correction constant",
        VLSI Signal Processing VI, 1993.
    """
    check_flag("corrected", corrected)
    width = check_parameter("width", width, 1)
    v = check_parameter("v", v, 0, 2 * width)
    name = circuit_name(width, signed, f"ct_v{v}" + ("_corrected" if corrected else ""))
    constant = column_correction(v, signed=signed, width=width) if corrected else 0
    source = (
        f"column_truncated_multiplier({v}, corrected={corrected}, signed={signed}, width={width})"
    )
    return array_of(
        name, source, width, signed=signed, keep=lambda i, j: i + j >= v, constant=constant
    )


def column_correction(v: int, *, signed: bool, width: int) -> int:
    """Return the mean of the partial products in the low v columns, rounded to a multiple of 2^v.

    A product of two uniform bits is 1 in one case of four, so the mean is a quarter of the sum of
    the weights; a half is rounded up.

    Args:
        v: Number of columns, 0 to ``2 * width``.
        signed: Whether the operands are in two's complement.
        width: Width of both operands in bits.

    Returns:
        The constant.

    Examples:
        >>> column_correction(8, signed=False, width=8)  # 448.25 / 256 = 1.75
        512
    """
    weights = sum(
        (-1 if is_negative(i, j, signed=signed, width=width) else 1) << (i + j)
        for i in range(width)
        for j in range(width)
        if i + j < v
    )
    return (weights + (2 << v)) >> (v + 2) << v
