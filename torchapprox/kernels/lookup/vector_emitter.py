r"""The loop of an in-register look-up, emitted as LLVM instructions.

An emitter adds, for one row of codes r[0..K) and the positions m of a tile,

    sums[m] = before[m] + sum_k (bias[r[k]] + entry(r[k], code[k, m]))

where ``entry`` is at most 65535 and split in planes of 8 bits, or one of 16 (`SPLITS`).

The fields v[0..] of a vector of entries are added up as lanes of twice their width twice: as they
are, and shifted right by a field. The second sum is that of the odd fields; the first is even +
2^width * odd modulo the lane, which leaves the even fields' sum after a subtraction, as long as
neither exceeds a lane. `STEPS_MAX` steps of bytes up to 255 do not: 257 * 255 = 65535. Where a
plane has 7 bits, two steps are added as bytes first.
"""

from functools import partial
from typing import Any, ClassVar

from llvmlite import ir

from torchapprox.kernels.compiling.vector_ir import (
    I8,
    I32,
    I64,
    broadcast,
    integer,
    load,
    loop_over_steps,
    mask,
    splat,
)
from torchapprox.kernels.lookup.code_lines import LANES


class Emitter:
    """Emits the loop for one shape; its subclasses look up.

    Attributes:
        codes_at_once: Codes in one vector.
        field: Bits of an entry in a vector.
        vectors_at_once: Vectors that one pass over the steps looks up; None for all of the tile.
    """

    codes_at_once: ClassVar[int]
    field: ClassVar[int]
    vectors_at_once: ClassVar[int | None] = None

    def __init__(self, builder: Any, registers: int, halves: int, split: tuple[int, ...]) -> None:
        self.b = builder
        self.halves, self.split = halves, split
        self.vectors = registers * LANES // self.codes_at_once
        self.group = 2 if 7 in split else 1  # steps that share one pass of the loop
        self.row_bytes = halves * 128 * len(split) * self.field // 8
        self.lanes = ir.VectorType(ir.IntType(2 * self.field), self.codes_at_once // 2)

    def emit(
        self,
        planes: Any,
        bias: Any,
        row: Any,
        steps: Any,
        codes: Any,
        distances: Any,
        before: Any,
        sums: Any,
    ) -> None:
        """Emit it; arguments as `accumulate_lines` has them."""
        self.planes, self.bias, self.row = planes, bias, row
        self.codes, self.distances = codes, distances
        at_once = self.vectors_at_once or self.vectors
        for first in range(0, self.vectors, at_once):
            self.of_pass = range(first, first + at_once)
            # One list: two sums a vector and plane, then the sum of the biases.
            state = [splat(self.lanes, 0)] * (2 * len(self.split) * at_once)
            state.append(ir.Constant(I32, 0))
            grouped = self.b.and_(steps, integer(-self.group))
            state = self._loop(integer(0), grouped, self.group, state)
            if self.group > 1:
                state = self._loop(grouped, steps, 1, state)
            for number, vector in enumerate(self.of_pass):
                place = integer(4 * self.codes_at_once * vector)
                total = self._sums(number, state)
                total = self.b.add(load(self.b, self.b.add(before, place), total.type, 4), total)
                target = self.b.inttoptr(self.b.add(sums, place), total.type.as_pointer())
                self.b.store(total, target, align=4)

    def look_up(self, table: Any, codes: list[Any]) -> list[Any]:
        """Return the entries by vector and plane.

        Args:
            table: Address of the row of the planes, at a multiple of 64.
            codes: Vectors of bytes.
        """
        raise NotImplementedError

    def _loop(self, first: Any, last: Any, group: int, start: list[Any]) -> list[Any]:
        body = partial(self._group_of_steps, group=group)
        return loop_over_steps(self.b, first, last, group, start, body)

    def _group_of_steps(self, step: Any, state: list[Any], *, group: int) -> list[Any]:
        b = self.b
        *sums, biases = state
        waiting: list[Any] = [None] * (len(sums) // 2)
        for number in range(group):
            entries, bias = self._step(b.add(step, integer(number)))
            biases = b.add(biases, bias)
            for place, entry in enumerate(entries):
                paired = self.split[place % len(self.split)] == 7
                total = entry if waiting[place] is None else b.add(waiting[place], entry)
                if paired and number + 1 < group:
                    waiting[place] = total
                    continue
                fields = b.bitcast(total, self.lanes)
                raw, odd = sums[2 * place : 2 * place + 2]
                sums[2 * place] = b.add(raw, fields)
                shifted = b.lshr(fields, splat(self.lanes, self.field))
                sums[2 * place + 1] = b.add(odd, shifted)
                waiting[place] = None
        return [*sums, biases]

    def _step(self, step: Any) -> tuple[list[Any], Any]:
        """Look up one step: entries by vector and plane, and the row's bias."""
        b = self.b
        code = b.zext(load(b, b.add(self.row, step), I8, 1), I64)
        bias = load(b, b.add(self.bias, b.shl(code, integer(2))), I32, 4)
        distance = load(b, b.add(self.distances, b.shl(step, integer(3))), I64, 8)
        line, kind = b.add(self.codes, distance), ir.VectorType(I8, self.codes_at_once)
        codes = [
            load(b, b.add(line, integer(self.codes_at_once * vector)), kind, 1)
            for vector in self.of_pass
        ]
        table = b.add(self.planes, b.mul(code, integer(self.row_bytes)))
        return self.look_up(table, codes), bias

    def _sums(self, number: int, state: list[Any]) -> Any:
        """Return the sums of one vector's positions, 32 bits each."""
        b, count = self.b, self.codes_at_once
        kind = ir.VectorType(I32, count)
        total = broadcast(b, kind, state[-1])
        interleaved = mask([lane // 2 + count // 2 * (lane % 2) for lane in range(count)])
        shift = 0
        for plane, bits in enumerate(self.split):
            place = 2 * (number * len(self.split) + plane)
            raw, odd = state[place : place + 2]
            even = b.sub(raw, b.shl(odd, splat(self.lanes, self.field)))
            fields = b.shuffle_vector(even, odd, interleaved)
            wide = fields if self.lanes.element.width == 32 else b.zext(fields, kind)
            total = b.add(total, b.shl(wide, splat(kind, shift)))
            shift += bits
        return total
