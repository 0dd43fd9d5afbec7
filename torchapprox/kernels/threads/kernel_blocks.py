"""A kernel of arrays in blocks of items: a function that takes its code into itself."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from torchapprox.kernels.compiling.jit import CpuKernel
from torchapprox.kernels.compiling.vector_ir import I64
from torchapprox.kernels.threads.block_loop import run_loop

intrinsic: Any = extending.intrinsic


def in_blocks(kernel: CpuKernel, function: Callable[..., Any], *, numbered: bool) -> CpuKernel:
    """Return a kernel that runs another one in blocks; arguments as of `run_blocks`.

    Args:
        kernel: The other one.
        function: What it compiles.
        numbered: Whether it takes the number of a worker.
    """

    def run(plan: Any, *arguments: Any) -> Any:
        return run_blocks(kernel, numbered, plan, arguments)

    # Numba caches by file, line and name, and notices edits by the file's time: those of the
    # kernel, so that each one has a file of its own in the cache.
    code = function.__code__
    name = f"{code.co_name}_in_blocks"
    run.__code__ = run.__code__.replace(
        co_filename=code.co_filename, co_firstlineno=code.co_firstlineno, co_name=name
    )
    run.__module__ = function.__module__
    run.__qualname__ = f"{function.__qualname__}_in_blocks"
    return CpuKernel(run)


@intrinsic(prefer_literal=True)
def run_blocks(context, kernel, numbered, plan, arguments):
    """Call ``kernel(*arguments, start, stop)`` for consecutive blocks of items.

    Blocks are handed out as threads become free, and nothing of Python runs on these.

    Args:
        context: Numba's.
        kernel: A compiled function that returns None or a bool.
        numbered: Whether it takes the number of the worker, which no two threads at work share,
            before ``start``; literal.
        plan: A tuple of the integers of `block_loop`.
        arguments: A tuple.

    Returns:
        Whether a call returned True.

    Raises:
        RuntimeError: A call raised an error.
    """
    numbers = 2 + numbered.literal_value
    inner = kernel.get_call_type(context, (*arguments, *[types.int64] * numbers), {})

    def codegen(context, builder, _signature, values):
        *_, plan, packed = values
        compiled = kernel.dispatcher.get_compile_result(inner)
        context.add_linking_libs([compiled.library])
        callee = context.declare_function(builder.module, compiled.fndesc)

        def call(builder, state, numbers):
            passed = [*cgutils.unpack_tuple(builder, state.read(builder, "arguments")), *numbers]
            if not numbered.literal_value:
                del passed[-3]
            status, found = context.call_conv.call_function(
                builder, callee, inner.return_type, inner.args, passed
            )
            with builder.if_then(status.is_error, likely=False):
                state.add(builder, "failed", I64(1))
            if inner.return_type == types.boolean:
                with builder.if_then(builder.trunc(found, ir.IntType(1)), likely=False):
                    state.add(builder, "found", I64(1))

        state = run_loop(builder, cgutils.unpack_tuple(builder, plan), packed, call)
        with builder.if_then(state.is_set(builder, "failed"), likely=False):
            message = "a kernel failed, perhaps for want of memory"
            context.call_conv.return_user_exc(builder, RuntimeError, (message,))
        return state.is_set(builder, "found")

    return types.boolean(kernel, numbered, plan, arguments), codegen
