"""Sums of look-ups in registers, as an intrinsic for Numba."""

from typing import Any

from numba import extending, types

from torchapprox.kernels.lookup.avx2_emitter import Avx2Emitter
from torchapprox.kernels.lookup.avx512bw_emitter import Avx512BwEmitter
from torchapprox.kernels.lookup.table_planes import SPLITS
from torchapprox.kernels.lookup.vbmi_emitter import VbmiEmitter
from torchapprox.kernels.lookup.vector_emitter import Emitter

intrinsic: Any = extending.intrinsic

_EMITTERS: dict[str, type[Emitter]] = {
    "vbmi": VbmiEmitter,
    "avx512bw": Avx512BwEmitter,
    "avx2": Avx2Emitter,
}


@intrinsic(prefer_literal=True)
def accumulate_lines(
    context,  # noqa: ARG001
    kernel,
    registers,
    halves,
    bits,
    addresses,
):
    """Add look-ups to sums; `vector_emitter` has the formula.

    Args:
        context: Numba's, not passed.
        kernel: A key of `SPLITS`, literal.
        registers: 1 to 4, literal; positions are 64 times as many.
        halves: 1 or 2, literal; halves of the table's rows in ``planes``.
        bits: A key of the kernel's `SPLITS`, literal.
        addresses: A tuple of integers: the planes, uint8 `(256, planes, halves * 128)` at a
            multiple of 64; the bias, int32 `(256,)`; the row's codes, uint8 `(K,)`; K itself, at
            most `STEPS_MAX`; the codes of the first position; the distance of step k's codes from
            them, int64 `(K,)`; the sums before, int32 `(positions,)` at a multiple of 64; the sums,
            likewise but anywhere.
    """
    signature = types.void(kernel, registers, halves, bits, addresses)
    emitter, split = _EMITTERS[kernel.literal_value], SPLITS[kernel.literal_value]
    shape = registers.literal_value, halves.literal_value, split[bits.literal_value]

    def codegen(_context, builder, _signature, arguments):
        parts = [builder.extract_value(arguments[4], i) for i in range(len(addresses))]
        emitter(builder, *shape).emit(*parts)

    return signature, codegen
