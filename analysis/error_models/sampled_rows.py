"""Sampled rows: the errors of some outputs, through the table.

The mean and the standard deviation of these errors are those of the sample. No model is behind
them, only the sample's error.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.error_models.layer_error import LayerError
from analysis.error_models.spread import by_channel, variance_over_rows
from multipliers import Multiplier
from torchapprox import LayerTrace, lut_matmul
from torchapprox.tracing import check_trace


def sampled_rows(multiplier: Multiplier, trace: LayerTrace) -> LayerError:
    """Predict a layer's error as that of its sampled rows.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.

    Raises:
        ValueError: If the multiplier's ports do not take the layer's operands.
    """
    check_trace(multiplier, trace)
    errors = by_channel(trace, list(sampled_errors(multiplier, trace)))
    return LayerError(
        fan_in=trace.fan_in,
        scale=trace.scale,
        channel_mean=errors.mean(axis=0),
        channel_std=np.sqrt(variance_over_rows(trace, errors)),
    )


def sampled_errors(multiplier: Multiplier, trace: LayerTrace) -> NDArray[np.float64]:
    """Return the error of every sampled output, in units of the accumulator.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.

    Returns:
        float64 `(S, R, N)`: blocks, rows and columns of the sample.
    """
    sample = trace.sample
    table = torch.from_numpy(multiplier.error.copy())
    errors = lut_matmul(
        torch.from_numpy(sample.x_codes.copy()), torch.from_numpy(sample.w_codes.copy()), table
    )
    values: NDArray[np.float64] = errors.numpy().astype(np.float64)
    return values
