r"""Vectors of an expanded table, as intrinsics for Numba; `expanded_cpu` has the formula.

Entries e = 256 h + l of 16 bits are added up in lanes of 16 bits, which gives sum(e) modulo 2^16,
and beside it shifted right by 8, which gives sum(h). Then sum(l) = sum(e) - 256 sum(h) modulo 2^16,
and neither sum exceeds 16 bits within `STEPS_MAX` steps: 257 * 255 = 65535. Two entries of 15 bits
are added first, and their sum is one of 16.

Of a step of one position, where its codes stand, the code and the line's place take two loads and
two operations; each vector of 16 rows takes a load and 3 operations, or 2 with 15 bits.
"""

from functools import reduce
from typing import Any

from llvmlite import ir
from numba import extending, types

from torchapprox.kernels.compiling.vector_ir import (
    I8,
    I16,
    I32,
    I64,
    integer,
    load,
    loop_over_steps,
    mask,
    splat,
)
from torchapprox.kernels.lookup.expanded_cpu import LANES, UNROLLED

intrinsic: Any = extending.intrinsic

_ENTRIES = ir.VectorType(I16, LANES)
_SUMS = ir.VectorType(I32, LANES)


@intrinsic
def transpose_entries(context, sources, at, target, pitch):  # noqa: ARG001
    """Copy a square of `LANES` rows of entries, rows as columns.

    Args:
        context: Numba's, not passed.
        sources: Address of the addresses of the rows, int64.
        at: Bytes from these to where the square begins.
        target: Address of the first line that is written.
        pitch: Bytes from one line to the next.
    """

    def codegen(_context, builder, _signature, arguments):
        _copy_transposed(builder, _ENTRIES, *arguments)

    return types.void(*[types.int64] * 4), codegen


