"""Tree multipliers: column compression of all partial products, then one final adder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from multipliers.circuits.adders import final_sum
from multipliers.circuits.dadda import dadda_reduction
from multipliers.circuits.momeni import momeni_reduction
from multipliers.circuits.partial_products import circuit_name, columns_of, partial_products
from multipliers.circuits.wallace import wallace_reduction
from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.netlist import CONSTANT_0, Netlist
from multipliers.parameters import check_kind, check_parameter

Reduction = Literal["dadda", "wallace"]
"""Scheme by which exact compressors reduce the columns to two words."""

_Reduce = Callable[[NetlistBuilder, list[list[int]]], list[list[int]]]
_REDUCTIONS: dict[str, _Reduce] = {"dadda": dadda_reduction, "wallace": wallace_reduction}


def tree_multiplier(
    *, signed: bool, width: int = 8, reduction: Reduction = "dadda", or_bits: int = 0
) -> Netlist:
    """Return the Dadda or Wallace multiplier: exact column compression and one final adder.

    Args:
        signed: Whether operands and product are in two's complement (Baugh-Wooley).
        width: Width of both operands in bits.
        reduction: How full and half adders compress the columns to two words.
        or_bits: Low bits of the product that the final adder forms with OR gates (LOA); 0 for
            the exact product.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        TypeError: If `width` or `or_bits` is no int.
        ValueError: If `width` is less than 1, `or_bits` more than the product's width, or
            `reduction` none of the two.

    Examples:
        >>> print(tree_multiplier(signed=False))
        mul8u_dadda: A[8], B[8] -> O[16], 176 gates
        >>> print(tree_multiplier(signed=False, reduction="wallace", or_bits=6))
        mul8u_wallace_loa6: A[8], B[8] -> O[16], 206 gates

    References:
        L. Dadda, "Some schemes for parallel multipliers", Alta Frequenza 34, 1965.
        C. S. Wallace, "A suggestion for a fast multiplier", IEEE Trans. Electronic Computers
        EC-13(1), 1964.
    """
    check_kind("reduction", reduction, str)
    if reduction not in get_args(Reduction):
        raise ValueError(f"'reduction' must be one of {get_args(Reduction)}, got {reduction!r}")
    width = check_parameter("width", width, 1)
    or_bits = check_parameter("or_bits", or_bits, 0, 2 * width)
    name = circuit_name(width, signed, reduction, or_bits)
    source = (
        f"tree_multiplier(signed={signed}, width={width}, reduction={reduction!r}, "
        f"or_bits={or_bits})"
    )
    return _tree(name, source, width, signed, _REDUCTIONS[reduction], or_bits)


def momeni_multiplier(
    approximate_columns: int, *, signed: bool, width: int = 8, or_bits: int = 0
) -> Netlist:
    """Return a tree multiplier with Momeni's approximate 4:2 compressors D2 in its low columns.

    `momeni_reduction` states how the tree is wired. The wiring is our own, and so are the error
    figures: those of the publication are for another tree.

    Args:
        approximate_columns: Low columns that use D2, 0 (exact) to ``2 * width``.
        signed: Whether operands and product are in two's complement (Baugh-Wooley).
        width: Width of both operands in bits.
        or_bits: Low bits of the product that the final adder forms with OR gates (LOA).

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        TypeError: If `approximate_columns`, `width` or `or_bits` is no int.
        ValueError: If one of them is out of range.

    Examples:
        >>> print(momeni_multiplier(8, signed=False))
        mul8u_momeni_c8: A[8], B[8] -> O[16], 192 gates

    References:
        A. Momeni, J. Han, P. Montuschi and F. Lombardi, "Design and analysis of approximate
        compressors for multiplication", IEEE Trans. Computers 64(4), 2015.
    """
    width = check_parameter("width", width, 1)
    approximate_columns = check_parameter("approximate_columns", approximate_columns, 0, 2 * width)
    or_bits = check_parameter("or_bits", or_bits, 0, 2 * width)
    name = circuit_name(width, signed, f"momeni_c{approximate_columns}", or_bits)
    source = (
        f"momeni_multiplier({approximate_columns}, signed={signed}, width={width}, "
        f"or_bits={or_bits})"
    )

    def reduce(builder: NetlistBuilder, columns: list[list[int]]) -> list[list[int]]:
        return momeni_reduction(builder, columns, approximate_columns)

    return _tree(name, source, width, signed, reduce, or_bits)


def _tree(
    name: str, source: str, width: int, signed: bool, reduce: _Reduce, or_bits: int
) -> Netlist:
    """Return the multiplier whose columns `reduce` compresses to at most two bits."""
    builder = NetlistBuilder(name, source)
    columns = columns_of(partial_products(builder, width, signed=signed))
    first, second = zip(
        *((*column, CONSTANT_0, CONSTANT_0)[:2] for column in reduce(builder, columns)),
        strict=True,
    )
    builder.output("O", final_sum(builder, first, second, or_bits=or_bits))
    return builder.build()
