"""Momeni's approximate 4:2 compressor, design 2, and the tree in which we use it."""

from __future__ import annotations

from collections.abc import Sequence

from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import CONSTANT_0


def momeni_compressor(builder: NetlistBuilder, x: Sequence[int]) -> tuple[int, int]:
    """Add Momeni's compressor D2 and return its sum and carry.

    ``sum = xnor(x1, x2) | xnor(x3, x4)``, ``carry = (x1 | x2) & (x3 | x4)``. Of the 16 states
    ``2 * carry + sum`` is wrong in four: 0000 gives 1, 0011 and 1100 give 1, 1111 gives 3.

    Args:
        builder: Takes the gates.
        x: Nets of the four bits.

    Returns:
        Nets of sum and carry.

    Examples:
        >>> builder = NetlistBuilder("d2")
        >>> builder.output("y", momeni_compressor(builder, builder.input("x", 4)))
        >>> print(builder.build())
        d2: x[4] -> y[2], 6 gates

    References:
        A. Momeni, J. Han, P. Montuschi and F. Lombardi, "Design and analysis of approximate
        compressors for multiplication", IEEE Trans. Computers 64(4), 2015.
    """
    x1, x2, x3, x4 = x
    equal = builder.gate(Op.XNOR, x1, x2), builder.gate(Op.XNOR, x3, x4)
    either = builder.gate(Op.OR, x1, x2), builder.gate(Op.OR, x3, x4)
    return builder.gate(Op.OR, *equal), builder.gate(Op.AND, *either)


def momeni_reduction(
    builder: NetlistBuilder, columns: Sequence[Sequence[int]], approximate_columns: int
) -> list[list[int]]:
    """Compress the bits of all columns to at most two per column, with D2 in the low columns.

    The publication gives the compressor and draws a tree; this wiring is our own. The stages
    lower every column to the next power of two, ..., 8, 4, 2. A stage goes through the columns
    from the least significant; a column's bits are those of the last stage in order, then the
    carries of the column below in this stage. While it is taller than the stage's height by d,
    its first bits go into a compressor D2 if d >= 3 and the column is among the approximate
    ones, else into a full adder if d >= 2, else into a half adder; the sum joins the column's
    end.

    Args:
        builder: Takes the gates.
        columns: Nets of each power of two, the least significant column first.
        approximate_columns: Number of low columns that may use D2.

    Returns:
        Columns, as many; of the same sum only without approximate columns.

    Examples:
        >>> builder = NetlistBuilder("popcount8")
        >>> bits = builder.input("a", 8)
        >>> [len(column) for column in momeni_reduction(builder, [bits, [], []], 1)]
        [2, 2, 1]
    """
    stage = [list(column) for column in columns]
    height = 2
    while 2 * height < max(map(len, stage), default=0):
        height *= 2
    while height >= 2:
        stage = _compress(builder, stage, height, approximate_columns)
        height //= 2
    return stage


def _compress(
    builder: NetlistBuilder, columns: list[list[int]], height: int, approximate_columns: int
) -> list[list[int]]:
    """Return the columns after one stage."""
    lowered: list[list[int]] = []
    carries: list[int] = []
    for index, bits in enumerate(columns):
        column, new_carries = bits + carries, []
        while (excess := len(column) - height) > 0:
            if excess >= 3 and index < approximate_columns:
                taken = 4
                result, carry = momeni_compressor(builder, column[:4])
            else:
                taken = 3 if excess >= 2 else 2
                addends = [*column[:taken], CONSTANT_0]
                result, carry = builder.full_adder(addends[0], addends[1], addends[2])
            column = [*column[taken:], result]
            new_carries.append(carry)
        lowered.append(column)
        carries = new_carries
    return lowered