@intrinsic
def transpose_sums(context, sources, at, target, pitch):  # noqa: ARG001
    """Likewise a square of 8 rows of integers of 32 bits."""

    def codegen(_context, builder, _signature, arguments):
        _copy_transposed(builder, ir.VectorType(I32, LANES // 2), *arguments)

    return types.void(*[types.int64] * 4), codegen


@intrinsic(prefer_literal=True)
def add_lines(context, vectors, bits, addresses):  # noqa: ARG001
    """Add a line of each step to the sums of one position.

    Args:
        context: Numba's, not passed.
        vectors: Vectors of rows, literal.
        bits: Of an entry, literal, 15 or 16.
        addresses: A tuple of integers: the sums before, uint16 `(2, rows)`, of entries and of
            their high bytes; the sums, likewise; the line of code 0 of step 0, and the bytes from
            one step to the next; the code of step 0; the distance of step k's code from it, int64
            `(K,)`; K itself.
    """
    signature = types.void(vectors, bits, addresses)
    shape = vectors.literal_value, bits.literal_value

    def codegen(_context, b, _signature, arguments):
        parts = [b.extract_value(arguments[2], i) for i in range(len(addresses))]
        _Position(b, *shape, *parts).emit()

    return signature, codegen


@intrinsic
def widen(context, before, biases, sums, high, totals):  # noqa: ARG001
    """Write the sums of `LANES` rows in 32 bits.

    Args:
        context: Numba's, not passed.
        before: Address of the sums before, int32.
        biases: Address of what is added to them, int32.
        sums: Address of the sums of entries modulo 2^16, uint16.
        high: Address of those of the entries' high bytes, uint16.
        totals: Address of the sums, int32.
    """

    def codegen(_context, b, _signature, arguments):
        before, biases, sums, high, totals = arguments
        raw, top = (load(b, place, _ENTRIES, 2) for place in (sums, high))
        low = b.sub(raw, b.shl(top, splat(_ENTRIES, 8)))
        total = b.add(b.shl(b.zext(top, _SUMS), splat(_SUMS, 8)), b.zext(low, _SUMS))
        for place in (before, biases):
            total = b.add(total, load(b, place, _SUMS, 4))
        b.store(total, b.inttoptr(totals, _SUMS.as_pointer()), align=4)

    return types.void(*[types.int64] * 5), codegen


def _copy_transposed(b: Any, kind: Any, sources: Any, at: Any, target: Any, pitch: Any) -> None:
    places = [
        b.add(load(b, b.add(sources, integer(8 * row)), I64, 8), at) for row in range(kind.count)
    ]
    size = kind.element.width // 8
    rows = [load(b, place, kind, size) for place in places]
    for number, line in enumerate(_transposed(b, rows)):
        place = b.add(target, b.mul(pitch, integer(number)))
        b.store(line, b.inttoptr(place, kind.as_pointer()), align=size)


def _transposed(b: Any, rows: list[Any]) -> list[Any]:
    """Transpose vectors of 256 bits by shuffles that are one instruction of AVX2 each.

    Where the lanes of two vectors are interleaved within halves, and the vectors taken are half of
    them apart, the bits of a vector's number and those of a lane's are rotated together.
    """
    count = len(rows)
    share = count // 2  # lanes of a half
    turned = []
    for first in (0, share):
        part = rows[first : first + share]
        for _ in range(share.bit_length() - 1):
            part = [
                _interleaved(b, part[i], part[i + share // 2], begin)
                for i in range(share // 2)
                for begin in (0, share // 2)
            ]
        turned.append(part)
    return [
        b.shuffle_vector(one, other, mask([*half, *(lane + count for lane in half)]))
        for half in (range(share), range(share, count))
        for one, other in zip(*turned, strict=True)
    ]


def _interleaved(b: Any, one: Any, other: Any, begin: int) -> Any:
    """Interleave half of the lanes of each 128 bits, from one of them on."""
    count = one.type.count
    lanes = [
        lane
        for half in (0, count // 2)
        for i in range(half + begin, half + begin + count // 4)
        for lane in (i, i + count)
    ]
    return b.shuffle_vector(one, other, mask(lanes))


class _Position:
    """Emits the loop over the steps of one position."""

    def __init__(
        self,
        builder: Any,
        vectors: int,
        bits: int,
        before: Any,
        sums: Any,
        slab: Any,
        pitch: Any,
        code: Any,
        distances: Any,
        steps: Any,
    ) -> None:
        self.b, self.vectors, self.bits = builder, vectors, bits
        self.before, self.sums = before, sums
        self.slab, self.pitch = slab, pitch
        self.code, self.distances, self.steps = code, distances, steps

    def emit(self) -> None:
        b = self.b
        state = [load(b, place, _ENTRIES, 2) for place in self._places(self.before, 2)]
        grouped = b.and_(self.steps, integer(-UNROLLED))
        state = self._loop(integer(0), grouped, UNROLLED, state)
        state = self._loop(grouped, self.steps, 1, state)
        for total, place in zip(state, self._places(self.sums, 2), strict=True):
            b.store(total, b.inttoptr(place, _ENTRIES.as_pointer()), align=2)

    def _places(self, origin: Any, kinds: int) -> list[Any]:
        places = range(kinds * self.vectors)
        return [self.b.add(origin, integer(2 * LANES * place)) for place in places]

    def _loop(self, first: Any, last: Any, group: int, start: list[Any]) -> list[Any]:
        def add(step: Any, state: list[Any]) -> list[Any]:
            numbers = range(group)
            lines = [self._line(self.b.add(step, integer(number))) for number in numbers]
            return self._added(state, lines)

        return loop_over_steps(self.b, first, last, group, start, add)

    def _line(self, step: Any) -> list[Any]:
        """Return the entries of a step by vector."""
        b = self.b
        distance = load(b, b.add(self.distances, b.shl(step, integer(3))), I64, 8)
        code = b.zext(load(b, b.add(self.code, distance), I8, 1), I64)
        line = b.add(self.slab, b.mul(self.pitch, step))
        line = b.add(line, b.mul(code, integer(2 * LANES * self.vectors)))
        return [load(b, place, _ENTRIES, 2) for place in self._places(line, 1)]

    def _added(self, state: list[Any], lines: list[list[Any]]) -> list[Any]:
        """Return the sums of entries and of their high bytes after some steps."""
        b, at_once = self.b, 2 ** (16 - self.bits)
        sums, high = list(state[: self.vectors]), list(state[self.vectors :])
        for vector, entries in enumerate(zip(*lines, strict=True)):
            for first in range(0, len(entries), at_once):
                entry = reduce(b.add, entries[first : first + at_once])
                sums[vector] = b.add(sums[vector], entry)
                high[vector] = b.add(high[vector], b.lshr(entry, splat(_ENTRIES, 8)))
        return [*sums, *high]
