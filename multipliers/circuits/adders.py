"""Final adders: the carry-propagate addition of the last two words of an array or tree."""

from __future__ import annotations

from collections.abc import Sequence

from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import CONSTANT_0, CONSTANT_1


def final_sum(
    builder: NetlistBuilder, a: Sequence[int], b: Sequence[int], *, or_bits: int = 0
) -> list[int]:
    """Return the sum of two words modulo ``2^len(a)``, exact or with a lower part of OR gates.

    With `or_bits` = 0 this is the ripple-carry adder. Otherwise it is the lower-part OR adder
    LOA(or_bits): the low `or_bits` bits of the sum are ``a_i | b_i``, and the upper part is a
    ripple-carry adder whose carry in is ``a_i & b_i`` of the lower part's top bit.

    Args:
        builder: Takes the gates.
        a: Nets of the first word, the least significant bit first.
        b: Nets of the second word, as many.
        or_bits: Bits of the lower part, 0 to ``len(a)``.

    Returns:
        Nets of the sum, as many.

    Examples:
        >>> from multipliers import simulate
        >>> builder = NetlistBuilder("loa2")
        >>> a, b = builder.input("A", 4), builder.input("B", 4)
        >>> builder.output("O", final_sum(builder, a, b, or_bits=2))
        >>> int(simulate(builder.build())[0b0110, 0b0011])  # 01 + 00 + carry, 10 | 11
        11

    References:
        H. R. Mahdiani et al., "Bio-inspired imprecise computational blocks for efficient VLSI
        implementation of soft-computing applications", IEEE TCAS-I 57(4), 2010, section III.
    """
    if or_bits == 0:
        return builder.add([a, b], len(a))
    lower = [_either(builder, *bits) for bits in zip(a[:or_bits], b[:or_bits], strict=True)]
    carry = _both(builder, a[or_bits - 1], b[or_bits - 1])
    return lower + builder.add([a[or_bits:], b[or_bits:], [carry]], len(a) - or_bits)


def _either(builder: NetlistBuilder, a: int, b: int) -> int:
    """Return the OR of two bits; a constant costs no gate."""
    a, b = sorted((a, b))
    if a == CONSTANT_0:
        return b
    return CONSTANT_1 if a == CONSTANT_1 else builder.gate(Op.OR, a, b)


def _both(builder: NetlistBuilder, a: int, b: int) -> int:
    """Return the AND of two bits; a constant costs no gate."""
    a, b = sorted((a, b))
    if a == CONSTANT_0:
        return CONSTANT_0
    return b if a == CONSTANT_1 else builder.gate(Op.AND, a, b)
