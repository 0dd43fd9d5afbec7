"""From values of sampled outputs to the mean and variance of each channel's outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from torchapprox import LayerTrace

Floats = NDArray[np.float64]


def by_channel(trace: LayerTrace, blocks: Sequence[Floats]) -> Floats:
    """Arrange the values of a sample's blocks by output channel.

    Args:
        trace: The layer.
        blocks: One array for each block of the sample, `(R, N)`, or `(R, 1)` where all columns
            of a block are alike.

    Returns:
        float64 `(rows, out_channels)`; of a product of two activations, whose outputs form one
        channel, `(S * R * N, 1)`.
    """
    if not trace.fixed_weights:
        return np.concatenate([block.ravel() for block in blocks])[:, None]
    columns = trace.out_channels // trace.groups
    return np.concatenate(
        [np.broadcast_to(block, (len(block), columns)) for block in blocks], axis=1
    )


def variance_over_rows(trace: LayerTrace, values: Floats) -> Floats:
    """Estimate each channel's variance over all traced rows from the sampled ones.

    The sample's variance is unbiased with ``n - 1`` in the denominator, for a population's with
    ``N - 1``; where the sample is the whole population the result is exact.

    Args:
        trace: The layer.
        values: Values of the sampled rows, float64 `(n, channels)`.

    Returns:
        float64 `(channels,)`.
    """
    count = len(values)
    total = trace.rows if trace.fixed_weights else trace.outputs
    # A sample with repeated rows may have more than there are.
    finite = 1 - 1 / total if count <= total else 1 - 1 / count
    variance: Floats = values.var(axis=0) * count / max(count - 1, 1) * finite
    return variance
