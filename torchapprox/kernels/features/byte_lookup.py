"""Bytes of 64 codes looked up in a table at once, perhaps put together as words, for Numba.

A table has a byte for each of 256 codes. With AVX-512 VBMI it fills four registers, of which byte
permutes read two at a time. A shuffle of AVX2 reads 16 bytes by a code's lowest 4 bits and gives 0
where its top bit is set, which a saturating sum sets for the codes of all other sixteenths: four
operations for each sixteenth of the table and 32 codes. Other CPUs read byte by byte.
"""

from typing import Any

from llvmlite import ir
from numba import extending, types

from torchapprox.kernels.compiling.vector_ir import (
    I8,
    I32,
    I64,
    broadcast,
    call,
    integer,
    load,
    loop_over_steps,
    mask,
    splat,
)
from torchapprox.kernels.lookup.vbmi_emitter import BYTES, permute_bytes

intrinsic: Any = extending.intrinsic

CODES = BYTES.count  # at once
VBMI, AVX2, ANY = "vbmi", "avx2", "any"
"""What a CPU has that looks bytes up."""

_WORDS = ir.VectorType(I32, CODES // 4)
_HALF = ir.VectorType(I8, CODES // 2)
_SIXTEENTH = ir.VectorType(I8, 16)


@intrinsic(prefer_literal=True)
def bytes_of_neighbours(context, unit, table, halves, codes, target):  # noqa: ARG001
    """Write the bytes of 64 neighbouring codes side by side.

    Args:
        context: Numba's, not passed.
        unit: What the CPU has, literal.
        table: Address of the table.
        halves: Of the table that codes lie in, 1 for those below 128; else 2.
        codes: Address of the first code.
        target: Address of the first byte.
    """

    def codegen(_context, b, _signature, arguments):
        _, table_of, used, first, to = arguments
        found = _looked_up(b, unit.literal_value, table_of, used, first)
        b.store(found, b.inttoptr(to, BYTES.as_pointer()), align=1)

    return types.void(unit, *[types.int64] * 4), codegen


@intrinsic(prefer_literal=True)
def words_of_neighbours(context, unit, table, halves, codes, target, pitch):  # noqa: ARG001
    """Write the words of each four neighbours among 64 codes.

    Args:
        context: Numba's, not passed.
        unit: As of `bytes_of_neighbours`, as are those that follow.
        table: Likewise.
        halves: Likewise.
        codes: Likewise.
        target: Address of the first word.
        pitch: Bytes from one word to the next.
    """

    def codegen(_context, b, _signature, arguments):
        _, table_of, used, first, to, step = arguments
        words = b.bitcast(_looked_up(b, unit.literal_value, table_of, used, first), _WORDS)
        for number in range(_WORDS.count):
            place = b.add(to, b.mul(step, integer(number)))
            word = b.extract_element(words, ir.Constant(I32, number))
            b.store(word, b.inttoptr(place, I32.as_pointer()), align=4)

    return types.void(unit, *[types.int64] * 5), codegen


@intrinsic(prefer_literal=True)
def words_of_lines(context, unit, table, halves, codes, pitch, target):  # noqa: ARG001
    """Write 64 words, neighbours, of which each joins a code from each of four lines.

    Args:
        context: Numba's, not passed.
        unit: As of `bytes_of_neighbours`.
        table: Likewise.
        halves: Likewise.
        codes: Address of the first line's first code.
        pitch: Bytes from one line to the next.
        target: Address of the first word.
    """

    def codegen(_context, b, _signature, arguments):
        _, table_of, used, first, step, to = arguments
        places = [b.add(first, b.mul(step, integer(line))) for line in range(4)]
        lines = [_looked_up(b, unit.literal_value, table_of, used, place) for place in places]
        count = _WORDS.count
        for part in range(4):
            lanes = mask(list(range(count * part, count * (part + 1))))
            words = ir.Constant(_WORDS, [0] * count)
            for line, features in enumerate(lines):
                quarter = b.zext(b.shuffle_vector(features, features, lanes), _WORDS)
                words = b.or_(words, b.shl(quarter, splat(_WORDS, 8 * line)))
            place = b.add(to, integer(4 * count * part))
            b.store(words, b.inttoptr(place, _WORDS.as_pointer()), align=4)

    return types.void(unit, *[types.int64] * 5), codegen


def _looked_up(b: Any, unit: str, table: Any, halves: Any, codes: Any) -> Any:
    """Return the bytes of 64 codes, as a vector."""
    if unit == VBMI:
        return _permuted(b, table, codes)
    if unit == AVX2:
        return _shuffled(b, table, halves, codes)
    found = ir.Constant(BYTES, ir.Undefined)
    for lane in range(CODES):
        code = b.zext(load(b, b.add(codes, integer(lane)), I8, 1), I64)
        byte = load(b, b.add(table, code), I8, 1)
        found = b.insert_element(found, byte, ir.Constant(I32, lane))
    return found


def _permuted(b: Any, table: Any, codes: Any) -> Any:
    quarters = [load(b, b.add(table, integer(CODES * i)), BYTES, 1) for i in range(4)]
    places = load(b, codes, BYTES, 1)
    # A permute ignores the codes' top bit, which selects between two of them.
    low = permute_bytes(b, quarters[0], places, quarters[1])
    high = permute_bytes(b, quarters[2], places, quarters[3])
    return b.select(b.icmp_signed("<", places, splat(BYTES, 0)), high, low)


def _shuffled(b: Any, table: Any, halves: Any, codes: Any) -> Any:
    parts = [load(b, b.add(codes, integer(_HALF.count * i)), _HALF, 1) for i in range(2)]

    def look_up(half: Any, found: list[Any]) -> list[Any]:
        origin = b.add(table, b.shl(half, integer(7)))
        top = broadcast(b, _HALF, b.shl(b.trunc(half, I8), ir.Constant(I8, 7)))
        places, found = [b.xor(part, top) for part in parts], list(found)
        for number in range(0, 128, _SIXTEENTH.count):
            part = load(b, b.add(origin, integer(number)), _SIXTEENTH, 1)
            row = b.shuffle_vector(part, part, mask(list(range(_SIXTEENTH.count)) * 2))
            for i, place in enumerate(places):
                # 0..15 of this sixteenth's codes; more than 127 of all others'.
                within = b.xor(place, splat(_HALF, number))
                within = call(b, "llvm.uadd.sat.v32i8", _HALF, within, splat(_HALF, 0x70))
                entries = call(b, "llvm.x86.avx2.pshuf.b", _HALF, row, within)
                found[i] = b.or_(found[i], entries)
        return found

    found = loop_over_steps(b, integer(0), halves, 1, [splat(_HALF, 0)] * 2, look_up)
    return b.shuffle_vector(*found, mask(list(range(CODES))))
