"""The error of a layer as Gaussian noise on its output: the parameters of NOISE mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from analysis.statistics import PredictedError, predict_error
from multipliers import Multiplier
from torchapprox import LayerTrace
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
    one-population model in `analysis.statistics`, divided by the traced output's.

    Raises:
        ValueError: If the layer's traced output is constant, so that nothing is relative to it.
    """
    if trace.output_std <= 0:
        raise ValueError(
            f"layer '{trace.name}' must have an output that varies, got standard deviation "
            f"{trace.output_std}: trace more data or leave the layer out of the conversion"
        )
    return NoiseParameters(
        mean=error.real_mean_per_output, stdev=error.real_std_per_output / trace.output_std
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
    """
    return {
        name: relative_noise(predict_error(multiplier, layer), layer)
        for name, layer in trace.items()
    }


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
