r"""Gradients of table look-ups on the CPU.

    out[g, r, k] = sum_s grad[g, r, s] * table[own[g, r, k], other[g, k, s]]

One code of the own operand selects a row of the table, 1 KB that stays in the first-level cache;
the other operand's codes are read along s. Four sums run side by side, since each addition waits
for the last one of its own sum. Floor: one look-up, one product and one addition each step, about
one step a cycle.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.threads.blocks import blocks_cpu, division

BLOCK_LOOKUPS = 2**18


def table_gradient_cpu(
    table: NDArray[Any],
    own: NDArray[np.uint8],
    other: NDArray[np.uint8],
    grad: NDArray[Any],
    out: NDArray[Any],
    *,
    threads: int,
) -> None:
    """Fill ``out`` with sums of gradients times look-ups.

    Args:
        table: float32 or float64 `(256, 256)`, C-contiguous; first index the code of ``own``.
        own: uint8 `(G, R, K)`, C-contiguous.
        other: uint8 `(G, K, S)`, C-contiguous.
        grad: Of the table's type, `(G, R, S)`, C-contiguous.
        out: Likewise, `(G, R, K)`; overwritten.
        threads: Largest number of threads to use.
    """
    groups, rows, depth = own.shape
    blocks = division(groups * rows, depth * other.shape[2], threads, most=BLOCK_LOOKUPS)
    _fill(table, own, other, grad, out, **blocks)


@blocks_cpu
def _fill(table, own, other, grad, out, start, stop):
    """Fill the rows of ``out`` numbered ``start`` to ``stop`` in the order (group, row)."""
    _, rows, depth = own.shape
    for item in range(start, stop):
        group, row = item // rows, item % rows
        factors, codes, sums = grad[group, row], own[group, row], out[group, row]
        whole = factors.size // 4 * 4
        for k in range(depth):
            entries = table[codes[k]]
            columns = other[group, k]
            a = b = c = d = table.dtype.type(0)
            for s in range(0, whole, 4):
                a += factors[s] * entries[columns[s]]
                b += factors[s + 1] * entries[columns[s + 1]]
                c += factors[s + 2] * entries[columns[s + 2]]
                d += factors[s + 3] * entries[columns[s + 3]]
            for s in range(whole, factors.size):
                a += factors[s] * entries[columns[s]]
            sums[k] = (a + b) + (c + d)
