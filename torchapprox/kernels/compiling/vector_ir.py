"""Words of LLVM's language that the emitters of vector kernels share."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def integer(value: int) -> Any:
    """Return a constant of 64 bits."""
    return ir.Constant(I64, value)


def splat(kind: Any, value: int) -> Any:
    """Return a constant vector of equal numbers."""
    return ir.Constant(kind, [value] * kind.count)


def broadcast(b: Any, kind: Any, value: Any) -> Any:
    """Return a vector of some type whose lanes all hold a value."""
    first = b.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(I32, 0))
    return b.shuffle_vector(first, first, mask([0] * kind.count))


def mask(lanes: list[int]) -> Any:
    """Return the lanes that a shuffle picks."""
    return ir.Constant(ir.VectorType(I32, len(lanes)), lanes)


def load(b: Any, address: Any, kind: Any, align: int) -> Any:
    """Load a value of some type from an address."""
    return b.load(b.inttoptr(address, kind.as_pointer()), align=align)


def call(b: Any, name: str, kind: Any, *arguments: Any) -> Any:
    """Call an instruction by LLVM's name for it; arguments and result are of one type."""
    function = b.module.globals.get(name) or ir.Function(
        b.module, ir.FunctionType(kind, [kind] * len(arguments)), name
    )
    return b.call(function, arguments)


def loop_over_steps(
    b: Any,
    first: Any,
    last: Any,
    group: int,
    start: list[Any],
    body: Callable[[Any, list[Any]], list[Any]],
) -> list[Any]:
    """Emit a loop over steps, ``group`` in a pass, and return the values after it.

    Args:
        b: LLVM's builder, which goes on behind the loop.
        first: The first step.
        last: The step after the last one.
        group: Steps of one pass.
        start: The values before it.
        body: Emits a pass: from its first step and the values before it, the values after it.
    """
    before, steps, after = b.block, b.append_basic_block("steps"), b.append_basic_block("after")
    b.cbranch(b.icmp_signed("<", first, last), steps, after)
    b.position_at_end(steps)
    step = b.phi(I64)
    state = [b.phi(value.type) for value in start]
    end = body(step, state)
    following = b.add(step, integer(group))
    b.cbranch(b.icmp_signed("<", following, last), steps, after)
    for phi, initial, later in zip([step, *state], [first, *start], [following, *end], strict=True):
        phi.add_incoming(initial, before)
        phi.add_incoming(later, steps)
    b.position_at_end(after)
    results = [b.phi(value.type) for value in start]
    for phi, initial, later in zip(results, start, end, strict=True):
        phi.add_incoming(initial, before)
        phi.add_incoming(later, steps)
    return results
