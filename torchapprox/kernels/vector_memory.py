"""Addresses and copies for the vector look-up kernels."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

intrinsic: Any = extending.intrinsic

_I8 = ir.IntType(8)


@numba.njit(nogil=True)
def address(array):
    """Return where an array begins; signed, since sums with unsigned integers become floats."""
    return np.int64(array.ctypes.data)


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
