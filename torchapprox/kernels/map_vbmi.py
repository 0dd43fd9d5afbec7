r"""Bytes looked up in a table of 256 bytes, in registers of CPUs with AVX-512 VBMI.

    out[i] = table[codes[i]]

The table fills four registers. A two-source byte permute picks from the half for codes below 128,
another one from the other half, and the code's top bit chooses between both: three instructions
for 64 codes, so that memory bounds it.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, types

from torchapprox.kernels.jit import jit_cpu

intrinsic: Any = extending.intrinsic
LANES = 64

_I8, _I32, _I64 = (ir.IntType(bits) for bits in (8, 32, 64))
_BYTES = ir.VectorType(_I8, LANES)


@intrinsic
def _map_lanes(context, table, source, target):  # noqa: ARG001
    """Map 64 bytes; the arguments are addresses."""

    def codegen(_context, b, _signature, arguments):
        table, source, target = arguments

        def pointer(address: Any, offset: int = 0) -> Any:
            return b.inttoptr(b.add(address, ir.Constant(_I64, offset)), _BYTES.as_pointer())

        low, high, low_above, high_above = (
            b.load(pointer(table, LANES * part), align=1) for part in range(4)
        )
        codes = b.load(pointer(source), align=1)
        name = "llvm.x86.avx512.vpermi2var.qi.512"
        permute = b.module.globals.get(name) or ir.Function(
            b.module, ir.FunctionType(_BYTES, [_BYTES] * 3), name
        )
        top = b.icmp_signed("<", codes, ir.Constant(_BYTES, [0] * LANES))
        above = b.call(permute, [low_above, codes, high_above])
        b.store(b.select(top, above, b.call(permute, [low, codes, high])), pointer(target), align=1)

    return types.void(*[types.int64] * 3), codegen


@jit_cpu
def map_chunks_vbmi(codes, tables, out, chunk, first, last):
    """Fill the chunks numbered ``first`` to ``last`` in the order (outer, table, chunk).

    Args:
        codes: uint8 `(O, I)`, C-contiguous.
        tables: int8 `(R, 256)`, C-contiguous.
        out: int8 `(O, R, I)`, C-contiguous.
        chunk: Codes of one item.
        first: Number of the first item.
        last: Number after that of the last item.
    """
    chunks = -(-codes.shape[1] // chunk)
    for item in range(first, last):
        start = item % chunks * chunk
        term = item // chunks % tables.shape[0]
        outer = item // (chunks * tables.shape[0])
        stop = min(start + chunk, codes.shape[1])
        table, of, to = tables[term], codes[outer, start:stop], out[outer, term, start:stop]
        source, target = np.int64(of.ctypes.data), np.int64(to.ctypes.data)
        whole = of.size // LANES * LANES
        for i in range(0, whole, LANES):
            _map_lanes(np.int64(table.ctypes.data), source + i, target + i)
        if of.size >= LANES:  # the last ones once more, together with those before
            _map_lanes(
                np.int64(table.ctypes.data), source + of.size - LANES, target + of.size - LANES
            )
            continue
        for i in range(of.size):
            to[i] = table[of[i]]
