"""Words of LLVM's language that the emitters of vector kernels share."""

from typing import Any

from llvmlite import ir

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def integer(value: int) -> Any:
    """Return a constant of 64 bits."""
    return ir.Constant(I64, value)


def splat(kind: Any, value: int) -> Any:
    """Return a constant vector of equal numbers."""
    return ir.Constant(kind, [value] * kind.count)


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
