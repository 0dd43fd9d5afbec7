r"""Sums of words that codes select, emitted as LLVM instructions; `depthwise_cpu` has the formula.

A pass adds up some neighbours in a line,

    sums[i] = sum_c table[c][code[c * dilation + i * hop]]

in words of 64 bits that lie in the first-level cache. A code that several columns c and neighbours
read is loaded once, and a word is added from memory: of 3 columns and 8 neighbours 24 words and 10
codes are loaded, 1.4 cycles a neighbour where a CPU loads three times a cycle.

The words of a column hold entries of 16 bits side by side,

    table[code] = sum_j 2^(bits * j) entries[j][code].
"""

from typing import Any

from llvmlite import ir
from numba import extending, types

from torchapprox.kernels.compiling.vector_ir import (
    I8,
    I16,
    I64,
    integer,
    load,
    loop_over_steps,
    splat,
)

intrinsic: Any = extending.intrinsic

TABLE = 256 * 8  # bytes of a column's words
_ENTRIES, _WORDS = ir.VectorType(I16, 8), ir.VectorType(I64, 8)


@intrinsic(prefer_literal=True)
def add_words(context, count, columns, dilation, hop, tables, code, sums):  # noqa: ARG001
    """Fill the sums of some neighbours.

    Args:
        context: Numba's, not passed.
        count: Number of neighbours, literal.
        columns: Number of columns, literal.
        dilation: Codes from one column to the next, literal.
        hop: Codes from one neighbour to the next, literal.
        tables: Address of the words, uint64 `(columns, 256)`.
        code: Address of the first neighbour's code in the first column.
        sums: Address of its sum, uint64.
    """
    sizes = [each.literal_value for each in (count, columns, dilation, hop)]

    def codegen(_context, b, _signature, arguments):
        _add(b, *sizes, *arguments[4:])

    return types.void(count, columns, dilation, hop, *[types.int64] * 3), codegen


@intrinsic(prefer_literal=True)
def pack_entries(context, bits, rows, count, table):  # noqa: ARG001
    """Fill the words of some codes.

    Args:
        context: Numba's, not passed.
        bits: Of a field, literal.
        rows: A tuple of the addresses of the entries, uint16, one for each field.
        count: Number of codes, a multiple of 8.
        table: Address of the first one's word.
    """
    field = bits.literal_value

    def codegen(_context, b, _signature, arguments):
        sources = [b.extract_value(arguments[1], i) for i in range(len(rows))]
        _pack(b, field, sources, *arguments[2:])

    return types.void(bits, rows, types.int64, types.int64), codegen


def _pack(b: Any, bits: int, rows: list[Any], count: Any, table: Any) -> None:
    def pack(code: Any, state: list[Any]) -> list[Any]:
        words = ir.Constant(_WORDS, [0] * _WORDS.count)
        for number, row in enumerate(rows):
            entries = load(b, b.add(row, b.shl(code, integer(1))), _ENTRIES, 2)
            wide = b.shl(b.zext(entries, _WORDS), splat(_WORDS, bits * number))
            words = b.or_(words, wide)
        place = b.add(table, b.shl(code, integer(3)))
        b.store(words, b.inttoptr(place, _WORDS.as_pointer()), align=8)
        return state

    loop_over_steps(b, integer(0), count, _WORDS.count, [], pack)


def _add(
    b: Any, count: int, columns: int, dilation: int, hop: int, tables: Any, code: Any, sums: Any
) -> None:
    known: dict[int, Any] = {}
    for i in range(count):
        total: Any = ir.Constant(I64, 0)
        for column in range(columns):
            at = column * dilation + i * hop
            if at not in known:
                place = b.zext(load(b, b.add(code, integer(at)), I8, 1), I64)
                known[at] = b.add(tables, b.shl(place, integer(3)))
            word = load(b, b.add(known[at], integer(TABLE * column)), I64, 8)
            total = b.add(total, word)
        b.store(total, b.inttoptr(b.add(sums, integer(8 * i)), I64.as_pointer()), align=8)
