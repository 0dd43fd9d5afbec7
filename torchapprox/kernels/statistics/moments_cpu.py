"""Mean and sum of squared deviations of floats, in float64.

Values are taken in blocks, of which each is read twice while the caches hold it: for its mean, and
for the squares of the deviations from it (`moments_loops`). Sums have lanes of their own, which
vectors hold (`moments_emitter`).
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.compiling.jit import jit_cpu

BLOCK = 2**13  # values
_AT_ONCE = 2**3  # blocks that are handed to a thread


def moments_cpu(values: NDArray[np.floating[Any]], *, threads: int) -> tuple[float, float]:
    """Return mean and sum of squared deviations; they do not depend on the number of threads.

    Args:
        values: float32 or float64, one-dimensional, not empty.
        threads: Largest number of threads to use.
    """
    moments = np.empty((-(-values.size // BLOCK), 2))
    find = _loops().moments_of_blocks
    find(values, BLOCK, moments, length=len(moments), block=_AT_ONCE, threads=threads)
    mean, squares = _merged(moments, values.size)
    return float(mean), float(squares)


@jit_cpu
def _merged(moments: Any, size: int) -> Any:
    """Merge the blocks' moments (Chan, Golub and LeVeque 1979, equations 2.1)."""
    count, mean, squares = 0, 0.0, 0.0
    for block in range(len(moments)):
        here = min(BLOCK, size - count)
        shift = moments[block, 0] - mean
        squares += moments[block, 1] + shift**2 * count * here / (count + here)
        mean += shift * here / (count + here)
        count += here
    return mean, squares


@cache
def _loops() -> Any:
    """Import what is compiled, which loads Numba."""
    from torchapprox.kernels.statistics import moments_loops  # noqa: PLC0415

    return moments_loops
