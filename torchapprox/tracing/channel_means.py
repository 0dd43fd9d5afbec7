"""The mean error of each output channel, exact for the traced operands.

With the error ``e[x, w]`` of one product and the number ``HX[k, x]`` of rows whose code at input
position ``k`` is ``x``, the mean error of output channel ``o`` is

    m_o = sum_k T[k, w_ok]    with    T = HX / rows @ e.

A mean is linear, so that this holds whatever the dependence among the operands.
"""

import numpy as np
import numpy.typing as npt

from multipliers import Multiplier
from torchapprox.tracing.layer_trace import LayerTrace
from torchapprox.tracing.ports import check_trace


def channel_error_means(multiplier: Multiplier, trace: LayerTrace) -> npt.NDArray[np.float64]:
    """Mean error (approximate - exact) of each output channel, in units of the accumulator.

    Exact for the traced activations and the last weights; of a product of two activations, for
    all traced operands.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.

    Returns:
        Mean error per output, float64 `(out_channels,)`.

    Raises:
        ValueError: If the multiplier's ports do not take the layer's operands.

    Examples:
        >>> import torch, torchapprox
        >>> from multipliers import get
        >>> model, x = torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> with torchapprox.trace(model) as traces:
        ...     _ = model(x)
        >>> channel_error_means(get("mul8s_tm_k3"), traces["0.wrapped"]).shape
        (3,)
    """
    check_trace(multiplier, trace)
    # float64 sums are exact below 2^53: counts times errors are far below.
    error = multiplier.error.astype(np.float64)
    if not trace.fixed_weights:
        total = float((trace.joint_counts * error).sum())
        return np.array([total / trace.outputs])
    codes = np.flatnonzero(trace.x_counts.any(axis=0))
    totals = trace.x_counts[:, codes].astype(np.float64) @ error[codes]
    by_group = totals.reshape(trace.groups, trace.fan_in, 256)
    group = np.arange(trace.groups)[:, None, None]
    position = np.arange(trace.fan_in)
    means: npt.NDArray[np.float64] = by_group[group, position, trace.w_codes].sum(axis=-1)
    return means.reshape(-1) / trace.rows
