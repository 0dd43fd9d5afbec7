"""Wallace's column compression: in every stage, every adder that fits."""

from __future__ import annotations

from collections.abc import Sequence

from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.netlist import CONSTANT_0


def wallace_reduction(builder: NetlistBuilder, columns: Sequence[Sequence[int]]) -> list[list[int]]:
    """Compress the bits of all columns to at most two per column, modulo ``2^len(columns)``.

    In each stage every column feeds its bits into full adders, three at a time in their order,
    and a remaining pair into a half adder; a single bit passes. The next stage's column is the
    carries of the column below, then the sums in order, then the bit that passed.

    Args:
        builder: Takes the gates.
        columns: Nets of each power of two, the least significant column first.

    Returns:
        Columns of the same sum, as many.

    Examples:
        >>> builder = NetlistBuilder("popcount3")
        >>> [len(column) for column in wallace_reduction(builder, [builder.input("a", 3), []])]
        [1, 1]

    References:
        C. S. Wallace, "A suggestion for a fast multiplier", IEEE Trans. Electronic Computers
        EC-13(1), 1964.
    """
    stage = [list(column) for column in columns]
    while max(map(len, stage), default=0) > 2:
        stage = _compress(builder, stage)
    return stage


def _compress(builder: NetlistBuilder, columns: list[list[int]]) -> list[list[int]]:
    """Return the columns after one stage."""
    lowered: list[list[int]] = []
    carries: list[int] = []
    for bits in columns:
        sums, new_carries = [], []
        for first in range(0, len(bits) - 1, 3):
            addends = [*bits[first : first + 3], CONSTANT_0][:3]
            result, carry = builder.full_adder(addends[0], addends[1], addends[2])
            sums.append(result)
            new_carries.append(carry)
        passed = bits[-1:] if len(bits) % 3 == 1 else []
        lowered.append([net for net in [*carries, *sums, *passed] if net != CONSTANT_0])
        carries = new_carries
    return lowered
