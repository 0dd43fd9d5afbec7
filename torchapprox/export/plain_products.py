"""Products on a factorised multiplier in ordinary operations.

    sum_k lut[x, w] = sum_k sum_t left[x, t] right[t, w],

so that a product is one look-up of r numbers for each operand, in ONNX a Gather, and one ordinary
product with r times the terms: MatMul or Conv. All sums are integers that the floating-point type
holds exactly: float32 where the factorisation's bound allows, for matrices else float64, for
convolutions else float32 for some input channels at a time, added in float64.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from htp import Factorisation
from torchapprox.export.plain_quantiser import PlainQuantiser
from torchapprox.layers import ApproxMatmul
from torchapprox.layers.approx_conv import ApproxConvNd
from torchapprox.layers.approx_linear import ApproxLinear
from torchapprox.operators.convolution.conv_args import ConvArgs
from torchapprox.operators.convolution.padding import pad_reals


class _Factors(nn.Module):
    left: Tensor
    right: Tensor

    def __init__(self, factors: Factorisation) -> None:
        super().__init__()
        self.register_buffer("left", torch.tensor(factors.left, dtype=torch.float32))
        self.register_buffer("right", torch.tensor(factors.right.T.copy(), dtype=torch.float32))
        self.float32_depth: int = factors.exact_depth("float32")

    def of_x(self, integers: Tensor) -> Tensor:
        """Return the features of activations, `(..., r)`."""
        return F.embedding(_codes(integers), self.left)

    def of_w(self, integers: Tensor) -> Tensor:
        """Return the features of weights, `(..., r)`."""
        return F.embedding(_codes(integers), self.right)

    def matmul(self, x: Tensor, columns: Tensor) -> Tensor:
        """Return the sums for activations `(..., M, K)` and features `(..., N, K, r)`, integers."""
        dtype = torch.float32 if x.shape[-1] <= self.float32_depth else torch.float64
        rows = self.of_x(x).flatten(-2)
        return torch.matmul(rows.to(dtype), columns.flatten(-2).to(dtype).transpose(-1, -2))


class _AffineLayer(nn.Module):
    """What layers with weights have in common: their constants, by output channel.

    Attributes:
        w_features: Features of the weights.
        offset: Zero-point terms that do not depend on the activations, float64.
        w_zero: Zero points of the weights, float64.
        scale: Product of the operands' scales.
        bias: The bias, with its correction.
    """

    w_features: Tensor
    offset: Tensor
    w_zero: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(
        self,
        layer: ApproxLinear | ApproxConvNd,
        quantiser: PlainQuantiser,
        factors: Factorisation,
    ) -> None:
        super().__init__()
        self.quantiser: PlainQuantiser = quantiser
        self.factors: _Factors = _Factors(factors)
        weights = PlainQuantiser(layer.weight_fake_quant)
        integers = weights.integers(layer.weight.detach().float())
        channels, w_sums = len(integers), integers.flatten(1).double().sum(1)
        w_zero = weights.zero_point.double().expand(channels).clone()
        bias = torch.zeros(channels) if layer.bias is None else layer.bias.detach().float().clone()
        if layer.bias_correction is not None:
            bias = bias + layer.bias_correction
        constants = {
            "w_features": self._arranged(self.factors.of_w(integers)),
            "w_zero": w_zero,
            "offset": quantiser.zero * (w_sums - layer.fan_in * w_zero),
            "scale": (quantiser.scale * weights.scale).expand(channels).clone(),
            "bias": bias,
        }
        for name, constant in constants.items():
            self.register_buffer(name, constant)
        self.has_w_zero: bool = bool(w_zero.any())

    def _arranged(self, features: Tensor) -> Tensor:
        return features


class PlainLinear(_AffineLayer):
    """A linear layer; arguments as `plain_model` finds them."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output."""
        integers = self.quantiser.integers(x)
        sums = self.factors.matmul(integers, self.w_features).double() - self.offset
        if self.has_w_zero:
            sums = sums - integers.double().sum(-1, keepdim=True) * self.w_zero
        return sums.float() * self.scale + self.bias


