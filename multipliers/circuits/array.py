"""Array multipliers: one adder per row of partial products."""

from __future__ import annotations

from multipliers.circuits.adders import final_sum
from multipliers.circuits.partial_products import (
    Keep,
    circuit_name,
    keep_all,
    partial_products,
)
from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.netlist import Netlist
from multipliers.parameters import check_parameter


def array_multiplier(*, signed: bool, width: int = 8, or_bits: int = 0) -> Netlist:
    """Return the array multiplier: one ripple-carry adder per row of partial products.

    Args:
        signed: Whether operands and product are in two's complement (Baugh-Wooley).
        width: Width of both operands in bits.
        or_bits: Low bits of the product that the last row's adder forms with OR gates (LOA);
            0 for the exact product. That adder has two operands from bit ``width - 1`` on.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        TypeError: If `width` or `or_bits` is no int.
        ValueError: If `width` is less than 1, or `or_bits` more than the product's width.

    Examples:
        >>> print(array_multiplier(signed=True))
        mul8s_array: A[8], B[8] -> O[16], 177 gates

    References:
        C. R. Baugh and B. A. Wooley, "A two's complement parallel array multiplication
        algorithm", IEEE Trans. Computers C-22(12), 1973.
    """
    width = check_parameter("width", width, 1)
    or_bits = check_parameter("or_bits", or_bits, 0, 2 * width)
    name = circuit_name(width, signed, "array", or_bits)
    inexact = f", or_bits={or_bits}" if or_bits else ""
    source = f"array_multiplier(signed={signed}, width={width}{inexact})"
    return array_of(name, source, width, signed=signed, or_bits=or_bits)


def array_of(
    name: str,
    source: str,
    width: int,
    *,
    signed: bool,
    keep: Keep = keep_all,
    constant: int = 0,
    or_bits: int = 0,
) -> Netlist:
    """Return the array multiplier of some of the partial products.

    Args:
        name: Name of the circuit.
        source: Function and arguments that it comes from.
        width: Width of both operands in bits.
        signed: Whether operands and product are in two's complement (Baugh-Wooley).
        keep: Partial products that are formed.
        constant: Added to the product.
        or_bits: Low bits of the product that the last row's adder forms with OR gates.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Examples:
        >>> print(array_of("diagonal", "", 4, signed=False, keep=lambda i, j: i == j))
        diagonal: A[4], B[4] -> O[8], 4 gates
    """
    builder = NetlistBuilder(name, source)
    total, *rows = partial_products(builder, width, signed=signed, keep=keep, constant=constant)
    for row in rows[:-1]:
        total = builder.add([total, row], 2 * width)
    builder.output("O", final_sum(builder, total, rows[-1], or_bits=or_bits))
    return builder.build()
