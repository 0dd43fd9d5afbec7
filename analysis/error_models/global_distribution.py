"""One global distribution: all products of a layer as independent draws.

With the joint counts `H[x, w]` of a layer's products and ``p = H / H.sum()``::

    mean = K * sum(p * e),    var = K * sum(p * (e - sum(p * e))**2)

for every output channel. It misses what distinguishes outputs from each other: a channel's weights
are fixed, a row's activations resemble each other, and every output of a channel sums over all of
its weights, so that the main effect of the weights is no scatter.

References:
    Trommer, Waschneck and Kumar (2022), "Combining gradients and probabilities for heterogeneous
    approximation of neural networks", arXiv:2208.07265, with one population.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.error_models.layer_error import LayerError
from multipliers import Multiplier
from torchapprox import LayerTrace
from torchapprox.tracing import check_trace


def global_distribution(multiplier: Multiplier, trace: LayerTrace) -> LayerError:
    """Predict a layer's error from the joint counts of its operands.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.

    Raises:
        ValueError: If the multiplier's ports do not take the layer's operands.
    """
    check_trace(multiplier, trace)
    mean, std = product_error(multiplier.error, trace.joint_counts)
    every = np.ones(trace.out_channels)
    return LayerError(
        fan_in=trace.fan_in,
        scale=trace.scale,
        channel_mean=trace.fan_in * mean * every,
        channel_std=np.sqrt(trace.fan_in) * std * every,
    )


def product_error(
    error: NDArray[np.integer], joint_counts: NDArray[np.integer], /
) -> tuple[float, float]:
    """Mean and standard deviation of the error of one product.

    Args:
        error: Approximate - exact, integers `(256, 256)`, row = code of x.
        joint_counts: How often each pair of codes was multiplied, integers `(256, 256)`.

    Returns:
        Mean and population standard deviation, in units of the product.

    Raises:
        ValueError: If nothing was counted.

    Examples:
        >>> error = np.zeros((256, 256), dtype=np.int32)
        >>> error[3, 5] = -4
        >>> counts = np.zeros((256, 256), dtype=np.int64)
        >>> counts[3, 5] = counts[5, 3] = 10
        >>> product_error(error, counts)
        (-2.0, 2.0)
    """
    total = joint_counts.sum()
    if total == 0:
        raise ValueError("'joint_counts' must count at least one product, got none")
    share = joint_counts / total
    mean = float((share * error).sum())
    variance = float((share * np.square(error - mean)).sum())
    return mean, float(np.sqrt(variance))
