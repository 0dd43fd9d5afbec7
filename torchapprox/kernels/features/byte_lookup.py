"""Bytes of 64 codes looked up in a table at once and put together as words: intrinsics for Numba.

A table has a byte for each of 256 codes. With AVX-512 VBMI it fills four registers, of which byte
permutes read two at a time; other CPUs read byte by byte.
"""

from typing import Any

from llvmlite import ir
from numba import extending, types

from torchapprox.kernels.compiling.vector_ir import I8, I32, I64, integer, load, mask, splat
from torchapprox.kernels.lookup.vbmi_emitter import BYTES, permute_bytes

intrinsic: Any = extending.intrinsic

CODES = BYTES.count  # at once
_WORDS = ir.VectorType(I32, CODES // 4)


@intrinsic(prefer_literal=True)
def words_of_neighbours(context, vbmi, table, codes, target, pitch):  # noqa: ARG001
    """Write the words of each four neighbours among 64 codes.

    Args:
        context: Numba's, not passed.
        vbmi: Whether the CPU has AVX-512 VBMI, literal, 0 or 1.
        table: Address of the table.
        codes: Address of the first code.
        target: Address of the first word.
        pitch: Bytes from one word to the next.
    """

    def codegen(_context, b, _signature, arguments):
        _, table_of, first, to, step = arguments
        words = b.bitcast(_looked_up(b, vbmi.literal_value, table_of, first), _WORDS)
        for number in range(_WORDS.count):
            place = b.add(to, b.mul(step, integer(number)))
            word = b.extract_element(words, ir.Constant(I32, number))
            b.store(word, b.inttoptr(place, I32.as_pointer()), align=4)

    return types.void(vbmi, *[types.int64] * 4), codegen


@intrinsic(prefer_literal=True)
def words_of_lines(context, vbmi, table, codes, pitch, target):  # noqa: ARG001
    """Write 64 words, neighbours, of which each joins a code from each of four lines.

    Args:
        context: Numba's, not passed.
        vbmi: As of `words_of_neighbours`.
        table: Likewise.
        codes: Address of the first line's first code.
        pitch: Bytes from one line to the next.
        target: Address of the first word.
    """

    def codegen(_context, b, _signature, arguments):
        _, table_of, first, step, to = arguments
        lines = [
            _looked_up(b, vbmi.literal_value, table_of, b.add(first, b.mul(step, integer(line))))
            for line in range(4)
        ]
        count = _WORDS.count
        for part in range(4):
            lanes = mask(list(range(count * part, count * (part + 1))))
            words = ir.Constant(_WORDS, [0] * count)
            for line, features in enumerate(lines):
                quarter = b.zext(b.shuffle_vector(features, features, lanes), _WORDS)
                words = b.or_(words, b.shl(quarter, splat(_WORDS, 8 * line)))
            place = b.add(to, integer(4 * count * part))
            b.store(words, b.inttoptr(place, _WORDS.as_pointer()), align=4)

    return types.void(vbmi, *[types.int64] * 4), codegen


def _looked_up(b: Any, vbmi: int, table: Any, codes: Any) -> Any:
    """Return the bytes of 64 codes, as a vector."""
    if not vbmi:
        found = ir.Constant(BYTES, ir.Undefined)
        for lane in range(CODES):
            code = b.zext(load(b, b.add(codes, integer(lane)), I8, 1), I64)
            byte = load(b, b.add(table, code), I8, 1)
            found = b.insert_element(found, byte, ir.Constant(I32, lane))
        return found
    quarters = [load(b, b.add(table, integer(CODES * i)), BYTES, 1) for i in range(4)]
    places = load(b, codes, BYTES, 1)
    # A permute ignores the codes' top bit, which selects between two of them.
    low = permute_bytes(b, quarters[0], places, quarters[1])
    high = permute_bytes(b, quarters[2], places, quarters[3])
    return b.select(b.icmp_signed("<", places, splat(BYTES, 0)), high, low)
