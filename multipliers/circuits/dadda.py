"""Dadda's column compression: as few adders as possible in the fewest stages."""

from __future__ import annotations

from collections.abc import Sequence

from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.netlist import CONSTANT_0


def dadda_reduction(builder: NetlistBuilder, columns: Sequence[Sequence[int]]) -> list[list[int]]:
    """Compress the bits of all columns to at most two per column, modulo ``2^len(columns)``.

    Each stage lowers every column to the next height of the sequence 2, 3, 4, 6, 9, 13, ...
    (each 1.5 times the one before, rounded down) with as few full and half adders as possible.

    Args:
        builder: Takes the gates.
        columns: Nets of each power of two, the least significant column first.

    Returns:
        Columns of the same sum, as many.

    Examples:
        >>> builder = NetlistBuilder("popcount3")
        >>> [len(column) for column in dadda_reduction(builder, [builder.input("a", 3), []])]
        [2, 1]

    References:
        L. Dadda, "Some schemes for parallel multipliers", Alta Frequenza 34, 1965.
    """
    stage = [list(column) for column in columns]
    for height in _heights(max(map(len, stage), default=0)):
        stage = _compress(builder, stage, height)
    return stage


def _heights(tallest: int) -> list[int]:
    """Return the Dadda heights below the tallest column, in the order of the stages."""
    heights = [2]
    while heights[-1] < tallest:
        heights.append(heights[-1] * 3 // 2)
    return heights[-2::-1]


def _compress(builder: NetlistBuilder, columns: list[list[int]], height: int) -> list[list[int]]:
    """Lower every column to `height`; the carries of a column count in the next one."""
    lowered: list[list[int]] = []
    carries: list[int] = []
    for bits in columns:
        column, new_carries = bits + carries, []
        while len(column) > height:
            taken = 2 if len(column) == height + 1 else 3
            addends = column[:taken] + [CONSTANT_0] * (3 - taken)
            result, carry = builder.full_adder(addends[0], addends[1], addends[2])
            column = [*column[taken:], result]
            new_carries.append(carry)
        lowered.append(column)
        carries = new_carries
    return lowered
