"""Partial products of unsigned and two's complement operands, the start of every array and tree.

The partial product of bit i of the first operand and bit j of the second is ``a_i b_j 2^(i+j)``.
In two's complement the top bit of an operand counts negatively, so that the products of exactly
one top bit do. ``-p 2^k = (1 - p) 2^k - 2^k``: such a product is inverted, and the sum of all
``-2^k`` is one constant (Baugh and Wooley 1973). An approximate multiplier leaves out partial
products, with their share of the constant.
"""

from __future__ import annotations

from collections.abc import Callable

from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import CONSTANT_0, CONSTANT_1
from multipliers.parameters import check_flag

Keep = Callable[[int, int], bool]
"""Whether the partial product of bit i of the first operand and bit j of the second is formed."""


def keep_all(_i: int, _j: int) -> bool:
    """Form every partial product."""
    return True


def partial_products(
    builder: NetlistBuilder, width: int, *, signed: bool, keep: Keep = keep_all, constant: int = 0
) -> list[list[int]]:
    """Add the operands' ports A and B and return words whose sum is the product.

    Args:
        builder: Takes ports and gates.
        width: Width of both operands in bits.
        signed: Whether they are in two's complement (Baugh-Wooley).
        keep: Partial products that are formed.
        constant: Added to the product.

    Returns:
        ``width + 1`` words of the product's width, to be added modulo ``2^(2 * width)``: first
        the constant (with that of the signed product), then one per bit of B; bits without a
        partial product are the constant 0.

    Examples:
        >>> partial_products(NetlistBuilder("mul2u"), 2, signed=False)
        [[0, 0, 0, 0], [6, 7, 0, 0], [0, 8, 9, 0]]

    References:
        C. R. Baugh and B. A. Wooley, "A two's complement parallel array multiplication
        algorithm", IEEE Trans. Computers C-22(12), 1973.
    """
    a, b = builder.input("A", width), builder.input("B", width)
    rows = [[CONSTANT_0] * 2 * width for _ in range(width)]
    for j in range(width):
        for i in range(width):
            if not keep(i, j):
                continue
            negative = is_negative(i, j, signed=signed, width=width)
            constant -= negative << (i + j)
            rows[j][i + j] = builder.gate(Op.NAND if negative else Op.AND, a[i], b[j])
    first = [CONSTANT_1 if constant >> bit & 1 else CONSTANT_0 for bit in range(2 * width)]
    return [first, *rows]


def is_negative(i: int, j: int, *, signed: bool, width: int) -> bool:
    """Return whether the product of bits i and j counts negatively: one is a sign, one is not."""
    return signed and (i == width - 1) != (j == width - 1)


def columns_of(rows: list[list[int]]) -> list[list[int]]:
    """Return the bits of each power of two, without the constant 0, in the order of the rows."""
    return [[net for net in column if net != CONSTANT_0] for column in zip(*rows, strict=True)]


def circuit_name(width: int, signed: bool, kind: str, or_bits: int = 0) -> str:
    """Return a multiplier's name, which states width, signedness, kind and inexact final adder.

    Raises:
        TypeError: If `signed` is no bool.

    Examples:
        >>> circuit_name(8, True, "dadda", 4)
        'mul8s_dadda_loa4'
    """
    check_flag("signed", signed)
    return f"mul{width}{'s' if signed else 'u'}_{kind}" + (f"_loa{or_bits}" if or_bits else "")
