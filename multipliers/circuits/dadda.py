"""Column compression: many bits per power of two down to two words, in the fewest stages."""

from __future__ import annotations

from collections.abc import Sequence

from multipliers.builder import NetlistBuilder


def dadda_sum(builder: NetlistBuilder, columns: Sequence[Sequence[int]]) -> list[int]:
    """Add the bits of all columns modulo ``2^len(columns)`` with a Dadda tree.

    Each stage lowers every column to the next height of the sequence 2, 3, 4, 6, 9, 13, ...
    (each 1.5 times the one before, rounded down) with as few full and half adders as possible;
    a ripple-carry adder sums the last two words.

    Args:
        builder: Takes the gates.
        columns: Nets of each power of two, the least significant column first.

    Returns:
        Nets of the sum, the least significant bit first.

    Examples:
        >>> builder = NetlistBuilder("popcount3")
        >>> bits = builder.input("a", 3)
        >>> builder.output("y", dadda_sum(builder, [bits, []]))
        >>> print(builder.build())
        popcount3: a[3] -> y[2], 5 gates

    References:
        L. Dadda, "Some schemes for parallel multipliers", Alta Frequenza 34, 1965.
    """
    stage = [list(column) for column in columns]
    for height in _heights(max(map(len, stage), default=0)):
        stage = _compress(builder, stage, height)
    words = [[column[row] if row < len(column) else 0 for column in stage] for row in range(2)]
    return builder.add(words, len(stage))


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
            addends = column[:taken] + [0] * (3 - taken)
            result, carry = builder.full_adder(addends[0], addends[1], addends[2])
            column = [*column[taken:], result]
            new_carries.append(carry)
        lowered.append(column)
        carries = new_carries
    return lowered
