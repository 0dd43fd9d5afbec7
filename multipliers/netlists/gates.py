"""The gate set: what each gate computes, once, for single bits and for words of bits alike."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any


class Op(IntEnum):
    """Function of a gate.

    `XOR3` and `MAJ` (majority) are the sum and the carry of a full adder. The third fan-in of
    `MUX` selects: 0 takes the first, 1 the second.

    Examples:
        >>> Op.MAJ.arity
        3
        >>> [Op.XOR3(1, 0, 1), Op.MAJ(1, 0, 1)]
        [0, 1]
    """

    BUF = 0
    INV = 1
    AND = 2
    OR = 3
    XOR = 4
    NAND = 5
    NOR = 6
    XNOR = 7
    MUX = 8
    XOR3 = 9
    MAJ = 10

    @property
    def arity(self) -> int:
        """Number of fan-ins that the gate reads."""
        return 1 if self <= Op.INV else 2 if self <= Op.XNOR else 3

    def __call__(self, *bits: int) -> int:
        """Return the gate's output bit for single input bits."""
        return int(FUNCTIONS[self](*bits, *[0] * (3 - len(bits)))) & 1


FUNCTIONS: dict[int, Callable[[Any, Any, Any], Any]] = {
    Op.BUF: lambda a, _b, _c: a,
    Op.INV: lambda a, _b, _c: ~a,
    Op.AND: lambda a, b, _c: a & b,
    Op.OR: lambda a, b, _c: a | b,
    Op.XOR: lambda a, b, _c: a ^ b,
    Op.NAND: lambda a, b, _c: ~(a & b),
    Op.NOR: lambda a, b, _c: ~(a | b),
    Op.XNOR: lambda a, b, _c: ~(a ^ b),
    Op.MUX: lambda a, b, c: a ^ ((a ^ b) & c),
    Op.XOR3: lambda a, b, c: a ^ b ^ c,
    Op.MAJ: lambda a, b, c: (a & b) | (c & (a ^ b)),
}
"""Bitwise function of each gate: integers or integer arrays in, the same kind out. Inverting gates
also invert the bits above the lowest, which callers mask or do not read."""
