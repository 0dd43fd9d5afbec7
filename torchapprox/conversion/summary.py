"""What a conversion did to a model, as a value that prints as a table."""

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

from torchapprox.conversion.wrapping import get_approx_modules
from torchapprox.layers import (
    ApproxLayer,
    ApproxWrapper,
    Matmul,
    ScaledDotProductAttention,
    convertible_types,
    is_composite,
)
from torchapprox.quantisation.torch_ao import describe_quantiser, quantiser_range
from torchapprox.text_table import text_table

_MULTIPLY = (nn.Linear, nn.Bilinear, _ConvNd, Matmul, ScaledDotProductAttention)


@dataclass(frozen=True, slots=True)
class ConvertedLayer:
    """One row of a `ConversionSummary`.

    Attributes:
        name: Name of the layer in the model.
        type: Name of the layer's type.
        fan_in: Products in one output; None for a layer whose input decides, before it ran.
        parameters: Number of weights.
        macs: Multiplications in one forward pass of one sample, of the size that ran last; None
            before the layer ran.
        activation: Codes, scheme and observer of the activations' quantiser, as text.
        weight: The same of the weights' quantiser.
        activation_range: Least and greatest code of the activations.
        weight_range: Least and greatest code of the weights.
        mode: Name of the layer's mode.
        multiplier: Name of the multiplier; "exact" without a table.
    """

    name: str
    type: str
    fan_in: int | None
    parameters: int
    macs: int | None
    activation: str
    weight: str
    activation_range: tuple[int, int] | None
    weight_range: tuple[int, int] | None
    mode: str
    multiplier: str


@dataclass(frozen=True, slots=True)
class ConversionSummary:
    """What `approximate` did to a model; as text a table.

    Attributes:
        layers: The approximate layers, in the model's order.
        left_exact: Name and type of every module that was left as it is and has a matrix of its own
            or multiplies activations; `coverage` tells whether it multiplies, and how much.
        folded: Name of every batch normalisation that was folded away.
    """

    layers: tuple[ConvertedLayer, ...]
    left_exact: tuple[tuple[str, str], ...]
    folded: tuple[str, ...] = ()

    def __str__(self) -> str:
        header = ("layer", "type", "fan-in", "weights", "MACs", "activation", "weight",
                  "multiplier")  # fmt: skip
        rows = [
            (
                row.name,
                row.type,
                "?" if row.fan_in is None else str(row.fan_in),
                str(row.parameters),
                "?" if row.macs is None else str(row.macs),
                row.activation,
                row.weight,
                row.multiplier,
            )
            for row in self.layers
        ]
        lines = [text_table(header, rows)]
        lines += [
            f"left exact: {name or 'the model itself'} ({kind})" for name, kind in self.left_exact
        ]
        lines += [f"folded: {name}" for name in self.folded]
        return "\n".join(lines)


def summarise(model: nn.Module, *, ran: bool, folded: tuple[str, ...] = ()) -> ConversionSummary:
    """Describe the approximate layers of a model, and the layers with weights that are not.

    Args:
        model: A converted model.
        ran: Whether every layer ran, so that it knows how much it multiplies.
        folded: Names of the batch normalisations that were folded away.
    """
    wrappers = {
        module.wrapped: module for module in model.modules() if isinstance(module, ApproxWrapper)
    }
    rows = tuple(
        _row(name, layer, wrappers.get(layer), ran=ran) for name, layer in get_approx_modules(model)
    )
    inside = {module for _, layer in get_approx_modules(model) for module in layer.modules()}
    left = tuple(
        (name, _kind(module))
        for name, module in model.named_modules()
        if module not in inside and _multiplies(module)
    )
    return ConversionSummary(rows, left, folded)


def _row(
    name: str, layer: ApproxLayer, wrapper: ApproxWrapper | None, *, ran: bool
) -> ConvertedLayer:
    quantisers = dict(layer.operand_quantisers)
    if wrapper is not None:
        quantisers["activation"] = wrapper.activation_quantiser
    activation, weight = quantisers.get("activation"), quantisers["weight"]
    own_weight = getattr(layer, "weight", None)
    return ConvertedLayer(
        name=name,
        type=type(layer).__name__,
        fan_in=_if_known(layer, "fan_in"),
        parameters=0 if own_weight is None else own_weight.numel(),
        macs=_if_known(layer, "opcount") if ran else None,
        activation=describe_quantiser(activation),
        weight=describe_quantiser(weight),
        activation_range=None if activation is None else quantiser_range(activation),
        weight_range=quantiser_range(weight),
        mode=layer.inference_mode.name,
        multiplier=layer.product_table.name,
    )


def _if_known(layer: ApproxLayer, count: str) -> int | None:
    """Return a count of a layer, None where it depends on an input and there was none yet."""
    try:
        return int(getattr(layer, count))
    except ValueError:
        return None


def _kind(module: nn.Module) -> str:
    """Return the name of a module's type, in full where a type that is converted has the same."""
    kind = type(module)
    alike = any(kind.__name__ == each.__name__ for each in convertible_types() - {kind})
    return f"{kind.__module__}.{kind.__qualname__}" if alike else kind.__name__


def _multiplies(module: nn.Module) -> bool:
    """Whether a module multiplies itself: with a weight matrix, or two activations.

    Biases and norms are vectors, and so are the scales and tokens `(C, 1, 1)` and `(1, 1, C)` of
    vision networks; what has one sample, as embeddings of positions `(1, N, C)`, is added. Those of
    composite modules are no matrices, whatever their shape. The factors of a parametrised weight
    belong to its layer.
    """
    if isinstance(module, _MULTIPLY):
        return True
    if is_composite(module) or isinstance(module, (nn.Embedding, ParametrizationList)):
        return False
    own = list(module.parameters(recurse=False))
    if is_parametrized(module):
        parametrised = cast("nn.ModuleDict", module.parametrizations)
        own += [getattr(module, name) for name in parametrised]
    return any(p.dim() > 1 and not _is_elementwise(p) for p in own)


def _is_elementwise(parameter: Tensor) -> bool:
    """Whether a parameter of an unknown module has the shape of one that no product sums over."""
    first = parameter.shape[0]
    return parameter.dim() > 2 and (first == 1 or parameter.numel() == first)
