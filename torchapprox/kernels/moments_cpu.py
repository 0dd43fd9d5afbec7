"""Mean and sum of squared deviations of floats, in float64.

Values are taken in blocks, of which each is read twice while the caches hold it: for its mean, and
for the squares of the deviations from it. Sums have lanes of their own, which vectors hold.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.blocks import blocks_cpu
from torchapprox.kernels.jit import jit_cpu

BLOCK = 2**13  # values
_AT_ONCE = 2**3  # blocks that are handed to a thread
_LANES = 16


def moments_cpu(values: NDArray[np.floating[Any]], *, threads: int) -> tuple[float, float]:
    """Return mean and sum of squared deviations; they do not depend on the number of threads.

    Args:
        values: float32 or float64, one-dimensional, not empty.
        threads: Largest number of threads to use.
    """
    moments = np.empty((-(-values.size // BLOCK), 2))
    _moments(values, moments, length=len(moments), block=_AT_ONCE, threads=threads)
    mean, squares = _merged(moments, values.size)
    return float(mean), float(squares)


@blocks_cpu
def _moments(values: Any, moments: Any, start: int, stop: int) -> None:
    lanes = np.zeros(_LANES)
    for block in range(start, stop):
        part = values[block * BLOCK : (block + 1) * BLOCK]
        whole = part.size // _LANES * _LANES
        lanes[:] = 0
        for i in range(0, whole, _LANES):
            for lane in range(_LANES):
                lanes[lane] += np.float64(part[np.uintp(i + lane)])
        total = 0.0
        for lane in range(_LANES):
            total += lanes[lane]
        for i in range(whole, part.size):
            total += np.float64(part[i])
        mean = total / part.size
        lanes[:] = 0
        for i in range(0, whole, _LANES):
            for lane in range(_LANES):
                deviation = np.float64(part[np.uintp(i + lane)]) - mean
                lanes[lane] += deviation * deviation
        squares = 0.0
        for lane in range(_LANES):
            squares += lanes[lane]
        for i in range(whole, part.size):
            squares += (np.float64(part[i]) - mean) ** 2
        moments[block, 0], moments[block, 1] = mean, squares


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
