"""The one-line way from a float model to an approximate one, and back."""

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from multipliers import Multiplier
from torchapprox.layers import ApproxLayer, ApproxWrapper, InferenceMode, layer_mapping_dict
from torchapprox.quantization import (
    QConfig,
    disable_fake_quant,
    disable_observer,
    enable_fake_quant,
    enable_observer,
    has_observed,
    prepare_qat,
    quantiser_range,
)
from torchapprox.wrapping import get_approx_modules, unwrap_layers, wrap_layers

Selection = str | type[nn.Module]


@dataclass(frozen=True, slots=True)
class ConvertedLayer:
    """One row of a `ConversionSummary`.

    Attributes:
        name: Name of the layer in the model.
        type: Name of the layer's type.
        fan_in: Products in one output.
        parameters: Number of weights.
        activation_range: Least and greatest value of the activations' quantiser.
        weight_range: The same of the weights' quantiser.
        multiplier: Name of the multiplier; "exact" without a table.
    """

    name: str
    type: str
    fan_in: int
    parameters: int
    activation_range: tuple[int, int] | None
    weight_range: tuple[int, int] | None
    multiplier: str


@dataclass(frozen=True, slots=True)
class ConversionSummary:
    """What `approximate` did to a model; as text a table.

    Attributes:
        layers: The approximate layers, in the model's order.
        left_exact: Name and type of every layer with weights that was left as it is.
    """

    layers: tuple[ConvertedLayer, ...]
    left_exact: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        header = ("layer", "type", "fan-in", "weights", "activation", "weight", "multiplier")
        rows = [
            (
                row.name,
                row.type,
                str(row.fan_in),
                str(row.parameters),
                _range_text(row.activation_range),
                _range_text(row.weight_range),
                row.multiplier,
            )
            for row in self.layers
        ]
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (header, *rows)
        ]
        lines += [f"left exact: {name} ({kind})" for name, kind in self.left_exact]
        return "\n".join(lines)


def approximate(
    model: nn.Module,
    multiplier: Multiplier | None = None,
    *,
    calibration: Iterable[Any] | None = None,
    include: Iterable[Selection] | None = None,
    exclude: Iterable[Selection] = (),
    qconfig: QConfig | None = None,
    mode: InferenceMode = InferenceMode.APPROXIMATE,
) -> ConversionSummary:
    """Convert a float model's layers in place so that they run on an approximate multiplier.

    Layers that are approximate already keep their quantisers and get the multiplier and the mode.

    Args:
        model: The model; `torch.nn.Linear` and `torch.nn.Conv2d` are converted.
        multiplier: The multiplier of every layer; the exact product if None.
        calibration: Batches that the new quantisers are calibrated with and then frozen: a tensor,
            a sequence whose first element is the model's input, or a mapping of keyword arguments.
            If None, the quantisers learn their ranges while the model runs, until they are frozen
            with ``model.apply(torch.ao.quantization.disable_observer)``.
        include: Names (with the wildcards of `fnmatch`) or types of the layers to convert; all if
            None.
        exclude: Names or types of layers to leave exact.
        qconfig: Quantiser configuration; `default_qconfig` if None.
        mode: Mode of the layers.

    Returns:
        What was converted and what was not.

    Raises:
        LookupError: A name or type in ``include`` or ``exclude`` matches no layer.
        ValueError: A quantiser's range does not fit the multiplier's ports, calibration brought no
            batch or did not reach a layer, or the model itself is a single layer.

    Examples:
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> print(approximate(model, calibration=[torch.randn(16, 4)], exclude=["2"]))
        layer      type          fan-in  weights  activation  weight     multiplier
        0.wrapped  ApproxLinear  4       12       0..127      -128..127  exact
        left exact: 2 (Linear)
    """
    chosen = _choose(model, include, tuple(exclude))
    new = wrap_layers(model, lambda _, layer: layer in chosen, qconfig)
    try:
        for _, wrapper in new:
            prepare_qat(wrapper, layer_mapping_dict())  # type: ignore[arg-type]
        _assign(model, multiplier, mode)
        if calibration is not None:
            calibrate(model, calibration)
    except BaseException:
        converted = {wrapper for _, wrapper in new}
        unwrap_layers(model, lambda w: _to_float(w) if w in converted else w)
        raise
    return _summarise(model)


def revert(model: nn.Module) -> nn.Module:
    """Replace a model's approximate layers in place by float layers with the same parameters.

    Args:
        model: A model that was converted with `approximate` or `wrap_quantizable`.

    Returns:
        The same model.

    Examples:
        >>> model = nn.Sequential(nn.Linear(4, 3))
        >>> _ = approximate(model)
        >>> revert(model)
        Sequential(
          (0): Linear(in_features=4, out_features=3, bias=True)
        )
    """
    unwrap_layers(model, _to_float)
    return model


