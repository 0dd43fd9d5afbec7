"""Sums of floats, or of their squared deviations, in vectors of any CPU.

LLVM leaves sums in memory whose lanes are those of an array, and waits for each; here they stay in
registers, which LLVM splits for narrower CPUs: 0.2 ns a value for both sums of values from the
nearest caches, not 0.9.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, types

from torchapprox.kernels.compiling.vector_ir import I32, I64, integer, load
from torchapprox.kernels.compiling.vector_memory import address

intrinsic: Any = extending.intrinsic
overload: Any = extending.overload

LANES = 16


def sum_values(values, start, count, lanes):
    """Sum values by their place modulo `LANES`.

    Args:
        values: float32 or float64, one-dimensional, C-contiguous.
        start: First value.
        count: Number of values, a multiple of `LANES`.
        lanes: float64 `(LANES,)`; overwritten.
    """
    lanes[:] = 0
    for row in values[start : start + count].reshape(-1, LANES).astype(np.float64):
        lanes += row


def sum_squares(values, start, count, mean, lanes):
    """Sum squares of deviations from a mean; arguments as of `sum_values`."""
    lanes[:] = 0
    for row in values[start : start + count].reshape(-1, LANES).astype(np.float64):
        lanes += (row - mean) * (row - mean)


@overload(sum_values)
def _compiled_values(values, start, count, lanes):  # noqa: ARG001
    if not (values.is_c_contig and lanes.is_c_contig):
        return None  # read and written by address

    def run(values, start, count, lanes):
        at = address(values) + start * values.itemsize
        _emit_values(values, (at, count, address(lanes)), ())

    return run


@overload(sum_squares)
def _compiled_squares(values, start, count, mean, lanes):  # noqa: ARG001
    if not (values.is_c_contig and lanes.is_c_contig):
        return None

    def run(values, start, count, mean, lanes):
        at = address(values) + start * values.itemsize
        _emit_values(values, (at, count, address(lanes)), (mean,))

    return run


@intrinsic
def _emit_values(context, values, places, means):  # noqa: ARG001
    """Sum values, or squared deviations from the mean that there is."""
    real = ir.FloatType() if values.dtype == types.float32 else ir.DoubleType()

    def codegen(_context, b, signature, arguments):
        at, count, lanes = (b.extract_value(arguments[1], i) for i in range(3))
        mean = b.extract_value(arguments[2], 0) if len(signature.args[2]) else None
        _emit(b, real, at, count, lanes, mean)

    return types.void(values, places, means), codegen


def _emit(b: Any, real: Any, at: Any, count: Any, lanes: Any, mean: Any) -> None:
    size = 4 if isinstance(real, ir.FloatType) else 8
    kind = ir.VectorType(ir.DoubleType(), LANES)
    zero = ir.Constant(kind, [0.0] * LANES)
    means = zero
    for lane in range(LANES if mean is not None else 0):
        means = b.insert_element(means, mean, ir.Constant(I32, lane))
    entry, body, after = b.block, b.append_basic_block("sums"), b.append_basic_block("summed")
    b.cbranch(b.icmp_signed(">", count, integer(0)), body, after)
    b.position_at_end(body)
    place, sums = b.phi(I64), b.phi(kind)
    row = load(b, b.add(at, b.mul(place, integer(size))), ir.VectorType(real, LANES), size)
    row = row if size == 8 else b.fpext(row, kind)
    if mean is not None:
        row = b.fsub(row, means)
        row = b.fmul(row, row)
    more, following = b.fadd(sums, row), b.add(place, integer(LANES))
    b.cbranch(b.icmp_signed("<", following, count), body, after)
    for phi, first, later in ((place, integer(0), following), (sums, zero, more)):
        phi.add_incoming(first, entry)
        phi.add_incoming(later, body)
    b.position_at_end(after)
    result = b.phi(kind)
    result.add_incoming(zero, entry)
    result.add_incoming(more, body)
    b.store(result, b.inttoptr(lanes, kind.as_pointer()), align=8)
