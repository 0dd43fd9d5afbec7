"""The loop over blocks of items that each thread runs, emitted as LLVM instructions.

A plan is a list of integers: the address of OpenMP's ``GOMP_parallel``, or 0 for no more threads
than the caller's; how many threads; the first worker's number; first item; last item, which is not
among them; items in a block.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from torchapprox.kernels.compiling.vector_ir import I8, I32, I64

_BODY = ir.FunctionType(ir.VoidType(), [I8.as_pointer()])
_PARALLEL = ir.FunctionType(ir.VoidType(), [_BODY.as_pointer(), I8.as_pointer(), I32, I32])
_ORDER = "seq_cst"


class SharedState:
    """What the threads share, in the caller's memory: the arguments, and integers by name.

    Attributes:
        pointer: Where it is.
    """

    NAMES = "worker", "next", "stop", "block", "found", "failed"

    def __init__(self, pointer: Any) -> None:
        self.pointer = pointer

    @classmethod
    def of(cls, builder: Any, packed: Any, integers: list[Any]) -> "SharedState":
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


def run_loop(builder: Any, plan: list[Any], packed: Any, call: Callable[..., None]) -> SharedState:
    """Run a loop over blocks on this thread or on OpenMP's, and return what they share.

    Args:
        builder: Of the calling function.
        plan: The integers above.
        packed: The arguments.
        call: Emits a call for one block: of a builder, the state, and worker, start and stop.
    """
    parallel, threads, *integers = plan
    state = SharedState.of(builder, packed, integers)
    body = _body(builder, state, call)
    data = builder.bitcast(state.pointer, I8.as_pointer())
    with builder.if_else(cgutils.is_not_null(builder, parallel)) as (several, one):
        with several:
            entry = builder.inttoptr(parallel, _PARALLEL.as_pointer())
            builder.call(entry, [body, data, builder.trunc(threads, I32), I32(0)])
        with one:
            builder.call(body, [data])
    return state


def _body(caller: Any, outer: SharedState, call: Callable[..., None]) -> Any:
    """Return what each thread runs: it takes blocks until there are none."""
    name = caller.module.get_unique_name(f"{caller.function.name}.blocks")
    function = ir.Function(caller.module, _BODY, name=name)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    take, work, done = (function.append_basic_block(name) for name in ("take", "work", "done"))
    state = SharedState(builder.bitcast(function.args[0], outer.pointer.type))
    stop, block = state.read(builder, "stop"), state.read(builder, "block")
    worker = state.add(builder, "worker", I64(1))
    builder.branch(take)

    builder.position_at_end(take)
    begin = state.add(builder, "next", block)
    builder.cbranch(builder.icmp_signed("<", begin, stop), work, done)

    builder.position_at_end(work)
    end = builder.add(begin, block)
    end = builder.select(builder.icmp_signed("<", end, stop), end, stop)
    call(builder, state, [worker, begin, end])
    builder.branch(take)

    builder.position_at_end(done)
    builder.ret_void()
    return function
