"""How the error follows the exact output: a line for each channel.

With the expected error `Z_no` of the sampled outputs (`analysis.error_models.paired_histograms`)
and their exact values `y_no`, over the rows `n` of a channel::

    slope_o = Cov_n(Z_no, y_no) / Var_n(y_no)

A multiplier whose products are too small in proportion has a slope of minus that proportion, and
little else. What the line leaves over has the variance ``std_o**2 - slope_o**2 * Var_n(y_no)``.

**Shared errors.** The channels of a row multiply the same activations, so that what the line leaves
over is correlated between them; an error that all classes' scores share decides nothing. The
leading eigenvectors ``v_r`` of its covariance over rows, with eigenvalues ``lambda_r``, give the
part ``sum_r sqrt(lambda_r) v_or z_nr`` with independent standard normal ``z``; the rest is taken as
independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.error_models.paired_histograms import output_moments
from analysis.error_models.spread import by_channel, variance_over_rows
from multipliers import Multiplier, code_values
from torchapprox import LayerTrace

Floats = NDArray[np.float64]

SHARED_RANK = 4


@dataclass(frozen=True, slots=True, eq=False)
class OutputSlope:
    """The line of each channel, both axes in units of the accumulator.

    Attributes:
        slope: Error per unit of output, float64 `(C,)`; 0 where the output is constant.
        output_mean: Mean of the exact output, float64 `(C,)`.
        output_std: Standard deviation of the exact output, float64 `(C,)`.
        shared: What the channels of a row share of the rest, float64 `(C, R)`, a column for each
            independent draw of variance 1; no column where there is one channel.
    """

    slope: Floats
    output_mean: Floats
    output_std: Floats
    shared: Floats


def output_slope(multiplier: Multiplier, trace: LayerTrace) -> OutputSlope:
    """Fit the line of each channel to the sampled outputs.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.

    Raises:
        ValueError: If the multiplier's ports do not take the layer's operands.

    Examples:
        >>> import torch, torchapprox
        >>> from multipliers import Multiplier, exact_products
        >>> network, x = torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(network, calibration=[x])
        >>> with torchapprox.trace(network) as traces:
        ...     _ = network(x)
        >>> doubling = Multiplier.from_lut(2 * exact_products(True, True))
        >>> output_slope(doubling, traces["0.wrapped"]).slope.round(6)
        array([1., 1., 1.])
    """
    errors, _ = output_moments(multiplier, trace)
    outputs = exact_outputs(trace)[: len(errors)]
    mean, variance = outputs.mean(axis=0), outputs.var(axis=0)
    covariance = ((errors - errors.mean(axis=0)) * (outputs - mean)).mean(axis=0)
    slope = np.divide(covariance, variance, out=np.zeros_like(mean), where=variance > 0)
    return OutputSlope(
        slope=slope,
        output_mean=mean,
        output_std=np.sqrt(variance_over_rows(trace, outputs)),
        shared=_shared((errors - errors.mean(axis=0)) - slope * (outputs - mean)),
    )


def _shared(rest: Floats) -> Floats:
    """Return the leading part of the covariance between channels, `(C, R)`.

    Args:
        rest: Errors of the sampled rows without mean and line, `(rows, C)`.
    """
    rows, channels = rest.shape
    rank = min(SHARED_RANK, channels - 1, rows - 1)
    if rank < 1:
        return np.zeros((channels, 0))
    values, vectors = np.linalg.eigh(rest.T @ rest / rows)
    shared: Floats = vectors[:, -rank:] * np.sqrt(np.maximum(values[-rank:], 0))
    return shared


def exact_outputs(trace: LayerTrace) -> Floats:
    """Return the exact value of every sampled output, zero points subtracted.

    Returns:
        float64 `(rows, out_channels)`, in units of the accumulator, in the order of
        `analysis.error_models.spread.by_channel`.
    """
    sample = trace.sample
    x = code_values(trace.x_signed)[sample.x_codes].astype(np.float64) - trace.x_zero_point
    w = code_values(trace.w_signed)[sample.w_codes].astype(np.float64)
    zero_points = trace.w_zero_point
    if trace.fixed_weights:
        zero_points = zero_points.reshape(trace.groups, -1, 1)
    outputs = x @ (w - zero_points).transpose(0, 2, 1)
    return by_channel(trace, list(outputs))
