"""Switching a model's approximate layers for one evaluation, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from multipliers.parameters import check_kind
from torchapprox.conversion.wrapping import converted_layers
from torchapprox.layers import InferenceMode
from torchapprox.quantisation.quantiser_state import has_observed
from torchapprox.quantisation.torch_ao import FakeQuantize
from torchapprox.utils import get_approx_modules


def set_mode(model: nn.Module, mode: InferenceMode) -> None:
    """Put every approximate layer of a model into one mode.

    Raises:
        ValueError: If the model has no approximate layers.

    Examples:
        >>> from torchapprox.layers import ApproxLinear
        >>> layer = ApproxLinear(4, 2)
        >>> set_mode(nn.Sequential(layer), InferenceMode.APPROXIMATE)
        >>> layer.inference_mode.name
        'APPROXIMATE'
    """
    layers = converted_layers(model)
    check_kind("mode", mode, InferenceMode)
    for _, layer in layers:
        layer.inference_mode = mode


@contextmanager
def evaluating(model: nn.Module, mode: InferenceMode | None = None) -> Iterator[None]:
    """Evaluate a model, in one mode if given, and leave it as it was.

    Training flags and modes come back afterwards. Quantisers that have seen data keep their ranges
    meanwhile; those that have not learn them, as outside of this context.

    Examples:
        >>> model = nn.Linear(4, 2)
        >>> with evaluating(model):
        ...     model.training
        False
        >>> model.training
        True
    """
    check_kind("model", model, nn.Module)
    training = [(module, module.training) for module in model.modules()]
    modes = [(layer, layer.inference_mode) for _, layer in get_approx_modules(model)]
    quantisers = [
        module
        for module in model.modules()
        if isinstance(module, FakeQuantize) and has_observed(module)
    ]
    observing = [quantiser.observer_enabled.clone() for quantiser in quantisers]
    try:
        for quantiser in quantisers:
            quantiser.disable_observer()
        model.eval()
        if mode is not None:
            set_mode(model, mode)
        yield
    finally:
        for module, flag in training:
            module.training = flag
        for layer, previous in modes:
            layer.inference_mode = previous
        for quantiser, flag in zip(quantisers, observing, strict=True):
            quantiser.observer_enabled.copy_(flag)
