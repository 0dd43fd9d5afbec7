"""Noise parameters from a predicted error and the operands of each layer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analysis.error_models import DEFAULT_MODEL, ErrorModel, predict_error
from analysis.error_models.matrix_effects import matrix_effects
from analysis.error_models.output_slope import OutputSlope, output_slope
from analysis.noise.noise_parameters import NoiseParameters, NoiseProfile
from multipliers import Multiplier
from multipliers.parameters import check_flag, check_kind
from torchapprox import LayerTrace

Floats = NDArray[np.float64]

Detail = Literal["layer", "channel", "output", "position", "element"]


def noise_parameters(
    multiplier: Multiplier,
    trace: Mapping[str, LayerTrace],
    *,
    model: str | ErrorModel = DEFAULT_MODEL,
    detail: Detail = "element",
    folded: bool = False,
) -> dict[str, NoiseParameters]:
    """Fit the noise of every traced layer.

    Args:
        multiplier: The approximate multiplier.
        trace: The operands of each layer. From the network in APPROXIMATE mode
            (``trace_batches(model, batches, mode=InferenceMode.APPROXIMATE)``) where the noise is
            to predict that mode: a layer behind others that err has other operands than in the
            exact network, and with severe multipliers quite another error.
        model: The error model; see `analysis.ERROR_MODELS`.
        detail: "layer" gives all channels of a layer one mean and one standard deviation,
            "channel" each its own, and "output" besides lets each channel's error follow its
            output along a line. "position" besides lets it follow the outputs of all channels of
            a position, and be correlated between them; of a product of two activations it lets
            errors be shared by matrices, rows and columns. "element" gives each element of such
            a product its own mean as well, where the matrices of a sample kept their shape while
            tracing: NOISE mode then takes this shape alone. Transposed convolutions, which add
            several of the predicted sums into one output, get that of the layer, as if the errors
            of these sums were independent.
        folded: Whether the mean error is folded into the bias (`torchapprox.fold_mean_error`), so
            that only what is left is noise. Products of two activations have no bias and keep it.

    Returns:
        Noise by layer name.

    Raises:
        LookupError: If there is no such error model.
        ValueError: If the multiplier's ports do not take a layer's operands, a layer's output
            is constant while its error is not, or there is no such detail.

    Examples:
        >>> import torch, torchapprox
        >>> from torch import nn
        >>> from multipliers import get
        >>> from torchapprox import InferenceMode
        >>> network, x = nn.Sequential(nn.Linear(4, 2)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(network, calibration=[x], mode=InferenceMode.QUANTIZED)
        >>> with torchapprox.trace(network) as traces:
        ...     _ = network(x)
        >>> noise = noise_parameters(get("mul8s_tm_k3"), traces)["0.wrapped"]
        >>> noise.stdev > 0, noise.profile.slope.shape
        (True, (2,))
    """
    check_kind("trace", trace, Mapping)
    check_flag("folded", folded)
    check_kind("detail", detail, str)
    if detail not in get_args(Detail):
        raise ValueError(f"'detail' must be one of {', '.join(get_args(Detail))}, got '{detail}'")
    return {
        name: _noise_of_layer(multiplier, layer, model, detail, folded=folded)
        for name, layer in trace.items()
    }


def _noise_of_layer(
    multiplier: Multiplier,
    trace: LayerTrace,
    model: str | ErrorModel,
    detail: Detail,
    *,
    folded: bool,
) -> NoiseParameters:
    error = predict_error(multiplier, trace, model=model)
    has_bias = trace.fixed_weights
    means = np.zeros(trace.out_channels) if folded and has_bias else error.real_channel_mean
    line = output_slope(multiplier, trace)
    if detail == "layer" or trace.sums_per_output != 1:
        mean = float(means.mean())
        variance = np.square(error.real_channel_std).mean() + means.var()
        std = math.sqrt(trace.sums_per_output * variance)
        return NoiseParameters(mean=trace.sums_per_output * mean, stdev=_relative(std, trace, line))
    variances = np.square(error.real_channel_std)
    if detail == "channel":
        return _profiled(trace, line, means, variances, {})
    if not trace.fixed_weights and detail != "output":
        effects = matrix_effects(multiplier, trace, elements=detail == "element")
        variances = variances - effects.explained * np.square(trace.scale)
        means = means - effects.slope * line.output_mean * trace.scale
        shape = {"slope": np.array([effects.slope]), "shares": effects.shares}
        return _profiled(trace, line, means + effects.offset * trace.scale, variances, shape)
    variances = variances - np.square(line.slope * line.output_std * trace.scale)
    means = means - line.slope * line.output_mean * trace.scale
    shape = {"slope": line.slope}
    if detail != "output":
        basis, response = line.basis / trace.scale[:, None], line.response * trace.scale[:, None]
        variances = variances - line.response_variance * np.square(trace.scale)
        means = means - response @ (basis.T @ (line.output_mean * trace.scale))
        shape |= {"basis": basis, "response": response, "loadings": line.loadings}
    return _profiled(trace, line, means, variances, shape)


def _profiled(
    trace: LayerTrace,
    line: OutputSlope,
    means: Floats,
    variances: Floats,
    profile: Mapping[str, Floats],
) -> NoiseParameters:
    """Make noise of what slopes leave over, means of any shape and variances of each channel."""
    mean = float(means.mean())
    # Where a model predicts less than the slopes explain, nothing is left.
    stds = np.sqrt(np.maximum(variances, 0))
    std = float(np.sqrt(np.square(stds).mean()))
    plain = {
        "mean_offset": means - mean,
        "stdev_factor": stds / std if std else np.zeros_like(stds),
        "slope": np.zeros(trace.out_channels),
    }
    return NoiseParameters(
        mean=mean,
        stdev=_relative(std, trace, line),
        profile=NoiseProfile(**(plain | dict(profile))),
    )


def _relative(std: float, trace: LayerTrace, line: OutputSlope) -> float:
    """Divide by the standard deviation of the layer's exact output, in its units.

    That is taken from the sample, since the traced output is the approximate one if the trace is
    from APPROXIMATE mode, and the noise scales with the exact one. Outputs of transposed
    convolutions are not in the sample. A layer whose input the errors before it made constant has
    a constant error, and no noise.
    """
    if not std:
        return 0.0
    if trace.sums_per_output == 1:
        means, stds = line.output_mean * trace.scale, line.output_std * trace.scale
        output_std = math.sqrt(np.square(stds).mean() + means.var())
    else:
        output_std = trace.output_std
    if not output_std > 0:
        raise ValueError(
            f"layer '{trace.name}' must have an output that varies, as its error does, got "
            f"standard deviation {output_std}: trace more data or leave the layer out of the "
            "conversion"
        )
    return std / output_std
