"""Quantisers learn their ranges from data, once."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn

from multipliers.wording import listed
from torchapprox.batches import evaluating, run_batch, several
from torchapprox.conversion.wrapping import converted_layers, float_name, get_approx_modules
from torchapprox.layers import ApproxLayer, ApproxWrapper, InferenceMode
from torchapprox.operators.affine.finite import not_finite
from torchapprox.quantisation.quantiser_state import has_observed
from torchapprox.quantisation.torch_ao import (
    disable_fake_quant,
    disable_observer,
    enable_fake_quant,
    enable_observer,
)


def calibrate(model: nn.Module, batches: Iterable[Any]) -> None:
    """Set the quantisers' scales and zero points from data, and freeze them.

    The model runs in evaluation mode on unquantised values, without gradients. Quantisers that
    were calibrated before go on from what they have seen.

    Args:
        model: A converted model.
        batches: Tensors, sequences whose first element is the model's input, or mappings of keyword
            arguments.

    Raises:
        ValueError: The model is not converted, there is no batch, a layer never ran, or a weight
            or an activation is not finite.

    Examples:
        >>> from torchapprox import approximate
        >>> model = nn.Sequential(nn.Linear(4, 3))
        >>> _ = approximate(model)
        >>> calibrate(model, [torch.randn(16, 4), torch.randn(16, 4)])
    """
    layers = converted_layers(model)
    _check_weights(layers)
    modes = {layer: layer.inference_mode for _, layer in layers}
    model.apply(disable_fake_quant).apply(enable_observer)
    try:
        for layer in modes:
            layer.inference_mode = InferenceMode.QUANTIZED
        with evaluating(model):
            _observe(model, batches)
    finally:
        model.apply(enable_fake_quant).apply(disable_observer)
        for layer, mode in modes.items():
            layer.inference_mode = mode
    quantisers = _quantisers(model)
    missed = list(dict.fromkeys(name for name, each in quantisers if not has_observed(each)))
    if missed:
        raise ValueError(
            f"the calibration must reach every layer, but {listed([*map(repr, missed)])} never "
            "ran: bring batches that use them, or exclude them from the conversion, as layers must "
            "be whose weights another module multiplies with"
        )


def _observe(model: nn.Module, batches: Iterable[Any]) -> None:
    empty = True
    for batch in several(batches):
        run_batch(model, batch)
        if empty:
            # Weights stay as they are: one look at them is enough.
            for _, layer in get_approx_modules(model):
                if hasattr(layer, "weight") and has_observed(layer.weight_fake_quant):
                    layer.weight_fake_quant.apply(disable_observer)
        empty = False
    if empty:
        raise ValueError("the calibration must have at least one batch, got none")


def _quantisers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the quantisers of all operands, each with its layer's name in the float model."""
    for name, module in model.named_modules():
        if isinstance(module, ApproxWrapper):
            yield name, module.activation_quantiser
        elif isinstance(module, ApproxLayer):
            for quantiser in module.operand_quantisers.values():
                yield float_name(name), quantiser


def _check_weights(layers: list[tuple[str, ApproxLayer]]) -> None:
    for name, layer in layers:
        weight = getattr(layer, "weight", None)
        if weight is not None and not bool(torch.isfinite(weight).all()):
            raise not_finite(weight, f"the weight of layer {float_name(name)!r}")
