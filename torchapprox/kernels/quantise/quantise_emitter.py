r"""Floats to codes in vectors of any CPU, the loop inside of quantisation.

    code[i] = clip(rint(values[i] * factor) + shift, low, high) mod 256

LLVM vectorises this loop by itself in the width of its widest type, which is that of a count of
values that are not finite; here they are noticed in a vector of the values' own type, as
``odd += value * 0``, which stays 0 or becomes NaN.

A vector has 512 bits, which LLVM splits for narrower CPUs. What is left of a run is computed once
more, up to the run's end, so that short rows of images take two vectors as well and nothing behind
a run is written. Rows of a network's values come from the second- or third-level cache, where the
loop waits for them; it asks for what it needs `_AHEAD` bytes later: 0.39 ns a value from there, not
0.50; 0.12 from the nearest caches.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, types

from torchapprox.kernels.compiling.vector_ir import I8, I32, I64, integer, load
from torchapprox.kernels.compiling.vector_memory import address

intrinsic: Any = extending.intrinsic
overload: Any = extending.overload

_AHEAD = 1024


def quantise_run(values, of, codes, to, count, factor, shift, low, high):
    """Quantise ``values[of : of + count]`` to ``codes[to : to + count]``.

    Args:
        values: float32 or float64, one-dimensional, C-contiguous.
        of: First value.
        codes: uint8, one-dimensional, C-contiguous.
        to: Place of the first code.
        count: Number of values.
        factor: Reciprocal of the scale, of the type of the values, as all that follow.
        shift: Zero point.
        low: Least q.
        high: Greatest q.

    Returns:
        Whether a value is NaN or infinite.
    """
    row = values[of : of + count]
    finite = np.isfinite(row)
    with np.errstate(over="ignore", invalid="ignore"):
        q = np.clip(np.rint(row * factor) + shift, low, high)
    codes[to : to + count] = np.where(finite, q, 0).astype(np.int32).astype(np.uint8)
    return not finite.all()


@overload(quantise_run)
def _compiled(values, of, codes, to, count, factor, shift, low, high):  # noqa: ARG001
    if not (values.is_c_contig and codes.is_c_contig):
        return None  # read and written by address
    kind = values.dtype

    def run(values, of, codes, to, count, factor, shift, low, high):
        places = address(values) + of * values.itemsize, address(codes) + to, count
        parameters = kind(factor), kind(shift), kind(low), kind(high)
        return _emit_run(places, parameters)

    return run


@intrinsic
def _emit_run(context, places, parameters):  # noqa: ARG001
    signature = types.boolean(places, parameters)
    real = ir.FloatType() if parameters.dtype == types.float32 else ir.DoubleType()

    def codegen(_context, b, _signature, arguments):
        of, to, count = (b.extract_value(arguments[0], i) for i in range(3))
        numbers = [b.extract_value(arguments[1], i) for i in range(4)]
        return _Run(b, real, of, to, count, numbers).emit()

    return signature, codegen


class _Run:
    """Emits the loop and what is left after it."""

    def __init__(
        self, builder: Any, real: Any, of: Any, to: Any, count: Any, numbers: list[Any]
    ) -> None:
        self.b, self.real, self.of, self.to, self.count = builder, real, of, to, count
        self.numbers = numbers
        self.size = 4 if isinstance(real, ir.FloatType) else 8
        self.lanes = 64 // self.size

    def emit(self) -> Any:
        """Return whether a value is not finite."""
        b = self.b
        after = b.append_basic_block("quantised")
        found: list[tuple[Any, Any]] = []
        lanes = self.lanes
        while lanes:
            fits, shorter = b.append_basic_block("run"), b.append_basic_block("shorter")
            b.cbranch(b.icmp_signed(">=", self.count, integer(lanes)), fits, shorter)
            b.position_at_end(fits)
            self._ask_for(b.add(self.of, integer(_AHEAD)))
            odd = self._in_vectors() if lanes == self.lanes else self._vector(integer(0), lanes)
            last = self._vector(b.sub(self.count, integer(lanes)), lanes)
            found.append((self._is_nan(b.fadd(odd, last), lanes), b.block))
            b.branch(after)
            b.position_at_end(shorter)
            lanes //= 2
        found.append((ir.Constant(ir.IntType(1), 0), b.block))
        b.branch(after)
        b.position_at_end(after)
        result = b.phi(ir.IntType(1))
        for value, block in found:
            result.add_incoming(value, block)
        return result

    def _in_vectors(self) -> Any:
        """Quantise whole vectors up to the last one."""
        b, lanes, kind = self.b, self.lanes, ir.VectorType(self.real, self.lanes)
        entry, body = b.block, b.append_basic_block("vectors")
        after = b.append_basic_block("whole")
        end = b.sub(self.count, integer(lanes))
        b.cbranch(b.icmp_signed(">", end, integer(0)), body, after)
        b.position_at_end(body)
        place, odd = b.phi(I64), b.phi(kind)
        self._ask_for(b.add(self.of, b.add(b.mul(place, integer(self.size)), integer(_AHEAD))))
        following, worse = b.add(place, integer(lanes)), b.fadd(odd, self._vector(place, lanes))
        b.cbranch(b.icmp_signed("<", following, end), body, after)
        for phi, first, later in ((place, integer(0), following), (odd, self._zero(kind), worse)):
            phi.add_incoming(first, entry)
            phi.add_incoming(later, body)
        b.position_at_end(after)
        result = b.phi(kind)
        result.add_incoming(self._zero(kind), entry)
        result.add_incoming(worse, body)
        return result

    def _vector(self, place: Any, lanes: int) -> Any:
        """Quantise the vector at a place; return 0, or NaN for what is not finite."""
        b, kind = self.b, ir.VectorType(self.real, lanes)
        at = b.add(self.of, b.mul(place, integer(self.size)))
        values = load(b, at, kind, self.size)
        factor, shift, low, high = (self._spread(number, kind) for number in self.numbers)
        q = b.fadd(self._rounded(b.fmul(values, factor), kind), shift)
        q = b.select(b.fcmp_ordered(">", low, q), low, q)
        q = b.select(b.fcmp_ordered("<", high, q), high, q)
        integers = b.fptosi(q, ir.VectorType(I32, lanes))
        codes = ir.VectorType(I8, lanes)
        target = b.inttoptr(b.add(self.to, place), codes.as_pointer())
        b.store(b.trunc(integers, codes), target, align=1)
        return b.fmul(values, self._zero(kind))

    def _rounded(self, values: Any, kind: Any) -> Any:
        name = f"llvm.rint.v{kind.count}f{8 * self.size}"
        signature = ir.FunctionType(kind, [kind])
        function = self.b.module.globals.get(name) or ir.Function(self.b.module, signature, name)
        return self.b.call(function, [values])

    def _ask_for(self, place: Any) -> None:
        pointer, name = I8.as_pointer(), "llvm.prefetch.p0"
        signature = ir.FunctionType(ir.VoidType(), [pointer, I32, I32, I32])
        function = self.b.module.globals.get(name) or ir.Function(self.b.module, signature, name)
        # To be read, into the nearest cache, data.
        how = [ir.Constant(I32, number) for number in (0, 3, 1)]
        self.b.call(function, [self.b.inttoptr(place, pointer), *how])

    def _is_nan(self, vector: Any, lanes: int) -> Any:
        b, bits = self.b, ir.IntType(lanes)
        unordered = b.fcmp_unordered("uno", vector, vector)
        return b.icmp_unsigned("!=", b.bitcast(unordered, bits), ir.Constant(bits, 0))

    def _spread(self, number: Any, kind: Any) -> Any:
        b = self.b
        vector = b.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(I32, 0))
        lanes = ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count)
        return b.shuffle_vector(vector, vector, lanes)

    def _zero(self, kind: Any) -> Any:
        return ir.Constant(kind, [0.0] * kind.count)
