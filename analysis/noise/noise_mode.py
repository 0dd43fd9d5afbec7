"""Models in NOISE mode: the noise of each layer set, and drawn from a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from analysis.modes import evaluating
from analysis.noise.noise_parameters import NoiseParameters
from multipliers.parameters import check_kind, check_parameter
from torchapprox.layers import InferenceMode
from torchapprox.layers.noise_profile import PROFILE
from torchapprox.utils import get_approx_modules


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
    seed = check_parameter("seed", seed, 0)
    apply_noise(model, parameters)
    layers = [layer for _, layer in get_approx_modules(model)]
    before = [(layer.noise_in_eval, layer.noise_generator) for layer in layers]
    # Noise is drawn where the layers keep its parameters.
    device = layers[0].noise.mean.device if layers else torch.device("cpu")
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
    check_kind("model", model, nn.Module)
    check_kind("parameters", parameters, Mapping)
    layers = dict(get_approx_modules(model))
    for name in parameters:
        if name not in layers:
            known = ", ".join(f"'{known}'" for known in layers) or "none"
            raise LookupError(f"no approximate layer '{name}'; the model has {known}")
    for name, noise in parameters.items():
        layer = layers[name]
        layer.mean, layer.stdev = noise.mean, noise.stdev
        if noise.profile is None:
            layer.noise.clear_profile()
        else:
            profile = {
                name: torch.from_numpy(value)
                for name in PROFILE
                if (value := getattr(noise.profile, name)) is not None
            }
            layer.noise.set_profile(**profile)
