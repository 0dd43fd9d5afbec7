r"""Look-ups in registers with AVX-512 BW, for CPUs without VBMI.

A row of 128 or 256 entries of 16 bits fills four or eight registers. A two-source permute looks up
32 codes at once in two registers, by their lowest 6 bits; bits 6 and 7 choose among the results.

Operations on 512-bit registers for 64 look-ups, of which Zen 4 does two a cycle:

    whole table: 2 extensions, 8 permutes, 4 masks, 6 blends, 2 shifts, 4 additions: 13 cycles
    half a table: 2 extensions, 4 permutes, 2 masks, 2 blends, 2 shifts, 4 additions: 8 cycles
"""

from typing import Any

from llvmlite import ir

from torchapprox.kernels.compiling.vector_ir import I16, call, integer, load, splat
from torchapprox.kernels.lookup.vector_emitter import Emitter

_WORDS = ir.VectorType(I16, 32)


class Avx512BwEmitter(Emitter):
    """Permutes words."""

    codes_at_once = 32
    field = 16

    def look_up(self, table: Any, codes: list[Any]) -> list[Any]:
        """See `Emitter`."""
        b = self.b
        row = [load(b, b.add(table, integer(64 * i)), _WORDS, 64) for i in range(4 * self.halves)]
        return [self._entries(row, b.zext(places, _WORDS)) for places in codes]

    def _entries(self, row: list[Any], places: Any) -> Any:
        b, name = self.b, "llvm.x86.avx512.vpermi2var.hi.512"
        found = [
            call(b, name, _WORDS, low, places, high)
            for low, high in zip(row[::2], row[1::2], strict=True)
        ]
        bit = 64
        while len(found) > 1:
            chosen = b.icmp_signed("!=", b.and_(places, splat(_WORDS, bit)), splat(_WORDS, 0))
            pairs = zip(found[::2], found[1::2], strict=True)
            found = [b.select(chosen, above, below) for below, above in pairs]
            bit *= 2
        return found[0]
