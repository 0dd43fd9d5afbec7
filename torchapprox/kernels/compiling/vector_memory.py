"""Addresses, copies and calls, as intrinsics for Numba."""

from typing import Any

from llvmlite import ir
from numba import extending, types

from torchapprox.kernels.compiling.vector_ir import I8, I64

intrinsic: Any = extending.intrinsic


@intrinsic
def address(context, array):  # noqa: ARG001
    """Return where an array, a pointer or a record leads.

    Signed, since sums of signed and unsigned integers become floats.
    """

    def codegen(context, builder, signature, arguments):
        (data,) = arguments
        if isinstance(signature.args[0], types.Array):
            data = context.make_array(signature.args[0])(context, builder, data).data
        return builder.ptrtoint(data, I64)

    return types.int64(array), codegen


def elements(where, kind):  # noqa: ARG001
    """Return a pointer to elements of a type at an address; in plain Python, what is given."""
    return where


@extending.overload(elements)
def _elements(where, kind):  # noqa: ARG001
    return lambda where, kind: _pointer(where, kind)  # noqa: PLW0108  Numba compares arguments


@intrinsic
def _pointer(context, where, kind):  # noqa: ARG001
    pointer = types.CPointer(kind.dtype)

    def codegen(context, builder, _signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(pointer))

    return pointer(where, kind), codegen


@intrinsic(prefer_literal=True)
def copy_bytes(context, count, target, source):  # noqa: ARG001
    """Copy ``count`` bytes, literal, from one address to another."""
    kind = ir.VectorType(I8, count.literal_value)

    def codegen(_context, builder, _signature, arguments):
        target, source = (builder.inttoptr(a, kind.as_pointer()) for a in arguments[1:])
        builder.store(builder.load(source, align=1), target, align=1)

    return types.void(count, types.int64, types.int64), codegen


@intrinsic
def call(context, piece, arguments):  # noqa: ARG001
    """Call the `Piece` at an address with a tuple of integers and records."""

    def codegen(context, builder, signature, values):
        def as_integer(value, kind):
            if isinstance(kind, types.Record):
                return builder.ptrtoint(value, I64)
            return context.cast(builder, value, kind, types.int64)

        passed = [
            as_integer(builder.extract_value(values[1], i), kind)
            for i, kind in enumerate(signature.args[1])
        ]
        kind = ir.FunctionType(ir.VoidType(), [I64] * len(passed))
        builder.call(builder.inttoptr(values[0], kind.as_pointer()), passed)

    return types.void(types.int64, arguments), codegen
