r"""Look-ups in registers with AVX2.

A shuffle looks up 32 codes in 16 bytes, by their lowest 4 bits; the higher bits choose among the
shuffles of all sixteenths of a row, in a tree.

Operations on 256-bit registers for 32 look-ups in a plane: 8 (half a table) or 16 shuffles, 7 or 15
blends, 1 shift, 2 additions. 64 look-ups take 37 and 21 cycles of Zen 4 in a half of a table (16
and 8 bits), 71 and 36 in a whole one.
"""

from typing import Any

from llvmlite import ir

from torchapprox.kernels.compiling.vector_ir import I8, I16, call, integer, load, mask, splat
from torchapprox.kernels.lookup.vector_emitter import Emitter

_PART = 16  # entries that one shuffle reaches
_BYTES, _WORDS = ir.VectorType(I8, 32), ir.VectorType(I16, 16)
_TWICE = list(range(_PART)) * 2


class Avx2Emitter(Emitter):
    """Shuffles bytes."""

    codes_at_once = 32
    field = 8
    vectors_at_once = 1  # two would need more than the 16 registers

    def look_up(self, table: Any, codes: list[Any]) -> list[Any]:
        """See `Emitter`."""
        b, (places,) = self.b, codes
        words = b.bitcast(places, _WORDS)
        # From bit 4 on; the blend looks at a byte's top bit.
        chosen = [
            b.icmp_signed(
                "<",
                b.bitcast(b.shl(words, splat(_WORDS, 7 - bit)), _BYTES),
                splat(_BYTES, 0),
            )
            for bit in range(4, 6 + self.halves)
        ]
        low = b.and_(places, splat(_BYTES, _PART - 1))
        size = 128 * self.halves
        return [
            self._tree(b.add(table, integer(plane * size)), low, chosen)
            for plane in range(len(self.split))
        ]

    def _tree(self, table: Any, low: Any, chosen: list[Any]) -> Any:
        b = self.b
        if not chosen:
            part = load(b, table, ir.VectorType(I8, _PART), _PART)
            row = b.shuffle_vector(part, part, mask(_TWICE))
            return call(b, "llvm.x86.avx2.pshuf.b", _BYTES, row, low)
        *lower, top = chosen
        above = b.add(table, integer(_PART << len(lower)))
        return b.select(top, self._tree(above, low, lower), self._tree(table, low, lower))
