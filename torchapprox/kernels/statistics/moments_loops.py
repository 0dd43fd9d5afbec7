"""The compiled part of moments; `moments_cpu` has the formula."""

import numpy as np

from torchapprox.kernels.statistics.moments_emitter import LANES, sum_squares, sum_values
from torchapprox.kernels.threads.blocks import blocks_cpu


@blocks_cpu
def moments_of_blocks(values, length, moments, start, stop):
    """Find mean and squared deviations of the blocks numbered ``start`` to ``stop``."""
    lanes = np.zeros(LANES)
    for block in range(start, stop):
        first, last = block * length, min((block + 1) * length, values.size)
        whole = (last - first) // LANES * LANES
        sum_values(values, first, whole, lanes)
        total = 0.0
        for lane in range(LANES):
            total += lanes[lane]
        for i in range(first + whole, last):
            total += np.float64(values[i])
        mean = total / (last - first)
        sum_squares(values, first, whole, mean, lanes)
        squares = 0.0
        for lane in range(LANES):
            squares += lanes[lane]
        for i in range(first + whole, last):
            squares += (np.float64(values[i]) - mean) ** 2
        moments[block, 0], moments[block, 1] = mean, squares
