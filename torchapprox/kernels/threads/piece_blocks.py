"""Pieces in blocks of items, called by their address."""

from functools import cache
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_ir import I64
from torchapprox.kernels.threads.block_loop import run_loop

intrinsic: Any = extending.intrinsic


@cache
def loop_of_pieces(count: int) -> Piece:
    """Return what calls a `Piece` of ``count`` arguments, worker, start and stop in blocks.

    It takes the integers of a plan (`block_loop`), the piece's address and that of its arguments,
    and knows nothing else of the piece, so that one serves all of as many arguments.
    """

    @piece_cpu()
    def run(parallel, threads, worker, begin, stop, block, piece, arguments):
        run_piece(count, (parallel, threads, worker, begin, stop, block), piece, arguments)

    return run


@intrinsic(prefer_literal=True)
def run_piece(context, count, plan, piece, arguments):  # noqa: ARG001
    """Call the `Piece` at an address in blocks; see `loop_of_pieces`."""
    kind = ir.FunctionType(ir.VoidType(), [I64] * (count.literal_value + 3)).as_pointer()

    def codegen(_context, builder, _signature, values):
        _, plan, piece, place = values

        def call(builder, state, numbers):
            address, place = cgutils.unpack_tuple(builder, state.read(builder, "arguments"))
            places = builder.inttoptr(place, I64.as_pointer())
            passed = [
                builder.load(builder.gep(places, [I64(number)]))
                for number in range(count.literal_value)
            ]
            builder.call(builder.inttoptr(address, kind), [*passed, *numbers])

        packed = cgutils.pack_array(builder, [piece, place])
        run_loop(builder, cgutils.unpack_tuple(builder, plan), packed, call)

    return types.void(count, plan, piece, arguments), codegen
