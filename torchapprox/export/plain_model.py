"""A converted model as one that needs nothing but PyTorch's ordinary operations."""

import copy
from typing import Any

from torch import Tensor, nn

from htp import Factorisation, factorise
from htp.factorisation.factorise import DEFAULT_MAX_RANK
from multipliers import Multiplier, exact_products
from multipliers.parameters import check_kind
from torchapprox.conversion.wrapping import get_approx_modules
from torchapprox.export.plain_products import PlainConv, PlainLinear, PlainMatmul
from torchapprox.export.plain_quantiser import PlainQuantiser, is_frozen
from torchapprox.layers import ApproxLayer, ApproxMatmul, ApproxWrapper, InferenceMode
from torchapprox.layers.approx_conv import ApproxConvNd
from torchapprox.layers.approx_linear import ApproxLinear


class PlainQuantised(nn.Module):
    """A layer in QUANTIZED mode: fake-quantised operands and the exact layer."""

    def __init__(self, layer: ApproxLayer, quantiser: nn.Module) -> None:
        super().__init__()
        self.x_quantiser: PlainQuantiser = PlainQuantiser(quantiser)
        self.w_quantiser: PlainQuantiser = PlainQuantiser(layer.weight_fake_quant)
        self.layer: nn.Module = layer.to_float()

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output."""
        layer: Any = self.layer
        weight = self.w_quantiser(layer.weight)
        y: Tensor
        if isinstance(layer, nn.Linear):
            y = nn.functional.linear(self.x_quantiser(x), weight, layer.bias)
        else:
            y = layer._conv_forward(self.x_quantiser(x), weight, layer.bias)  # noqa: SLF001
        return y


class PlainQuantisedMatmul(nn.Module):
    """A product of two activations in QUANTIZED mode."""

    def __init__(self, layer: ApproxMatmul) -> None:
        super().__init__()
        self.x_quantiser: PlainQuantiser = PlainQuantiser(layer.activation_fake_quant)
        self.w_quantiser: PlainQuantiser = PlainQuantiser(layer.weight_fake_quant)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Return the product."""
        product: Tensor = self.x_quantiser(x) @ self.w_quantiser(w)
        return product


def plain_model(model: nn.Module, *, max_rank: int = DEFAULT_MAX_RANK) -> nn.Module:
    """Return a copy of a model whose approximate layers are ordinary operations.

    What a layer computes is that of its present mode. QUANTIZED becomes fake-quantisers and the
    exact layer; APPROXIMATE becomes quantisation, a look-up of the factors of each operand's code
    and one matrix product or convolution, with the same integers. The copy is in evaluation mode,
    without checks of its input, and needs neither tables nor kernels: `torch.export`, ONNX and
    others take it. Scales are constants in it, and bias corrections part of the biases.

    Args:
        model: A converted model with frozen quantisers, in float32.
        max_rank: Rank of a table above which a layer is refused.

    Raises:
        RuntimeError: A quantiser still observes, or is switched off.
        NotImplementedError: A layer is in NOISE mode, of a type that has no plain form
            (transposed convolutions), or has an accumulator or an HTP model.
        htp.RankError: The rank of a layer's table is too high.

    Examples:
        >>> import torch, torchapprox
        >>> from multipliers import get
        >>> model, x = nn.Sequential(nn.Linear(4, 3)), torch.randn(8, 4)
        >>> _ = torchapprox.approximate(model, get("mul8s_bam_h0_v8"), calibration=[x])
        >>> bool((plain_model(model)(x) == model(x)).all())
        True
    """
    check_kind("model", model, nn.Module)
    plain = copy.deepcopy(model).eval()
    _check(plain)
    _replace(plain, max_rank)
    return plain


def _check(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if not is_frozen(module):
            raise RuntimeError(
                f"quantiser {name!r} must be frozen and on: call torchapprox.calibrate, or "
                "model.apply(torch.ao.quantization.disable_observer)"
            )
    for name, layer in get_approx_modules(model):
        if layer.inference_mode is InferenceMode.NOISE:
            raise NotImplementedError(
                f"layer {name!r} is in NOISE mode, which is for training; export QUANTIZED or "
                "APPROXIMATE mode"
            )
        if not isinstance(layer, ApproxLinear | ApproxConvNd | ApproxMatmul):
            raise NotImplementedError(
                f"layer {name!r} ({type(layer).__name__}) has no plain form; exclude it from the "
                "conversion"
            )
        if layer.accumulator is not None or layer.htp_model is not None:
            raise NotImplementedError(
                f"layer {name!r} has an accumulator or an HTP model, which have no plain form; "
                "set them to None"
            )


def _replace(parent: nn.Module, max_rank: int) -> None:
    for name, child in parent.named_children():
        if isinstance(child, ApproxWrapper):
            replacement = _plain_layer(child.layer, child.activation_quantiser, max_rank)
            setattr(parent, name, replacement)
        elif isinstance(child, ApproxMatmul):
            setattr(parent, name, _plain_matmul(child, max_rank))
        else:
            _replace(child, max_rank)


def _plain_layer(layer: ApproxLayer, quantiser: nn.Module, max_rank: int) -> nn.Module:
    if layer.inference_mode is InferenceMode.QUANTIZED:
        return PlainQuantised(layer, quantiser)
    factors, own = _factors(layer, max_rank), PlainQuantiser(quantiser)
    if isinstance(layer, ApproxLinear):
        return PlainLinear(layer, own, factors)
    if not isinstance(layer, ApproxConvNd):
        raise TypeError(f"no plain form of {type(layer).__name__}")
    return PlainConv(layer, own, factors)


def _plain_matmul(layer: ApproxMatmul, max_rank: int) -> nn.Module:
    if layer.inference_mode is InferenceMode.QUANTIZED:
        return PlainQuantisedMatmul(layer)
    return PlainMatmul(layer, _factors(layer, max_rank))


def _factors(layer: ApproxLayer, max_rank: int) -> Factorisation:
    multiplier = layer.multiplier
    if multiplier is None:
        ranges = layer._operand_ranges()  # noqa: SLF001
        signed = [(ranges[name] or (-1, 0))[0] < 0 for name in ("activation", "weight")]
        multiplier = Multiplier.from_lut(
            exact_products(*signed), x_signed=signed[0], w_signed=signed[1]
        )
    return factorise(multiplier, max_rank=max_rank)
