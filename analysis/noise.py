"""The error of a layer as Gaussian noise on its output: the parameters of NOISE mode."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from analysis.modes import evaluating
from analysis.statistics import PredictedError, predict_error
from multipliers import Multiplier
from torchapprox import LayerTrace
from torchapprox.layers import InferenceMode
from torchapprox.utils import get_approx_modules


@dataclass(frozen=True, slots=True)
class NoiseParameters:
    """Noise that stands for a layer's error: ``y + randn_like(y) * std(y) * stdev + mean``.

    Attributes:
        mean: Mean error per output, in units of the layer's output.
        stdev: Standard deviation of the error per output, relative to the output's own.
    """

    mean: float
    stdev: float


def relative_noise(error: PredictedError, trace: LayerTrace) -> NoiseParameters:
    """Express a layer's predicted error in the units of NOISE mode.

    The mean is the mean over all output channels, and the standard deviation that of the
    one-population model in `analysis.statistics`, divided by the traced output's. A transposed
    convolution adds several of the predicted sums into one output, as if their errors were
    independent.

    Raises:
        ValueError: If the layer's traced output is constant, so that nothing is relative to it.
    """
    if trace.output_std <= 0:
        raise ValueError(
            f"layer '{trace.name}' must have an output that varies, got standard deviation "
            f"{trace.output_std}: trace more data or leave the layer out of the conversion"
        )
    sums = trace.sums_per_output
    return NoiseParameters(
        mean=sums * error.real_mean_per_output,
        stdev=math.sqrt(sums) * error.real_std_per_output / trace.output_std,
    )


def noise_parameters(
    multiplier: Multiplier, trace: Mapping[str, LayerTrace]
) -> dict[str, NoiseParameters]:
    """Fit the noise of every traced layer.

    Args:
        multiplier: The approximate multiplier.
        trace: The operands of each layer, from `torchapprox.trace`.

    Returns:
        Noise by layer name.

    Raises:
        ValueError: If the multiplier's ports do not take a layer's operands, or a layer's output
            is constant.

    Examples:
        >>> import torchapprox
        >>> from multipliers import truncated_multiplier
        >>> model, x = nn.Sequential(nn.Linear(4, 2)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x], mode=InferenceMode.QUANTIZED)
        >>> with torchapprox.trace(model) as traces:
        ...     _ = model(x)
        >>> truncated = Multiplier.from_netlist(truncated_multiplier(3, signed=True))
        >>> noise_parameters(truncated, traces)["0.wrapped"].stdev > 0
        True
    """
    return {
        name: relative_noise(predict_error(multiplier, layer), layer)
        for name, layer in trace.items()
    }


@contextmanager
def noisy(
    model: nn.Module, parameters: Mapping[str, NoiseParameters], *, seed: int = 0
) -> Iterator[None]:
    """Evaluate a model in NOISE mode with noise that a seed determines.

    Args:
        model: A converted model; keeps the noise parameters, all else is as before afterwards.
        parameters: Noise by layer name.
        seed: Chooses the noise.

    Raises:
        LookupError: If the model has no approximate layer of a name.

    Examples:
        >>> import torchapprox
        >>> model, x = nn.Sequential(nn.Linear(4, 2)), torch.randn(8, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> outputs = []
        >>> for _ in range(2):
        ...     with noisy(model, {"0.wrapped": NoiseParameters(0.0, 0.5)}, seed=3):
        ...         outputs.append(model(x))
        >>> torch.equal(*outputs)
        True
    """
    apply_noise(model, parameters)
    layers = [layer for _, layer in get_approx_modules(model)]
    before = [(layer.noise_in_eval, layer.noise_generator) for layer in layers]
    # The first parameter says where the noise will be drawn.
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    with evaluating(model, InferenceMode.NOISE):
        try:
            for layer in layers:
                layer.noise_in_eval, layer.noise_generator = True, generator
            yield
        finally:
            for layer, (switch, source) in zip(layers, before, strict=True):
                layer.noise_in_eval, layer.noise_generator = switch, source


def apply_noise(model: nn.Module, parameters: Mapping[str, NoiseParameters]) -> None:
    """Set the noise of a model's layers, by name; layers that are not named keep theirs.

    Args:
        model: A converted model; changed in place.
        parameters: Noise by layer name.

    Raises:
        LookupError: If the model has no approximate layer of a name.

    Examples:
        >>> from torchapprox.layers import ApproxLinear
        >>> model = nn.Sequential(ApproxLinear(4, 2))
        >>> apply_noise(model, {"0": NoiseParameters(mean=-0.5, stdev=0.25)})
        >>> model[0].mean, model[0].stdev
        (-0.5, 0.25)
    """
    layers = dict(get_approx_modules(model))
    for name in parameters:
        if name not in layers:
            known = ", ".join(f"'{known}'" for known in layers) or "none"
            raise LookupError(f"no approximate layer '{name}'; the model has {known}")
    for name, noise in parameters.items():
        layers[name].mean = noise.mean
        layers[name].stdev = noise.stdev