def calibrate(model: nn.Module, batches: Iterable[Any]) -> None:
    """Set the quantisers' scales and zero points from data, and freeze them.

    The model runs in evaluation mode on unquantised values, without gradients.

    Args:
        model: A converted model.
        batches: As ``calibration`` of `approximate`.

    Raises:
        ValueError: There is no batch, or a layer never ran.
    """
    modes = {layer: layer.inference_mode for _, layer in get_approx_modules(model)}
    training = {module: module.training for module in model.modules()}
    model.apply(disable_fake_quant).apply(enable_observer)
    try:
        for layer in modes:
            layer.inference_mode = InferenceMode.QUANTIZED
        _run(model.eval(), batches)
    finally:
        model.apply(enable_fake_quant).apply(disable_observer)
        for layer, mode in modes.items():
            layer.inference_mode = mode
        for module, was_training in training.items():
            module.training = was_training
    for name, wrapper in model.named_modules():
        if isinstance(wrapper, ApproxWrapper) and not has_observed(wrapper.activation_quantiser):
            raise ValueError(f"'calibration' must reach every layer, but {name!r} never ran")


@torch.no_grad()
def _run(model: nn.Module, batches: Iterable[Any]) -> None:
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    empty = True
    for batch in batches:
        empty = False
        if isinstance(batch, Mapping):
            model(**{key: _to(value, device) for key, value in batch.items()})
        else:
            model(_to(batch if isinstance(batch, Tensor) else batch[0], device))
    if empty:
        raise ValueError("'calibration' must bring at least one batch, got none")


def _to(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value


def _choose(
    model: nn.Module, include: Iterable[Selection] | None, exclude: tuple[Selection, ...]
) -> set[nn.Module]:
    types = layer_mapping_dict()
    layers = [(name, layer) for name, layer in model.named_modules() if type(layer) in types]
    wrapped = [
        (name, module.wrapped)
        for name, module in model.named_modules()
        if isinstance(module, ApproxWrapper)
    ]

    def matching(argument: str, selection: Selection) -> set[nn.Module]:
        found = {layer for name, layer in layers + wrapped if _matches(name, layer, selection)}
        if not found:
            names = ", ".join(name for name, _ in layers + wrapped) or "none"
            raise LookupError(f"'{argument}': {selection!r} matches no layer; there are: {names}")
        return found

    chosen = {layer for _, layer in layers}
    if include is not None:
        chosen &= set().union(*(matching("include", selection) for selection in include))
    return chosen.difference(*(matching("exclude", selection) for selection in exclude))


def _matches(name: str, layer: nn.Module, selection: Selection) -> bool:
    if isinstance(selection, str):
        return fnmatch.fnmatchcase(name, selection)
    return isinstance(layer, selection)


def _assign(model: nn.Module, multiplier: Multiplier | None, mode: InferenceMode) -> None:
    for module in model.modules():
        if isinstance(module, ApproxWrapper):
            layer = module.layer
            layer.multiplier = multiplier
            layer.product_table.check_port(
                "activation", quantiser_range(module.activation_quantiser)
            )
            layer.inference_mode = mode


def _to_float(wrapper: ApproxWrapper) -> nn.Module:
    layer = wrapper.wrapped
    return layer.to_float() if isinstance(layer, ApproxLayer) else layer


def _summarise(model: nn.Module) -> ConversionSummary:
    wrappers = {
        module.wrapped: module for module in model.modules() if isinstance(module, ApproxWrapper)
    }
    rows = []
    for name, layer in get_approx_modules(model):
        wrapper = wrappers.get(layer)
        rows.append(
            ConvertedLayer(
                name=name,
                type=type(layer).__name__,
                fan_in=layer.fan_in,
                parameters=layer.weight.numel(),
                activation_range=None
                if wrapper is None
                else quantiser_range(wrapper.activation_quantiser),
                weight_range=quantiser_range(layer.weight_fake_quant),
                multiplier=layer.product_table.name,
            )
        )
    inside = {module for layer in wrappers for module in layer.modules()}
    left = tuple(
        (name, type(module).__name__)
        for name, module in model.named_modules()
        if module not in inside and _multiplies(module)
    )
    return ConversionSummary(tuple(rows), left)


def _multiplies(module: nn.Module) -> bool:
    """Whether a module holds a weight matrix itself; biases and norms are vectors."""
    own = module.parameters(recurse=False)
    return not isinstance(module, nn.Embedding) and any(p.dim() > 1 for p in own)


def _range_text(value_range: tuple[int, int] | None) -> str:
    return "?" if value_range is None else f"{value_range[0]}..{value_range[1]}"
