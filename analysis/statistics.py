"""Error statistics of a layer, predicted from its operand counts and a table of errors.

Notation: `e[x, w]` is the error (approximate - exact) of one product of stored codes, a layer's
output is a sum of `K` products, `o` runs over output channels and `n` over rows.

The mean is exact for the traced data, whatever the joint distribution of the operands. With
`HX[k, x]` the number of rows whose code at input position `k` is `x`::

    T = HX / rows @ e                       (positions, 256)
    m_o = sum_k T[k, w_ok]                  mean error of output channel o

The standard deviation is a model: *one global distribution* with independent products. With
`H[x, w]` the joint counts of all products of the layer and `p = H / H.sum()`::

    mean_per_product = sum(p * e)
    std_per_product  = sqrt(sum(p * (e - mean_per_product)**2))
    std_per_output   = sqrt(K) * std_per_product

It assumes that the `K` errors of one output are independent draws from `p`. It misses that

* a channel's weights are fixed, so that the channels' means `m_o` differ: this variance over the
  output channels does not average out within a sum, and the prediction is too small by it;
* the activations of one receptive field are associated, so that the errors of all channels move
  together from row to row: too small again;
* every output of a channel sums over the same `K` weights, so that the main effect of the weights
  (and of a position's activations) is no scatter: the prediction is too large by it;
* particular activations meet particular weights at the same position `k`: either way.

In real units an error of the accumulator is multiplied by the channel's scale `s_x * s_w[o]`;
zero-point corrections are exact and contribute no error.

References:
    Trommer, Waschneck and Kumar (2022), "Combining gradients and probabilities for heterogeneous
    approximation of neural networks", arXiv:2208.07265. The model here is its one-population
    form; the paper's own model keeps many local distributions per layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.ports import check_trace
from multipliers import Multiplier
from torchapprox import LayerTrace


@dataclass(frozen=True, slots=True)
class PredictedError:
    """Predicted error (approximate - exact) of a layer.

    Attributes:
        fan_in: Products per output, `K`.
        mean_per_product: In units of the product of two codes.
        std_per_product: Likewise.
        mean_per_output: In units of the accumulator; exact for the traced data.
        std_per_output: In units of the accumulator; one global distribution, independent products.
        real_mean_per_output: In real units (accumulator times scale); exact for the traced data.
        real_std_per_output: In real units; with the root mean square of the channels' scales.
    """

    fan_in: int
    mean_per_product: float
    std_per_product: float
    mean_per_output: float
    std_per_output: float
    real_mean_per_output: float
    real_std_per_output: float


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


def channel_error_means(multiplier: Multiplier, trace: LayerTrace) -> NDArray[np.float64]:
    """Mean error of each output channel, exact for the traced activations and the last weights.

    ``m_o = sum_k T[k, w_ok]`` with ``T = x_counts / rows @ error``.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.

    Returns:
        Mean error per output in units of the accumulator, float64 `(out_channels,)`.

    Raises:
        ValueError: If the multiplier's ports do not take the layer's operands.

    Examples:
        >>> import torch, torchapprox
        >>> from multipliers import truncated_multiplier
        >>> model, x = torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> with torchapprox.trace(model) as traces:
        ...     _ = model(x)
        >>> truncated = Multiplier.from_netlist(truncated_multiplier(3, signed=True))
        >>> channel_error_means(truncated, traces["0.wrapped"]).shape
        (3,)
    """
    check_trace(multiplier, trace)
    expected = trace.x_counts @ multiplier.error.astype(np.int64) / trace.rows
    expected = expected.reshape(trace.groups, trace.fan_in, 256)
    group = np.arange(trace.groups)[:, None, None]
    position = np.arange(trace.fan_in)
    means: NDArray[np.float64] = expected[group, position, trace.w_codes].sum(axis=-1).reshape(-1)
    return means


def predict_error(multiplier: Multiplier, trace: LayerTrace) -> PredictedError:
    """Predict a layer's error from its operand counts; the module's docstring has the model.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.

    Raises:
        ValueError: If the multiplier's ports do not take the layer's operands.

    Examples:
        >>> import torch, torchapprox
        >>> from multipliers import truncated_multiplier
        >>> model, x = torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> with torchapprox.trace(model) as traces:
        ...     _ = model(x)
        >>> truncated = Multiplier.from_netlist(truncated_multiplier(3, signed=True))
        >>> predicted = predict_error(truncated, traces["0.wrapped"])
        >>> predicted.fan_in, predicted.std_per_output / predicted.std_per_product
        (4, 2.0)
    """
    channel_means = channel_error_means(multiplier, trace)
    mean, std = product_error(multiplier.error, trace.joint_counts)
    std_per_output = float(np.sqrt(trace.fan_in)) * std
    return PredictedError(
        fan_in=trace.fan_in,
        mean_per_product=mean,
        std_per_product=std,
        mean_per_output=float(channel_means.mean()),
        std_per_output=std_per_output,
        real_mean_per_output=float((channel_means * trace.scale).mean()),
        real_std_per_output=float(np.sqrt(np.square(trace.scale).mean())) * std_per_output,
    )


def predict_errors(
    multiplier: Multiplier, traces: Mapping[str, LayerTrace]
) -> dict[str, PredictedError]:
    """Predict the error of every traced layer, by layer name."""
    return {name: predict_error(multiplier, trace) for name, trace in traces.items()}
