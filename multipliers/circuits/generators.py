"""Gate netlists of exact and approximate multipliers, made from their partial products.

The partial product of bit i of the first operand and bit j of the second is ``a_i b_j 2^(i+j)``.
In two's complement the top bit of an operand counts negatively, so that the products of exactly
one top bit do. ``-p 2^k = (1 - p) 2^k - 2^k``: such a product is inverted, and the sum of all
``-2^k`` is one constant (Baugh and Wooley 1973). An approximate multiplier leaves out partial
products, with their share of the constant.
"""

from __future__ import annotations

from collections.abc import Callable

from multipliers.builder import NetlistBuilder
from multipliers.circuits.dadda import dadda_sum
from multipliers.gates import Op
from multipliers.netlist import CONSTANT_0, CONSTANT_1, Netlist

Keep = Callable[[int, int], bool]
"""Whether the partial product of bit i of the first operand and bit j of the second is formed."""


def array_multiplier(*, signed: bool, width: int = 8) -> Netlist:
    """Return the exact array multiplier: one ripple-carry adder per row of partial products.

    Args:
        signed: Whether operands and product are in two's complement (Baugh-Wooley).
        width: Width of both operands in bits.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        ValueError: If `width` is less than 1.

    Examples:
        >>> print(array_multiplier(signed=True))
        mul8s_array: A[8], B[8] -> O[16], 177 gates

    References:
        C. R. Baugh and B. A. Wooley, "A two's complement parallel array multiplication
        algorithm", IEEE Trans. Computers C-22, 1973.
    """
    source = f"array_multiplier(signed={signed}, width={width})"
    return _array(f"{_prefix(width, signed)}_array", source, width, signed, lambda _i, _j: True)


def tree_multiplier(*, signed: bool, width: int = 8) -> Netlist:
    """Return the exact Dadda multiplier: column compression and one final adder.

    Args:
        signed: Whether operands and product are in two's complement (Baugh-Wooley).
        width: Width of both operands in bits.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        ValueError: If `width` is less than 1.

    Examples:
        >>> print(tree_multiplier(signed=False))
        mul8u_tree: A[8], B[8] -> O[16], 176 gates

    References:
        L. Dadda, "Some schemes for parallel multipliers", Alta Frequenza 34, 1965.
    """
    source = f"tree_multiplier(signed={signed}, width={width})"
    name = f"{_prefix(width, signed)}_tree"
    builder, rows = _partial_products(name, source, width, signed, lambda _i, _j: True)
    columns = [[net for net in column if net != CONSTANT_0] for column in zip(*rows, strict=True)]
    builder.output("O", dadda_sum(builder, columns))
    return builder.build()


def broken_array_multiplier(h: int, v: int, *, signed: bool, width: int = 8) -> Netlist:
    """Return the broken-array multiplier BAM(h, v).

    Leaves out the partial products ``a_i b_j`` with ``j < h`` (below the horizontal break) or
    ``i + j < v`` (right of the vertical break); the signed version leaves out the same rows and
    columns of the two's complement partial products.

    Args:
        h: Horizontal break level, 0 to `width`: rows of the second operand left out.
        v: Vertical break level, 0 to ``2 * width``: columns left out.
        signed: Whether operands and product are in two's complement (Baugh-Wooley).
        width: Width of both operands in bits.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        ValueError: If `h`, `v` or `width` is out of range.

    Examples:
        >>> print(broken_array_multiplier(0, 7, signed=True))
        mul8s_bam_h0_v7: A[8], B[8] -> O[16], 107 gates

    References:
        H. R. Mahdiani et al., "Bio-inspired imprecise computational blocks for efficient VLSI
        implementation of soft-computing applications", IEEE TCAS-I 57(4), 2010.
    """
    _check_range("h", h, width)
    _check_range("v", v, 2 * width)
    name = f"{_prefix(width, signed)}_bam_h{h}_v{v}"
    source = f"broken_array_multiplier({h}, {v}, signed={signed}, width={width})"
    return _array(name, source, width, signed, lambda i, j: j >= h and i + j >= v)


def truncated_multiplier(k: int, *, signed: bool, width: int = 8) -> Netlist:
    """Return the operand-truncated multiplier TM(k): ``((a >> k) (b >> k)) << 2k``.

    Args:
        k: Low bits of each operand that are taken as 0, 0 to `width`.
        signed: Whether operands and product are in two's complement; the shifts are arithmetic.
        width: Width of both operands in bits.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        ValueError: If `k` or `width` is out of range.

    Examples:
        >>> from multipliers import simulate
        >>> int(simulate(truncated_multiplier(2, signed=False))[7, 9])
        32
    """
    _check_range("k", k, width)
    name = f"{_prefix(width, signed)}_tm_k{k}"
    source = f"truncated_multiplier({k}, signed={signed}, width={width})"
    return _array(name, source, width, signed, lambda i, j: i >= k and j >= k)


def _array(name: str, source: str, width: int, signed: bool, keep: Keep) -> Netlist:
    """Return the array multiplier of the partial products that `keep` selects."""
    builder, rows = _partial_products(name, source, width, signed, keep)
    total = rows[0]
    for row in rows[1:]:
        total = builder.add([total, row], 2 * width)
    builder.output("O", total)
    return builder.build()


def _partial_products(
    name: str, source: str, width: int, signed: bool, keep: Keep
) -> tuple[NetlistBuilder, list[list[int]]]:
    """Return a builder and words of the product's width, whose sum is the product.

    The first word is the constant of the signed product, then comes one word per bit of the
    second operand; bits without a partial product are the constant 0.
    """
    builder = NetlistBuilder(name, source)
    a, b = builder.input("A", width), builder.input("B", width)
    correction = 0
    rows = [[CONSTANT_0] * 2 * width for _ in range(width)]
    for j in range(width):
        for i in range(width):
            if not keep(i, j):
                continue
            negative = signed and (i == width - 1) != (j == width - 1)
            correction -= negative << (i + j)
            rows[j][i + j] = builder.gate(Op.NAND if negative else Op.AND, a[i], b[j])
    constant = [CONSTANT_1 if correction >> bit & 1 else CONSTANT_0 for bit in range(2 * width)]
    return builder, [constant, *rows]


def _prefix(width: int, signed: bool) -> str:
    """Return the beginning of a multiplier's name, which states width and signedness."""
    if width < 1:
        raise ValueError(f"'width' must be at least 1, got {width}")
    return f"mul{width}{'s' if signed else 'u'}"


def _check_range(name: str, value: int, greatest: int) -> None:
    if not 0 <= value <= greatest:
        raise ValueError(f"'{name}' must be from 0 to {greatest}, got {value}")
