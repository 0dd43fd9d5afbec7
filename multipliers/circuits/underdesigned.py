"""The underdesigned multiplier: 2x2 blocks that are wrong for 3 * 3, added exactly."""

from __future__ import annotations

from collections.abc import Sequence

from multipliers.circuits.partial_products import circuit_name
from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import CONSTANT_0, Netlist
from multipliers.parameters import check_parameter


def underdesigned_multiplier(*, width: int = 8) -> Netlist:
    """Return the unsigned underdesigned multiplier UDM.

    The 2x2 block has three outputs, ``a1 b1``, ``a1 b0 | a0 b1`` and ``a0 b0``, and gives 7 for
    3 * 3. Operands of more than two bits are split in halves, whose four products are added
    exactly. `multipliers.families.udm` is the same function as a closed form.

    Args:
        width: Width of both operands in bits, even.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        TypeError: If `width` is no int.
        ValueError: If it is less than 2 or odd.

    Examples:
        >>> from multipliers import simulate
        >>> int(simulate(underdesigned_multiplier(width=2))[3, 3])
        7

    References:
        P. Kulkarni, P. Gupta and M. Ercegovac, "Trading accuracy for power with an underdesigned
        multiplier architecture", VLSI Design 2011.
    """
    width = check_parameter("width", width, 1)
    if width % 2:
        raise ValueError(f"'width' must be even, got {width}")
    name = circuit_name(width, False, "udm")
    builder = NetlistBuilder(name, f"underdesigned_multiplier(width={width})")
    a, b = builder.input("A", width), builder.input("B", width)
    builder.output("O", _product(builder, a, b))
    return builder.build()


def _product(builder: NetlistBuilder, a: Sequence[int], b: Sequence[int]) -> list[int]:
    """Return the product of two words of 2 bits or more, an even number each."""
    if len(a) == len(b) == 2:
        middle = builder.gate(
            Op.OR, builder.gate(Op.AND, a[1], b[0]), builder.gate(Op.AND, a[0], b[1])
        )
        low, high = builder.gate(Op.AND, a[0], b[0]), builder.gate(Op.AND, a[1], b[1])
        return [low, middle, high, CONSTANT_0]
    products = [
        [CONSTANT_0] * (i + j) + _product(builder, low, high)
        for i, low in _halves(a)
        for j, high in _halves(b)
    ]
    return builder.add(products, len(a) + len(b))


def _halves(word: Sequence[int]) -> list[tuple[int, Sequence[int]]]:
    """Return the low and the high half, an even number of bits each, with their first bit."""
    middle = len(word) // 4 * 2
    return [(0, word[:middle]), (middle, word[middle:])] if middle else [(0, word)]
