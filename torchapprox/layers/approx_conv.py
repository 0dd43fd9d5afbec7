"""Convolutions in one, two and three dimensions on an approximate multiplier."""

import math
from typing import Any, ClassVar

from torch import Tensor, nn

from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.layers.convolution import ConvolutionLayer
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.convolution.conv import product_operands
from torchapprox.operators.convolution.conv_args import (
    Conv1dArgs,
    Conv2dArgs,
    Conv3dArgs,
    ConvArgs,
    shared_args,
)
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.prepared_products import (
    OperandForms,
    Product,
    RealProduct,
    prepared_conv,
)
from torchapprox.quantisation.torch_ao import QatConv1d, QatConv2d, QatConv3d, QConfig


class ApproxConvNd(ConvolutionLayer):
    """A convolution on an approximate multiplier; the base of `ApproxConv2d` and its like.

    Padding with zeros feeds the code of the activations' zero point into the multiplier, the other
    padding modes feed activations.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Size of the kernel along each axis, or one number for all.
        stride: Likewise.
        padding: Likewise, or "valid" or "same".
        dilation: Likewise.
        groups: Number of groups.
        bias: Whether the layer has a bias.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        qconfig: Quantiser configuration of the weights; `default_qconfig` if None.
        learnable_noise: Whether ``stdev`` is a parameter that an optimiser trains.
        device: Device of the parameters.
        dtype: Type of the parameters.
    """

    _ARGUMENTS = (
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "groups",
        "padding_mode",
    )
    _QAT_MODULE: ClassVar[Any]
    _ARGS: ClassVar[type[ConvArgs]]
    padding_mode: str

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        qconfig: QConfig | None = None,
        learnable_noise: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        qconfig = qconfig or self.default_qconfig()
        self._QAT_MODULE.__init__(
            self,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            qconfig=qconfig,
            device=device,
            dtype=dtype,
        )
        ApproxLayer.__init__(self, qconfig, learnable_noise)
        self.to(self.weight.device)

    @property
    def conv_args(self) -> ConvArgs:
        """The arguments of the convolution."""
        return shared_args(
            self._ARGS,
            self.in_channels,
            self.out_channels,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.padding_mode,
        )

    @property
    def fan_in(self) -> int:
        """Size of a receptive field within one group."""
        return self.in_channels // self.groups * math.prod(self.kernel_size)

    @property
    def opcount(self) -> int:
        """Multiplications in one forward pass of one sample of the last input's size.

        Raises:
            ValueError: There was no forward pass yet, so that the size is not known.
        """
        return self.fan_in * self.out_channels * math.prod(self._last_output_size())

    def prepared(self, x: Tensor, forms: OperandForms) -> Product | None:
        """Return the layer's product; see `ApproxLayer.prepared`."""
        return prepared_conv(x, self.conv_args, forms)

    def operands_of(self, product: RealProduct, params: QuantizationParameters) -> GemmOperands:
        """Return the operands of what `prepared` computed; see `ApproxLayer.operands_of`."""
        return product_operands(product, self.conv_args, params, self.accumulator, self.engine)


class ApproxConv1d(ApproxConvNd, QatConv1d):  # type: ignore[misc]
    """`torch.nn.Conv1d` on an approximate multiplier; arguments as of `ApproxConvNd`.

    Examples:
        >>> import torch
        >>> layer = ApproxConv1d(4, 8, 3, padding=1, padding_mode="circular")
        >>> layer(torch.randn(1, 4, 6)).shape
        torch.Size([1, 8, 6])
    """

    _EVALUATED = True
    _FLOAT_MODULE = nn.Conv1d
    _QAT_MODULE = QatConv1d
    _ARGS = Conv1dArgs


class ApproxConv2d(ApproxConvNd, QatConv2d):  # type: ignore[misc]
    """`torch.nn.Conv2d` on an approximate multiplier; arguments as of `ApproxConvNd`.

    Examples:
        >>> import torch
        >>> layer = ApproxConv2d(4, 8, 3, padding="same", groups=2)
        >>> layer(torch.randn(1, 4, 6, 6)).shape
        torch.Size([1, 8, 6, 6])
        >>> layer.fan_in, layer.opcount
        (18, 5184)
    """

    _EVALUATED = True
    _FLOAT_MODULE = nn.Conv2d
    _QAT_MODULE = QatConv2d
    _ARGS = Conv2dArgs

    @classmethod
    def from_conv2d(cls, conv: nn.Conv2d) -> "ApproxConv2d":
        """Make an approximate layer from a float layer; the same as `from_float`."""
        return cls.from_float(conv)


class ApproxConv3d(ApproxConvNd, QatConv3d):  # type: ignore[misc]
    """`torch.nn.Conv3d` on an approximate multiplier; arguments as of `ApproxConvNd`.

    Examples:
        >>> import torch
        >>> layer = ApproxConv3d(2, 3, 3, stride=2, padding=1)
        >>> layer(torch.randn(1, 2, 4, 6, 6)).shape
        torch.Size([1, 3, 2, 3, 3])
    """

    _EVALUATED = True
    _FLOAT_MODULE = nn.Conv3d
    _QAT_MODULE = QatConv3d
    _ARGS = Conv3dArgs
