"""Sixteen sums at a time, transposed or written as what they stand for: intrinsics for Numba."""

from typing import Any

from llvmlite import ir
from numba import extending, types

from torchapprox.kernels.compiling.vector_ir import I32, broadcast, integer, load, mask

intrinsic: Any = extending.intrinsic

SIDE = 16
_REALS = {32: ir.FloatType(), 64: ir.DoubleType()}


@intrinsic
def transpose_square(context, origin, pitch):  # noqa: ARG001
    """Transpose `SIDE` rows of as many integers of 32 bits in their place.

    Args:
        context: Numba's, not passed.
        origin: Address of the first row.
        pitch: Bytes from one row to the next.
    """

    def codegen(_context, builder, _signature, arguments):
        _transpose(builder, *arguments)

    return types.void(types.int64, types.int64), codegen


@intrinsic(prefer_literal=True)
def write_results(context, bits, varying, target, sums, offset, scale, bias):  # noqa: ARG001
    """Write `SIDE` sums that are neighbours.

    LLVM does not find vectors in a loop that does this, since it cannot know that what is written
    is not what is read.

    Args:
        context: Numba's, not passed.
        bits: Of the real numbers, literal; 0 for the sums themselves.
        varying: Whether each sum has terms of its own, literal, 0 or 1.
        target: Address of the first result.
        sums: Address of the first sum.
        offset: Address of the first one's term of `Rescaling`, float64.
        scale: Likewise, of the results' type.
        bias: Likewise.
    """
    size, each = bits.literal_value, bool(varying.literal_value)

    def codegen(_context, builder, _signature, arguments):
        _write(builder, size, each, *arguments[2:])

    return types.void(bits, varying, *[types.int64] * 5), codegen


def _transpose(b: Any, origin: Any, pitch: Any) -> None:
    """Exchange each bit of an integer's place in its row with that bit of the row's number."""
    kind = ir.VectorType(I32, SIDE)
    places = [b.add(origin, b.mul(pitch, integer(row))) for row in range(SIDE)]
    rows = [load(b, place, kind, 4) for place in places]
    for bit in (1, 2, 4, 8):
        # From two rows that differ in the bit: lanes without it, lanes with it.
        low = [lane + (SIDE - bit if lane & bit else 0) for lane in range(SIDE)]
        high = [lane + (SIDE if lane & bit else bit) for lane in range(SIDE)]
        for row in range(SIDE):
            if not row & bit:
                one, other = rows[row], rows[row + bit]
                rows[row] = b.shuffle_vector(one, other, mask(low))
                rows[row + bit] = b.shuffle_vector(one, other, mask(high))
    for row, place in zip(rows, places, strict=True):
        b.store(row, b.inttoptr(place, kind.as_pointer()), align=4)


def _write(
    b: Any, bits: int, each: bool, target: Any, sums: Any, offset: Any, scale: Any, bias: Any
) -> None:
    result = load(b, sums, ir.VectorType(I32, SIDE), 4)
    if bits:
        minus, factor, plus = (
            _term(b, address, kind, each)
            for address, kind in ((offset, _REALS[64]), (scale, _REALS[bits]), (bias, _REALS[bits]))
        )
        real = b.fsub(b.sitofp(result, ir.VectorType(_REALS[64], SIDE)), minus)
        if bits == 32:
            real = b.fptrunc(real, ir.VectorType(_REALS[bits], SIDE))
        result = b.fadd(b.fmul(real, factor), plus)
    b.store(result, b.inttoptr(target, result.type.as_pointer()), align=4)


def _term(b: Any, address: Any, kind: Any, each: bool) -> Any:
    vector = ir.VectorType(kind, SIDE)
    if each:
        return load(b, address, vector, 4)
    return broadcast(b, vector, load(b, address, kind, 4))
