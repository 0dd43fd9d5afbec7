r"""Products of the integers in words, summed in 32 bits: the loop inside a matrix product.

For up to six rows and two vectors of positions,

    sums[r, m] = before[r, m] + sum_k lo(a[k, r]) lo(b[k, m]) + hi(a[k, r]) hi(b[k, m])

where a word of 32 bits holds a pair (lo, hi) of signed integers. Words of rows are spread over a
register each; those of positions are read where they stand.

On x86 a product of both pairs and their sum is one instruction (`vpmaddwd`), and the addition to
the sums another one, or the same where there is VNNI. LLVM finds it in no spelling of its own, so
that it is called by its name; other CPUs get shifts, products and sums. Everything is modulo 2^32.

Likewise for words of four integers of 8 bits, signed in a and unsigned in b or the other way
round, with the instruction of VNNI for them (`vpdpbusd`), which adds four products to a sum: twice
as many as one for pairs. AVX2 adds two products in 16 bits (`vpmaddubsw`), which saturate, so that
these are for features that are small enough, and two of these sums in 32 (`vpmaddwd` by 1): as many
products for each multiplication as pairs have, with half of the additions. Four rows and two
vectors leave registers for what is between; with six, one sum is kept in memory. Where 16 bits hold
the sum of four products, those of two steps are added there first: three multiplications for what
takes four.

Twelve sums, two vectors of positions, a spread word and a product take the sixteen registers of
AVX2. A step of 2 x 6 sums is 12 products, 12 additions, 9 loads and 2 instructions of the loop: 35
of them, at six a cycle, are 6 cycles, as are the products by themselves, at two a cycle.
"""

from functools import partial, reduce
from typing import Any

from llvmlite import ir
from numba import extending, types

from torchapprox.kernels.compiling.vector_ir import (
    I8,
    I16,
    I32,
    I64,
    broadcast,
    integer,
    load,
    loop_over_steps,
    splat,
)
from torchapprox.kernels.features.pair_unit import VECTORS, PairUnit

intrinsic: Any = extending.intrinsic

_PAIRS = "llvm.x86.avx2.pmadd.wd"
_OPERANDS = {_PAIRS: I16, "llvm.x86.avx512.pmaddw.d.512": I16, "llvm.x86.avx2.pmadd.ub.sw": I8}
"""Of the instructions whose operands are no words, the integers in them."""


@intrinsic(prefer_literal=True)
def multiply_pairs(context, lanes, instruction, share, unsigned_rows, rows, addresses):  # noqa: ARG001
    """Fill the sums of some rows and two vectors.

    Args:
        context: Numba's, not passed.
        lanes: As `PairUnit` has it, literal.
        instruction: Likewise.
        share: Likewise.
        unsigned_rows: Likewise, 0 or 1.
        rows: 1 to `ROWS`, literal.
        addresses: A tuple of integers: the words of step 0 of both vectors; the distance of step
            k's words from them, int64 `(K,)`; the word of row 0 and step 0, and the bytes from one
            row's to the next and from one step's; K itself; how many of the first steps have sums
            of four products that fit 16 bits, even; the sums before and the bytes from one of their
            rows to the next; the sums, likewise.
    """
    signature = types.void(lanes, instruction, share, unsigned_rows, rows, addresses)
    values = (each.literal_value for each in (lanes, instruction, share, unsigned_rows))
    unit, height = PairUnit(*values), rows.literal_value

    def codegen(_context, b, _signature, arguments):
        parts = [b.extract_value(arguments[5], i) for i in range(len(addresses))]
        _Tile(b, unit, height).emit(*parts)

    return signature, codegen


