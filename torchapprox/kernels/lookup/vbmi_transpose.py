"""Codes of 64 positions transposed in registers, with AVX-512 VBMI, as an intrinsic for Numba."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, types

from torchapprox.kernels.compiling.vector_ir import I8, I32, I64, integer, mask
from torchapprox.kernels.lookup.code_lines import LANES
from torchapprox.kernels.lookup.vbmi_emitter import BYTES, permute_bytes

intrinsic: Any = extending.intrinsic

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
    row = ir.VectorType(I8, 16 * chunks)

    def codes_of(position: int) -> Any:
        address = b.inttoptr(b.add(distances, integer(8 * position)), I64.as_pointer())
        codes = b.add(source, b.load(address, align=8))
        if chunks == 4:
            _prefetch(b, b.add(codes, integer(_AHEAD)))
        return b.load(b.inttoptr(codes, row.as_pointer()), align=1)

    def pick(first: Any, second: Any, places: list[tuple[int, int]]) -> Any:
        """Join blocks of 16 codes: (operand, block) for each."""
        size = first.type.count
        lanes = [operand * size + 16 * block + i for operand, block in places for i in range(16)]
        return b.shuffle_vector(first, second, mask(lanes))

    places = [
        b.load(b.inttoptr(b.add(exchanges, integer(LANES * i)), BYTES.as_pointer()), align=1)
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
                    registers[v] = permute_bytes(b, first, places[2 * number], second)
                    registers[v + bit] = permute_bytes(b, first, places[2 * number + 1], second)
        for step, register in enumerate(registers):
            line = b.add(target, b.mul(width, integer(16 * chunk + step)))
            b.store(register, b.inttoptr(line, BYTES.as_pointer()), align=1)


def _prefetch(b: Any, address: Any) -> None:
    """Ask for the cache line at an address, which need not exist."""
    kind = ir.FunctionType(ir.VoidType(), [I8.as_pointer(), I32, I32, I32])
    function = b.module.declare_intrinsic("llvm.prefetch.p0", (), kind)
    to_read, to_keep, data = 0, 3, 1
    hints = [ir.Constant(I32, hint) for hint in (to_read, to_keep, data)]
    b.call(function, [b.inttoptr(address, I8.as_pointer()), *hints])
