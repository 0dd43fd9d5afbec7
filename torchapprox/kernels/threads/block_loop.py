"""A loop over blocks of items, whose compiled body runs on OpenMP's threads."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from torchapprox.kernels.compiling.jit import CpuKernel
from torchapprox.kernels.compiling.vector_ir import I8, I32, I64

intrinsic: Any = extending.intrinsic

_BODY = ir.FunctionType(ir.VoidType(), [I8.as_pointer()])
_PARALLEL = ir.FunctionType(ir.VoidType(), [_BODY.as_pointer(), I8.as_pointer(), I32, I32])
_ORDER = "seq_cst"


def in_blocks(kernel: CpuKernel, function: Callable[..., Any], *, numbered: bool) -> CpuKernel:
    """Return a kernel that runs another one in blocks; arguments as of `run_blocks`.

    Args:
        kernel: The other one.
        function: What it compiles.
        numbered: Whether it takes the number of a worker.
    """
    # Variables of this function, since only such constants are part of the key of Numba's cache.

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
        plan: Integers: the address of OpenMP's ``GOMP_parallel``, or 0 for no more threads than the
            caller's; how many threads; the first worker's number; first item; last item, which is
            not among them; items in a block.
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
        parallel, threads, *integers = cgutils.unpack_tuple(builder, plan)
        state = _State.of(builder, packed, integers)
        compiled = kernel.dispatcher.get_compile_result(inner)
        context.add_linking_libs([compiled.library])
        body = _body(context, builder.module, state, compiled.fndesc, inner)
        data = builder.bitcast(state.pointer, I8.as_pointer())
        with builder.if_else(cgutils.is_not_null(builder, parallel)) as (several, one):
            with several:
                entry = builder.inttoptr(parallel, _PARALLEL.as_pointer())
                builder.call(entry, [body, data, builder.trunc(threads, I32), I32(0)])
            with one:
                builder.call(body, [data])
        with builder.if_then(state.is_set(builder, "failed"), likely=False):
            message = "a kernel failed, perhaps for want of memory"
            context.call_conv.return_user_exc(builder, RuntimeError, (message,))
        return state.is_set(builder, "found")

    return types.boolean(kernel, numbered, plan, arguments), codegen


class _State:
    """What the threads share, in the caller's memory: the arguments, and integers by name.

    Attributes:
        pointer: Where it is.
    """

    NAMES = "worker", "next", "stop", "block", "found", "failed"

    def __init__(self, pointer: Any) -> None:
        self.pointer = pointer

    @classmethod
    def of(cls, builder: Any, packed: Any, integers: list[Any]) -> "_State":
        """Make one of the arguments and the first four integers."""
        kind = ir.LiteralStructType([packed.type, *[I64] * len(cls.NAMES)])
        state = cls(cgutils.alloca_once(builder, kind))
        builder.store(packed, state.place(builder, "arguments"))
        for name, value in zip(cls.NAMES, [*integers, I64(0), I64(0)], strict=True):
            builder.store(value, state.place(builder, name))
        return state

    def place(self, builder: Any, name: str) -> Any:
        """Return the address of the arguments or of an integer."""
        number = 0 if name == "arguments" else 1 + self.NAMES.index(name)
        return builder.gep(self.pointer, [I32(0), I32(number)], inbounds=True)

    def read(self, builder: Any, name: str) -> Any:
        """Return the arguments or an integer."""
        return builder.load(self.place(builder, name))

    def is_set(self, builder: Any, name: str) -> Any:
        """Return whether an integer is not 0."""
        return cgutils.is_not_null(builder, self.read(builder, name))

    def add(self, builder: Any, name: str, value: Any) -> Any:
        """Add to an integer at once for all threads, and return what it was."""
        return builder.atomic_rmw("add", self.place(builder, name), value, _ORDER)


def _body(context: Any, module: Any, outer: _State, callee: Any, inner: Any) -> Any:
    """Return what each thread runs: it takes blocks until there are none."""
    function = ir.Function(
        module, _BODY, name=module.get_unique_name(f"{callee.llvm_func_name}.blocks")
    )
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    take, work, done = (function.append_basic_block(name) for name in ("take", "work", "done"))
    state = _State(builder.bitcast(function.args[0], outer.pointer.type))
    arguments = cgutils.unpack_tuple(builder, state.read(builder, "arguments"))
    stop, block = state.read(builder, "stop"), state.read(builder, "block")
    worker = state.add(builder, "worker", I64(1))
    builder.branch(take)

    builder.position_at_end(take)
    begin = state.add(builder, "next", block)
    builder.cbranch(builder.icmp_signed("<", begin, stop), work, done)

    builder.position_at_end(work)
    end = builder.add(begin, block)
    end = builder.select(builder.icmp_signed("<", end, stop), end, stop)
    passed = [*arguments, worker, begin, end]
    if len(passed) > len(inner.args):
        del passed[len(arguments)]
    status, found = context.call_conv.call_function(
        builder,
        context.declare_function(module, callee),
        *(inner.return_type, inner.args, passed),
    )
    with builder.if_then(status.is_error, likely=False):
        state.add(builder, "failed", I64(1))
    if inner.return_type == types.boolean:
        with builder.if_then(builder.trunc(found, ir.IntType(1)), likely=False):
            state.add(builder, "found", I64(1))
    builder.branch(take)

    builder.position_at_end(done)
    builder.ret_void()
    return function
