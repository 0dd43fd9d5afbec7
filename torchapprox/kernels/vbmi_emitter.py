r"""LLVM instructions for in-register look-ups with AVX-512 VBMI, as an intrinsic for Numba.

`accumulate_lines` adds, for one row of codes r[0..K) and positions m of up to four registers,

    sums[m] = before[m] + sum_k (bias[r[k]] + entry(r[k], code[k, m]))

where ``entry`` is at most 65535 and split in bytes, the planes. A row of a plane fills two
registers (128 entries, the half of a table that codes with one top bit need) or four. A two-source
byte permute looks up 64 codes at once in two registers; it ignores the codes' top bit, which
selects between the two pairs of registers of a whole plane.

A plane's bytes v[0..63] are added up as 32 lanes of 16 bits twice: as they are, and shifted right
by 8. The second sum is that of the odd bytes; the first is even + 256 * odd modulo 2^16, which
leaves the even bytes' sum after a subtraction, as long as neither exceeds 65535. `STEPS_MAX` steps
of bytes up to 255 do not: 257 * 255 = 65535. Where a plane has 7 bits, two steps are added as
bytes first.

Operations on 512-bit registers for 64 look-ups, of which Zen 4 does two a cycle (one permute):

    whole table, 16 bits: 4 permutes, 2 blends, 2 shifts, 4 additions: 6 cycles
    half a table, 16 bits: 2 permutes, 2 shifts, 4 additions: 4 cycles; 15 bits: 3.5; 8 bits: 2
"""

import hashlib
from pathlib import Path
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

intrinsic: Any = extending.intrinsic
STEPS_MAX = 256
LANES = 64

# How many bits of an entry each plane holds. A plane of 7 bits has room for two steps in a byte.
SPLITS = {16: (8, 8), 15: (7, 8), 8: (8,)}

# Numba's cache notices edits in a kernel's own file only. Kernels that use this file pass this
# digest as a constant, which is part of the cache's key.
SOURCE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()

# Places in two registers that exchange one bit of the lane with one of the register's number, two
# for each of four bits. Not constants of the code, since LLVM spends seconds on the lowering of
# constant permutes.
EXCHANGES = np.array(
    [
        [lane + (LANES - bit + odd if lane & bit else odd) for lane in range(LANES)]
        for bit in (1, 2, 4, 8)
        for odd in (0, bit)
    ],
    np.uint8,
)