class PlainConv(_AffineLayer):
    """A convolution; arguments as `plain_model` finds them."""

    def __init__(
        self, layer: ApproxConvNd, quantiser: PlainQuantiser, factors: Factorisation
    ) -> None:
        super().__init__(layer, quantiser, factors)
        self.args: ConvArgs = layer.conv_args
        taps = layer.weight[0, 0].numel()
        self.channels_at_once: int = self.factors.float32_depth // taps
        if self.channels_at_once < 1:
            raise NotImplementedError(
                f"float32 holds {self.factors.float32_depth} products of this multiplier exactly, "
                f"and one channel of the kernel has {taps}; exclude the layer"
            )

    def _arranged(self, features: Tensor) -> Tensor:
        return features.movedim(features.dim() - 1, 2).contiguous()

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output."""
        args, dims = self.args, self.args.DIMS
        integers = self.quantiser.integers(x)
        margins, zero = args.margins(), self.quantiser.zero
        # Padding feeds the zero point into the multiplier.
        padded = pad_reals(integers - zero, margins, args.padding_mode) + zero
        sums = self._sums(padded) - self._by_channel(self.offset, dims)
        if self.has_w_zero:
            groups = args.groups
            by_group = _unflatten(padded, groups).sum(2)
            ones = by_group.new_ones(groups, 1, *args.axes("kernel_size"))
            x_sums = self._conv(by_group, ones, groups).double()
            x_sums = x_sums.repeat_interleave(args.out_channels // groups, dim=1)
            sums = sums - x_sums * self._by_channel(self.w_zero, dims)
        return sums.float() * self._by_channel(self.scale, dims) + self._by_channel(self.bias, dims)

    def _sums(self, padded: Tensor) -> Tensor:
        """Return the sums of products, float64, for as many channels at a time as are exact."""
        groups, w = self.args.groups, self.w_features
        # To an axis of the groups, one of their channels and one of the features.
        features = self.factors.of_x(padded).movedim(padded.dim(), 2)
        x = _unflatten(features, groups)
        total = padded.new_zeros((), dtype=torch.float64)
        for first in range(0, w.shape[1], self.channels_at_once):
            part = slice(first, first + self.channels_at_once)
            sums = self._conv(x[:, :, part].flatten(1, 3), w[:, part].flatten(1, 2), groups)
            total = total + sums.double()
        return total

    def _conv(self, x: Tensor, w: Tensor, groups: int) -> Tensor:
        args = self.args
        convolve = args.FUNCTION
        return convolve(
            x, w, stride=args.axes("stride"), dilation=args.axes("dilation"), groups=groups
        )

    @staticmethod
    def _by_channel(vector: Tensor, dims: int) -> Tensor:
        return vector.view(-1, *[1] * dims)


class PlainMatmul(nn.Module):
    """A product of two activations; arguments as `plain_model` finds them."""

    scale: Tensor

    def __init__(self, layer: ApproxMatmul, factors: Factorisation) -> None:
        super().__init__()
        self.x_quantiser: PlainQuantiser = PlainQuantiser(layer.activation_fake_quant)
        self.w_quantiser: PlainQuantiser = PlainQuantiser(layer.weight_fake_quant)
        self.factors: _Factors = _Factors(factors)
        self.register_buffer("scale", self.x_quantiser.scale * self.w_quantiser.scale)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Return the product of matrices `(..., M, K)` and `(..., K, N)`."""
        rows = self.x_quantiser.integers(x)
        columns = self.w_quantiser.integers(w).transpose(-1, -2)
        zx, zw = self.x_quantiser.zero, self.w_quantiser.zero
        sums = self.factors.matmul(rows, self.factors.of_w(columns)).double()
        sums = sums - zw * rows.double().sum(-1)[..., :, None]
        sums = sums - zx * (columns.double().sum(-1) - zw * x.shape[-1])[..., None, :]
        return sums.float() * self.scale


def _unflatten(by_channel: Tensor, groups: int) -> Tensor:
    batch, channels, *others = by_channel.shape
    return by_channel.reshape(batch, groups, channels // groups, *others)


def _codes(integers: Tensor) -> Tensor:
    # A negative integer's code is its two's complement bit pattern.
    return torch.where(integers < 0, integers + 256, integers).to(torch.int64)
