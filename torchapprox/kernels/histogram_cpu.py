"""Counts of operand codes at each position of a layer's input.

counts[p, c] = number of m with codes[p, m] == c
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.jit import jit_cpu
from torchapprox.kernels.threads import for_each_block


def histogram_cpu(codes: NDArray[np.uint8], counts: NDArray[np.int64], *, threads: int) -> None:
    """Add the counts of every row of ``codes`` to ``counts``.

    Args:
        codes: uint8 `(P, M)`, C-contiguous.
        counts: int64 `(P, 256)`, C-contiguous; added to.
        threads: Largest number of threads to use.
    """
    positions, length = codes.shape
    block = max(1, min(2**18 // max(1, length), -(-positions // threads)))
    for_each_block(
        lambda start, stop: _count_rows(codes, counts, start, stop), positions, block, threads
    )


@jit_cpu
def _count_rows(codes: Any, counts: Any, start: int, stop: int) -> None:
    for position in range(start, stop):
        row = codes[position]
        count = counts[position]
        for m in range(row.shape[0]):
            count[row[m]] += 1
