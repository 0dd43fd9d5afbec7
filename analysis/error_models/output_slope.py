"""How the error follows the exact output: a line for each channel, and what channels share.

With the expected error `Z_no` of the sampled outputs (`analysis.error_models.paired_histograms`)
and their exact values `y_no`, over the rows `n` of a channel::

    slope_o = Cov_n(Z_no, y_no) / Var_n(y_no)

A multiplier whose products are too small in proportion has a slope of minus that proportion, and
little else. What the line leaves over has the variance ``std_o**2 - slope_o**2 * Var_n(y_no)``.

The channels of one output position multiply the same activations, and all outputs together tell
much about these. So what the line leaves over is regressed on the outputs along the leading
principal components `U` of all channels at one position::

    Z_no - slope_o y_no = sum_r V_or sum_p U_pr y_np + U_no

What that leaves over is still correlated between channels. With these residuals over their standard
deviation, `U_no`, the leading `r` eigenvectors `B` of the correlations ``C = U^T U / n`` give
loadings `L` with ``L L^T = B B^T C B B^T``, whose diagonal is at most 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.error_models.association import leading
from analysis.error_models.paired_histograms import output_moments
from analysis.error_models.spread import by_channel, variance_over_rows
from multipliers import Multiplier, code_values
from torchapprox import LayerTrace

Floats = NDArray[np.float64]

SHARED_RANK = 16
ROWS_PER_DIRECTION = 64
"""A regression on fewer rows than this for each direction of the output fits their chance."""


@dataclass(frozen=True, slots=True, eq=False)
class OutputSlope:
    """The line of each channel, both axes in units of the accumulator.

    Attributes:
        slope: Error per unit of output, float64 `(C,)`; 0 where the output is constant.
        output_mean: Mean of the exact output, float64 `(C,)`.
        output_std: Standard deviation of the exact output, float64 `(C,)`.
        basis: Directions of the output, U, float64 `(C, R)`, ``R <= SHARED_RANK``.
        response: Error without the line per unit along each of them, V, float64 `(C, R)`.
        response_variance: Variance of the error that they explain, float64 `(C,)`.
        loadings: What the channels' residuals share, relative to their standard deviation, float64
            `(C, R)`, ``R <= SHARED_RANK``; the correlation of two channels is the product of
            their rows.
    """

    slope: Floats
    output_mean: Floats
    output_std: Floats
    basis: Floats
    response: Floats
    response_variance: Floats
    loadings: Floats


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
    errors, over_pairings = output_moments(multiplier, trace)
    outputs = exact_outputs(trace)[: len(errors)]
    mean, variance = outputs.mean(axis=0), outputs.var(axis=0)
    centred = errors - errors.mean(axis=0)
    covariance = (centred * (outputs - mean)).mean(axis=0)
    slope = np.divide(covariance, variance, out=np.zeros_like(mean), where=variance > 0)
    residual = centred - slope * (outputs - mean)
    basis, response = output_response(trace, outputs - mean, residual)
    followed = (outputs - mean) @ basis @ response.T
    return OutputSlope(
        slope=slope,
        output_mean=mean,
        output_std=np.sqrt(variance_over_rows(trace, outputs)),
        basis=basis,
        response=response,
        response_variance=variance_over_rows(trace, followed),
        loadings=shared_loadings(residual - followed, over_pairings.mean(axis=0)),
    )


def output_response(trace: LayerTrace, outputs: Floats, residual: Floats) -> tuple[Floats, Floats]:
    """Regress what the lines leave over on the outputs of all channels at a position.

    Args:
        trace: The layer, whose scales make outputs of different channels comparable.
        outputs: Sampled outputs, mean 0, float64 `(rows, C)`.
        residual: Errors without their line, mean 0, float64 `(rows, C)`.

    Returns:
        Basis and response, float64 `(C, R)` each; see the module's docstring. R is 0 for one
        channel, whose own line says all, and at most one for `ROWS_PER_DIRECTION` rows.
    """
    rows, channels = outputs.shape
    rank = min(SHARED_RANK, channels, rows // ROWS_PER_DIRECTION) if channels > 1 else 0
    scaled = outputs * trace.scale
    directions = leading(scaled.T, rank)
    # A constant direction, as of outputs that never vary, gets the least response: none.
    response = np.linalg.lstsq(scaled @ directions, residual, rcond=None)[0].T
    return trace.scale[:, None] * directions, response.astype(np.float64, copy=False)


def shared_loadings(residual: Floats, own_variance: Floats) -> Floats:
    """Return what channels share; see the module's docstring.

    Args:
        residual: Errors without their line, mean 0, float64 `(rows, C)`.
        own_variance: Variance that each channel has besides, which it does not share, `(C,)`.

    Returns:
        float64 `(C, R)`; no column for one channel.

    Examples:
        >>> both = np.array([[1.0, -2.0], [-1.0, 2.0]])
        >>> loadings = shared_loadings(both, np.array([0.0, 12.0]))
        >>> (loadings @ loadings.T).round(6).tolist()
        [[1.0, -0.5], [-0.5, 0.25]]
    """
    rows, channels = residual.shape
    if channels == 1:
        return np.zeros((1, 0))
    std = np.sqrt(np.square(residual).mean(axis=0) + own_variance)
    relative = np.divide(residual, std, out=np.zeros_like(residual), where=std > 0)
    basis = leading(relative.T, min(SHARED_RANK, channels, rows))
    scores = relative @ basis
    values, vectors = np.linalg.eigh(scores.T @ scores / rows)
    loadings: Floats = basis @ (vectors * np.sqrt(np.maximum(values, 0)))
    # The basis is near the eigenvectors only, so that a diagonal may be a little more than 1.
    loadings /= np.maximum(np.sqrt(np.square(loadings).sum(axis=1, keepdims=True)), 1)
    return loadings


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
