"""Local populations: every sampled row has a distribution of activations of its own.

For a row with the shares `p_n[x]` of its activations, and the shares `q[w]` of all weights of the
layer's group, an error of one product has mean and variance

    mean_n = sum(p_n[x] q[w] e[x, w]),    var_n = sum(p_n[x] q[w] (e[x, w] - mean_n)**2)

and an output, the sum of `K` such products drawn independently, over all rows::

    mean = K * mean_over_n(mean_n),    var = K * mean_over_n(var_n) + K**2 * var_over_n(mean_n)

It still takes the weights of an output as draws from those of all channels.

References:
    Trommer, Waschneck and Kumar (2022), arXiv:2208.07265, equations 15 and 16.
"""

from __future__ import annotations

import numpy as np

from analysis.error_models.block import blocks
from analysis.error_models.layer_error import LayerError
from analysis.error_models.spread import by_channel, variance_over_rows
from multipliers import Multiplier
from torchapprox import LayerTrace
from torchapprox.tracing import check_trace


def local_populations(multiplier: Multiplier, trace: LayerTrace) -> LayerError:
    """Predict a layer's error from the sampled rows' histograms, weights independent of them.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.

    Raises:
        ValueError: If the multiplier's ports do not take the layer's operands.
    """
    check_trace(multiplier, trace)
    depth = trace.fan_in
    row_means, within = [], []
    for block in blocks(trace):
        error, weights = block.among(multiplier.error), block.w_shares.mean(axis=0)
        mean = block.x_shares @ (error @ weights)
        square = block.x_shares @ (np.square(error) @ weights)
        row_means.append(depth * mean[:, None])
        within.append(depth * np.maximum(square - np.square(mean), 0)[:, None])
    means, variances = by_channel(trace, row_means), by_channel(trace, within)
    return LayerError(
        fan_in=depth,
        scale=trace.scale,
        channel_mean=means.mean(axis=0),
        channel_std=np.sqrt(variance_over_rows(trace, means) + variances.mean(axis=0)),
    )
