r"""Look-ups in registers with AVX-512 VBMI.

A row of a plane fills two registers (128 entries, the half of a table that codes with one top bit
need) or four. A two-source byte permute looks up 64 codes at once in two registers; it ignores the
codes' top bit, which selects between the two pairs of registers of a whole plane.

Operations on 512-bit registers for 64 look-ups, of which Zen 4 does two a cycle (one permute):

    whole table, 16 bits: 4 permutes, 2 blends, 1 mask, 2 shifts, 4 additions: 6.5 cycles
    half a table, 16 bits: 2 permutes, 2 shifts, 4 additions: 4 cycles; 15 bits: 3.5; 8 bits: 2
"""

from typing import Any

from llvmlite import ir

from torchapprox.kernels.compiling.vector_ir import I8, call, integer, load, splat
from torchapprox.kernels.lookup.code_lines import LANES
from torchapprox.kernels.lookup.vector_emitter import Emitter

BYTES = ir.VectorType(I8, LANES)


class VbmiEmitter(Emitter):
    """Permutes bytes."""

    codes_at_once = LANES
    field = 8

    def look_up(self, table: Any, codes: list[Any]) -> list[Any]:
        """See `Emitter`."""
        b, parts = self.b, 2 * self.halves
        registers = [
            load(b, b.add(table, integer(LANES * number)), BYTES, 64)
            for number in range(parts * len(self.split))
        ]
        rows = [registers[first : first + parts] for first in range(0, len(registers), parts)]
        return [self._entries(row, places) for places in codes for row in rows]

    def _entries(self, row: list[Any], codes: Any) -> Any:
        entries = permute_bytes(self.b, row[0], codes, row[1])
        if self.halves == 1:
            return entries
        top = self.b.icmp_signed("<", codes, splat(BYTES, 0))
        return self.b.select(top, permute_bytes(self.b, row[2], codes, row[3]), entries)


def permute_bytes(b: Any, low: Any, places: Any, high: Any) -> Any:
    """Pick bytes of two registers, 0..63 of the first and 64..127 of the second."""
    return call(b, "llvm.x86.avx512.vpermi2var.qi.512", BYTES, low, places, high)
