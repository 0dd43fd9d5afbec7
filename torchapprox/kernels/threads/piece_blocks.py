"""Pieces in blocks of items, called by their address."""

from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from torchapprox.kernels.compiling.piece import piece_cpu
from torchapprox.kernels.compiling.vector_ir import I64
from torchapprox.kernels.threads.block_loop import run_loop

intrinsic: Any = extending.intrinsic
_PIECE = ir.FunctionType(ir.VoidType(), [I64] * 4)


@piece_cpu()
def run_blocks(parallel, threads, worker, begin, stop, block, piece, record):
    """Call the `Piece` at an address in blocks: with its record's address, worker, start and stop.

    It takes the integers of a plan (`block_loop`) before these, and serves all such pieces.
    """
    _run((parallel, threads, worker, begin, stop, block), piece, record)


@intrinsic
def _run(context, plan, piece, record):  # noqa: ARG001
    def codegen(_context, builder, _signature, values):
        plan, piece, record = values

        def call(builder, state, numbers):
            piece, record = cgutils.unpack_tuple(builder, state.read(builder, "arguments"))
            function = builder.inttoptr(piece, _PIECE.as_pointer())
            builder.call(function, [record, *numbers])

        packed = cgutils.pack_array(builder, [piece, record])
        run_loop(builder, cgutils.unpack_tuple(builder, plan), packed, call)

    return types.void(plan, piece, record), codegen