class _Tile:
    """Emits the loop for a number of rows."""

    def __init__(self, builder: Any, unit: PairUnit, rows: int) -> None:
        self.b, self.unit, self.rows = builder, unit, rows
        self.words = ir.VectorType(I32, unit.lanes)

    def emit(
        self,
        first: Any,
        second: Any,
        distances: Any,
        words: Any,
        row_pitch: Any,
        step_pitch: Any,
        steps: Any,
        narrow: Any,
        before: Any,
        before_pitch: Any,
        sums: Any,
        pitch: Any,
    ) -> None:
        b = self.b
        start = [load(b, place, self.words, 4) for place in self._places(before, before_pitch)]
        rows = [b.add(words, b.mul(row_pitch, integer(row))) for row in range(self.rows)]

        def add(step: Any, state: list[Any], count: int = 1) -> list[Any]:
            at = [b.add(step, integer(number)) for number in range(count)]
            places = [load(b, b.add(distances, b.shl(k, integer(3))), I64, 8) for k in at]
            columns = [
                [load(b, b.add(origin, place), self.words, 4) for place in places]
                for origin in (first, second)
            ]
            end: list[Any] = []
            for row in rows:
                of_row = [load(b, b.add(row, b.mul(k, step_pitch)), I32, 4) for k in at]
                of_steps = [broadcast(b, self.words, word) for word in of_row]
                end += [
                    self._added(state[len(end) + vector], of_steps, column)
                    for vector, column in enumerate(columns)
                ]
            return end

        begin = integer(0)
        if self.unit.narrows:
            start = loop_over_steps(b, begin, narrow, 2, start, partial(add, count=2))
            begin = narrow
        results = loop_over_steps(b, begin, steps, 1, start, add)
        for result, target in zip(results, self._places(sums, pitch), strict=True):
            b.store(result, b.inttoptr(target, self.words.as_pointer()), align=4)

    def _places(self, origin: Any, pitch: Any) -> list[Any]:
        b = self.b
        rows = [b.add(origin, b.mul(pitch, integer(row))) for row in range(self.rows)]
        size = 4 * self.unit.lanes
        return [b.add(row, integer(size * vector)) for row in rows for vector in range(VECTORS)]

    def _added(self, total: Any, of_row: list[Any], of_positions: list[Any]) -> Any:
        """Add the products of a row's words and positions' words to their sums.

        Of one step, or of two narrow ones.
        """
        b, unit = self.b, self.unit
        rows, positions = (of_row, of_positions) if unit.unsigned_rows else (of_positions, of_row)
        if unit.narrows:
            halves = ir.VectorType(I16, 2 * unit.lanes)
            words = zip(rows, positions, strict=True)
            sums = [self._call(unit.instruction, halves, *pair) for pair in words]
            return b.add(
                total, self._call(_PAIRS, self.words, reduce(b.add, sums), splat(halves, 1))
            )
        (x,), (y,) = of_row, of_positions
        if self.unit.share == 2:
            return b.add(total, self._product(x, y))
        unsigned, signed = (x, y) if self.unit.unsigned_rows else (y, x)
        if self.unit.instruction:
            return self._call(self.unit.instruction, self.words, total, unsigned, signed)
        highest = splat(self.words, 24)
        for i in range(4):
            to_top = splat(self.words, 24 - 8 * i)
            of_signed = b.ashr(b.shl(signed, to_top), highest)
            of_unsigned = b.lshr(b.shl(unsigned, to_top), highest)
            total = b.add(total, b.mul(of_signed, of_unsigned))
        return total

    def _product(self, x: Any, y: Any) -> Any:
        b = self.b
        if self.unit.instruction:
            return self._call(self.unit.instruction, self.words, x, y)
        half = splat(self.words, 16)
        low_x, low_y = (b.ashr(b.shl(pair, half), half) for pair in (x, y))
        return b.add(b.mul(low_x, low_y), b.mul(b.ashr(x, half), b.ashr(y, half)))

    def _call(self, instruction: str, result: Any, *operands: Any) -> Any:
        """Call an instruction whose operands are vectors of the type that it is declared with."""
        b, kinds = self.b, _OPERANDS.get(instruction)
        if kinds is not None:
            wide = ir.VectorType(kinds, 32 // kinds.width * self.unit.lanes)
            operands = tuple(b.bitcast(operand, wide) for operand in operands)
        kind = ir.FunctionType(result, [operand.type for operand in operands])
        function = b.module.globals.get(instruction) or ir.Function(b.module, kind, instruction)
        return b.call(function, operands)
