r"""Operand codes as the features of a factorised table, and receptive fields of features.

`map_codes_cpu` looks every code up in r tables of one operand:

    out[o, t, i] = tables[t, codes[o, i]]

`sum_mapped_cpu` adds up a function of the codes:

    out[o] = sum_i table[codes[o, i]]

`lay_out_cpu` copies what each output of a convolution sees, one line of outputs after the other:

    out[row, image, line * length + m] = maps[image, starts[row] + lines[line] + m]

Floor: the bytes read and written; a look-up of one byte takes about a cycle.

Overflow: `sum_mapped_cpu` adds in 64 bits; the caller keeps `I` times the table's greatest
magnitude below 2^63.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.cpu_kernel import available_kernels
from torchapprox.kernels.jit import jit_cpu
from torchapprox.kernels.threads import for_each_block
from torchapprox.kernels.vector_memory import copy_memory

BLOCK = 2**19  # bytes that are handed to a thread, which takes as long as moving them
_CHUNK = 2**13  # elements of a row that one thread maps at once
_SCALAR = 4  # bytes that are moved in the time of a look-up by itself


def map_codes_cpu(
    codes: NDArray[np.uint8], tables: NDArray[Any], out: NDArray[Any], *, threads: int
) -> None:
    """Fill ``out`` with the features of codes.

    Args:
        codes: uint8 `(O, I)`, C-contiguous.
        tables: Any type `(R, 256)`, C-contiguous.
        out: Type of ``tables``, `(O, R, I)`, C-contiguous; overwritten.
        threads: Largest number of threads to use.
    """
    outer, inner = codes.shape
    chunk = max(1, min(inner, _CHUNK))
    items = outer * len(tables) * -(-inner // chunk)
    fill = _map
    if tables.dtype == np.int8 and "vbmi" in available_kernels():
        from torchapprox.kernels.map_vbmi import map_chunks_vbmi  # noqa: PLC0415

        fill = map_chunks_vbmi
    size = chunk if fill is not _map else chunk * _SCALAR
    _spread(lambda first, last: fill(codes, tables, out, chunk, first, last), items, size, threads)


def sum_mapped_cpu(
    codes: NDArray[np.uint8], table: NDArray[np.int64], out: NDArray[np.int64], *, threads: int
) -> None:
    """Fill ``out`` with sums of a function of codes.

    Args:
        codes: uint8 `(O, I)`, C-contiguous.
        table: int64 `(256,)`.
        out: int64 `(O,)`; overwritten.
        threads: Largest number of threads to use.
    """
    outer, inner = codes.shape
    _spread(
        lambda first, last: _sum(codes, table, out, first, last), outer, inner * _SCALAR, threads
    )


def lay_out_cpu(
    maps: NDArray[np.int8],
    starts: NDArray[np.int64],
    lines: NDArray[np.int64],
    out: NDArray[np.int8],
    *,
    threads: int,
) -> None:
    """Fill ``out`` with receptive fields.

    Args:
        maps: int8 `(images, size)`, the last axis contiguous; read within its bounds.
        starts: Place of each row's first element in an image, int64 `(K,)`.
        lines: Place of each line's first element, counted from there, int64 `(L,)`.
        out: int8 `(K, images, L * length)`, C-contiguous; overwritten.
        threads: Largest number of threads to use.
    """
    rows, images, positions = out.shape
    length = positions // max(1, len(lines))
    _spread(
        lambda first, last: _lay_out(maps, starts, lines, length, out, first, last),
        *(rows * images, positions, threads),
    )


def _spread(task: Any, items: int, size: int, threads: int) -> None:
    threads = max(1, min(threads, items * size // BLOCK))
    for_each_block(task, items, max(1, -(-items // (2 * threads))), threads)


@jit_cpu
def _map(codes, tables, out, chunk, first, last):
    """Fill the chunks numbered ``first`` to ``last`` in the order (outer, table, chunk)."""
    chunks = -(-codes.shape[1] // chunk)
    for item in range(first, last):
        start = item % chunks * chunk
        term = item // chunks % tables.shape[0]
        outer = item // (chunks * tables.shape[0])
        stop = min(start + chunk, codes.shape[1])
        table, of, to = tables[term], codes[outer, start:stop], out[outer, term, start:stop]
        for i in range(of.size):
            to[i] = table[of[i]]


@jit_cpu
def _sum(codes, table, out, first, last):
    for outer in range(first, last):
        of = codes[outer]
        total = np.int64(0)
        for i in range(of.size):
            total += table[of[i]]
        out[outer] = total


@jit_cpu
def _lay_out(maps, starts, lines, length, out, first, last):
    images = maps.shape[0]
    for item in range(first, last):
        row, image = item // images, item % images
        of, to, start = maps[image], out[row, image], starts[row]
        source, target = np.int64(of.ctypes.data), np.int64(to.ctypes.data)
        for line in range(lines.size):
            place, position = start + lines[line], line * length
            copy_memory(target + position, source + place, length)