_AHEAD = 128  # bytes; of 64 positions' codes, far apart, the hardware follows too few by itself

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_BYTES = ir.VectorType(_I8, LANES)
_WORDS = ir.VectorType(_I16, LANES // 2)
_SUMS = ir.VectorType(_I32, LANES)
_INTERLEAVED = [lane // 2 + LANES // 2 * (lane % 2) for lane in range(LANES)]


@numba.njit(nogil=True)
def address(array):
    """Return where an array begins; signed, since sums with unsigned integers become floats."""
    return np.int64(array.ctypes.data)


@intrinsic(prefer_literal=True)
def accumulate_lines(
    context,  # noqa: ARG001
    registers,
    halves,
    bits,
    source,
    addresses,
):
    """Add look-ups to sums; the formula stands above.

    Args:
        context: Numba's, not passed.
        registers: 1 to 4, literal; positions are 64 times as many.
        halves: 1 or 2, literal; halves of the table's rows in ``planes``.
        bits: A key of `SPLITS`, literal.
        source: Digests of the files that the kernel calls, literal.
        addresses: A tuple of integers: the planes, uint8 `(256, planes, halves * 128)` at a
            multiple of 64; the bias, int32 `(256,)`; the row's codes, uint8 `(K,)`; K itself, at
            most `STEPS_MAX`; the codes of the first position; the distance of step k's codes from
            them, int64 `(K,)`; the sums before, int32 `(positions,)` at a multiple of 64; the sums,
            likewise but anywhere.
    """
    signature = types.void(registers, halves, bits, source, addresses)
    shape = registers.literal_value, halves.literal_value, SPLITS[bits.literal_value]

    def codegen(_context, builder, _signature, arguments):
        parts = [builder.extract_value(arguments[4], i) for i in range(len(addresses))]
        _Emitter(builder, *shape).emit(*parts)

    return signature, codegen


@intrinsic(prefer_literal=True)
def copy_bytes(context, count, target, source):  # noqa: ARG001
    """Copy ``count`` bytes, literal, from one address to another."""
    kind = ir.VectorType(_I8, count.literal_value)

    def codegen(_context, builder, _signature, arguments):
        target, source = (builder.inttoptr(a, kind.as_pointer()) for a in arguments[1:])
        builder.store(builder.load(source, align=1), target, align=1)

    return types.void(count, types.int64, types.int64), codegen


@intrinsic
def copy_memory(context, target, source, count):  # noqa: ARG001
    """Copy ``count`` bytes from one address to another; the two do not overlap."""

    def codegen(_context, builder, _signature, arguments):
        target, source = (builder.inttoptr(a, _I8.as_pointer()) for a in arguments[:2])
        cgutils.raw_memcpy(builder, target, source, arguments[2], 1)

    return types.void(*[types.int64] * 3), codegen


@intrinsic(prefer_literal=True)
def transpose_codes(context, chunks, target, width, source, distances, exchanges):  # noqa: ARG001
    """Write consecutive codes of 64 positions as lines of 64 positions.

    Args:
        context: Numba's, not passed.
        chunks: 1 or 4, literal; sixteenths of the lines that are written. Four read each cache
            line of far positions once.
        target: Address of the first line.
        width: Bytes from one line to the next.
        source: Address of the first position's codes.
        distances: Address of the distances of the positions' codes from it, int64 `(64,)`.
        exchanges: Address of `EXCHANGES`.
    """
    count = chunks.literal_value

    def codegen(_context, builder, _signature, arguments):
        _transpose(builder, count, *arguments[1:])

    return types.void(chunks, *[types.int64] * 5), codegen


def _transpose(
    b: Any, chunks: int, target: Any, width: Any, source: Any, distances: Any, exchanges: Any
) -> None:
    """Bring 16 codes of positions v, 16 + v, 32 + v and 48 + v together in register v, v < 16.

    Then exchange bit i of a code's place among the 16 with bit i of its register's number.
    """
    row = ir.VectorType(_I8, 16 * chunks)

    def codes_of(position: int) -> Any:
        address = b.inttoptr(b.add(distances, _int(8 * position)), _I64.as_pointer())
        codes = b.add(source, b.load(address, align=8))
        if chunks == 4:
            _prefetch(b, b.add(codes, _int(_AHEAD)))
        return b.load(b.inttoptr(codes, row.as_pointer()), align=1)

    def pick(first: Any, second: Any, places: list[tuple[int, int]]) -> Any:
        """Join blocks of 16 codes: (operand, block) for each."""
        size = first.type.count
        lanes = [operand * size + 16 * block + i for operand, block in places for i in range(16)]
        return b.shuffle_vector(first, second, _mask(lanes))

    places = [
        b.load(b.inttoptr(b.add(exchanges, _int(LANES * i)), _BYTES.as_pointer()), align=1)
        for i in range(len(EXCHANGES))
    ]
    by_chunk: list[list[Any]] = [[] for _ in range(chunks)]
    for v in range(16):
        rows = [codes_of(v + 16 * quarter) for quarter in range(4)]
        for chunk in range(chunks):
            low = pick(rows[0], rows[1], [(0, chunk), (1, chunk)])
            high = pick(rows[2], rows[3], [(0, chunk), (1, chunk)])
            by_chunk[chunk].append(pick(low, high, [(0, 0), (0, 1), (1, 0), (1, 1)]))
    for chunk, registers in enumerate(by_chunk):
        for number, bit in enumerate((1, 2, 4, 8)):
            for v in range(16):
                if not v & bit:
                    first, second = registers[v], registers[v + bit]
                    registers[v] = _permute(b, first, places[2 * number], second)
                    registers[v + bit] = _permute(b, first, places[2 * number + 1], second)
        for step, register in enumerate(registers):
            line = b.add(target, b.mul(width, _int(16 * chunk + step)))
            b.store(register, b.inttoptr(line, _BYTES.as_pointer()), align=1)


class _Emitter:
    """Emits `accumulate_lines` for one shape."""

    def __init__(self, builder: Any, registers: int, halves: int, split: tuple[int, ...]) -> None:
        self.b = builder
        self.registers, self.halves, self.split = registers, halves, split
        self.group = 2 if 7 in split else 1  # steps that share one pass of the loop

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
        self.planes, self.bias, self.row = planes, bias, row
        self.codes, self.distances = codes, distances
        zero = _splat(_WORDS, 0)
        # One list: two sums a plane and register, then the sum of the biases.
        state = [zero] * (2 * len(self.split) * self.registers) + [ir.Constant(_I32, 0)]
        grouped = self.b.and_(steps, _int(-self.group))
        state = self._loop(_int(0), grouped, self.group, state)
        if self.group > 1:
            state = self._loop(grouped, steps, 1, state)
        for register in range(self.registers):
            self._add_to_sums(before, sums, register, state)

    def _loop(self, first: Any, last: Any, group: int, start: list[Any]) -> list[Any]:
        b, before = self.b, self.b.block
        body, after = b.append_basic_block("steps"), b.append_basic_block("after")
        b.cbranch(b.icmp_signed("<", first, last), body, after)
        b.position_at_end(body)
        step = b.phi(_I64)
        state = [b.phi(value.type) for value in start]
        end = self._group_of_steps(step, group, state)
        following = b.add(step, _int(group))
        b.cbranch(b.icmp_signed("<", following, last), body, after)
        for phi, initial, later in zip(
            [step, *state], [first, *start], [following, *end], strict=True
        ):
            phi.add_incoming(initial, before)
            phi.add_incoming(later, body)
        b.position_at_end(after)
        results = [b.phi(value.type) for value in start]
        for phi, initial, later in zip(results, start, end, strict=True):
            phi.add_incoming(initial, before)
            phi.add_incoming(later, body)
        return results

    def _group_of_steps(self, step: Any, group: int, state: list[Any]) -> list[Any]:
        b = self.b
        *sums, biases = state
        waiting: list[Any] = [None] * (len(sums) // 2)
        for number in range(group):
            entries, bias = self._step(b.add(step, _int(number)))
            biases = b.add(biases, bias)
            for place, entry in enumerate(entries):
                paired = self.split[place % len(self.split)] == 7
                total = entry if waiting[place] is None else b.add(waiting[place], entry)
                if paired and number + 1 < group:
                    waiting[place] = total
                    continue
                words = b.bitcast(total, _WORDS)
                raw, odd = sums[2 * place : 2 * place + 2]
                sums[2 * place] = b.add(raw, words)
                sums[2 * place + 1] = b.add(odd, b.lshr(words, _splat(_WORDS, 8)))
                waiting[place] = None
        return [*sums, biases]

    def _step(self, step: Any) -> tuple[list[Any], Any]:
        """Look up one step: bytes by register and plane, and the row's bias."""
        b = self.b
        code = b.zext(self._load(b.add(self.row, step), _I8, 1), _I64)
        planes = len(self.split)
        table = b.add(self.planes, b.mul(code, _int(planes * self.halves * 128)))
        bias = self._load(b.add(self.bias, b.shl(code, _int(2))), _I32, 4)
        rows = [
            [
                self._load(b.add(table, _int((plane * self.halves * 2 + part) * LANES)), _BYTES, 64)
                for part in range(2 * self.halves)
            ]
            for plane in range(planes)
        ]
        distance = self._load(b.add(self.distances, b.shl(step, _int(3))), _I64, 8)
        line = b.add(self.codes, distance)
        entries = []
        for register in range(self.registers):
            codes = self._load(b.add(line, _int(LANES * register)), _BYTES, 1)
            entries += [self._look_up(row, codes) for row in rows]
        return entries, bias

    def _look_up(self, row: list[Any], codes: Any) -> Any:
        entries = _permute(self.b, row[0], codes, row[1])
        if self.halves == 1:
            return entries
        top = self.b.icmp_signed("<", codes, _splat(_BYTES, 0))
        return self.b.select(top, _permute(self.b, row[2], codes, row[3]), entries)

    def _add_to_sums(self, before: Any, sums: Any, register: int, state: list[Any]) -> None:
        b = self.b
        bias = b.insert_element(ir.Constant(_SUMS, ir.Undefined), state[-1], ir.Constant(_I32, 0))
        total = b.shuffle_vector(bias, bias, _mask([0] * LANES))
        shift = 0
        for plane, bits in enumerate(self.split):
            place = 2 * (register * len(self.split) + plane)
            raw, odd = state[place : place + 2]
            even = b.sub(raw, b.shl(odd, _splat(_WORDS, 8)))
            words = b.shuffle_vector(even, odd, _mask(_INTERLEAVED))
            total = b.add(total, b.shl(b.zext(words, _SUMS), _splat(_SUMS, shift)))
            shift += bits
        place = _int(4 * LANES * register)
        total = b.add(self._load(b.add(before, place), _SUMS, 64), total)
        b.store(total, b.inttoptr(b.add(sums, place), _SUMS.as_pointer()), align=4)

    def _load(self, address: Any, kind: Any, align: int) -> Any:
        return self.b.load(self.b.inttoptr(address, kind.as_pointer()), align=align)


def _permute(b: Any, low: Any, places: Any, high: Any) -> Any:
    """Pick bytes of two registers, 0..63 of the first and 64..127 of the second."""
    name = "llvm.x86.avx512.vpermi2var.qi.512"
    function = b.module.globals.get(name) or ir.Function(
        b.module, ir.FunctionType(_BYTES, [_BYTES] * 3), name
    )
    return b.call(function, [low, places, high])


def _prefetch(b: Any, address: Any) -> None:
    """Ask for the cache line at an address, which need not exist."""
    kind = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
    function = b.module.declare_intrinsic("llvm.prefetch.p0", (), kind)
    to_read, to_keep, data = 0, 3, 1
    hints = [ir.Constant(_I32, hint) for hint in (to_read, to_keep, data)]
    b.call(function, [b.inttoptr(address, _I8.as_pointer()), *hints])


def _int(value: int) -> Any:
    return ir.Constant(_I64, value)


def _splat(kind: Any, value: int) -> Any:
    return ir.Constant(kind, [value] * kind.count)


def _mask(lanes: list[int]) -> Any:
    return ir.Constant(ir.VectorType(_I32, len(lanes)), lanes)
