"""Transposed convolutions on an approximate multiplier."""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.layers.convolution import ConvolutionLayer
from torchapprox.operators.convolution.conv_args import shared_args
from torchapprox.operators.convolution.conv_transpose_args import (
    ConvTranspose1dArgs,
    ConvTranspose2dArgs,
    ConvTranspose3dArgs,
    ConvTransposeArgs,
)
from torchapprox.quantisation.torch_ao import (
    QatConvTranspose1d,
    QatConvTranspose2d,
    QatConvTranspose3d,
    QConfig,
)


class ApproxConvTransposeNd(ConvolutionLayer):
    """A transposed convolution on an approximate multiplier; the base of its kind.

    Every input is multiplied with every tap of the kernel and no inserted zero is, see
    `ConvTransposeOperands`. The weights' quantiser sees them output channels first,
    `(N, C / groups, *kernel)`, so that one per channel (axis 0) has one scale for each output
    channel of each group, as in every other layer.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Size of the kernel along each axis, or one number for all.
        stride: Likewise.
        padding: Likewise; cut off at either end of the output.
        output_padding: Likewise; added at the end of the output.
        groups: Number of groups.
        bias: Whether the layer has a bias.
        dilation: As ``stride``.
        padding_mode: "zeros", the only one that PyTorch has here.
        qconfig: Quantiser configuration of the weights; `default_qconfig` if None.
        learnable_noise: Whether ``stdev`` is a parameter that an optimiser trains.
        device: Device of the parameters.
        dtype: Type of the parameters.
    """

    _EXACT_ON_CODES = False
    _ARGUMENTS = (
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "output_padding",
        "groups",
        "dilation",
    )
    _QAT_MODULE: ClassVar[Any]
    _ARGS: ClassVar[type[ConvTransposeArgs]]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]
    _output_padding: Callable[..., list[int]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        output_padding: int | tuple[int, ...] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, ...] = 1,
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
            output_padding,
            groups,
            bias,
            dilation,
            padding_mode,
            qconfig=qconfig,
            device=device,
            dtype=dtype,
        )
        ApproxLayer.__init__(self, qconfig, learnable_noise)
        self.to(self.weight.device)

    @property
    def conv_args(self) -> ConvTransposeArgs:
        """The arguments of the convolution."""
        return shared_args(
            self._ARGS,
            self.in_channels,
            self.out_channels,
            self.kernel_size,
            self.stride,
            self.padding,
            self.output_padding,
            self.dilation,
            self.groups,
        )

    @property
    def fan_in(self) -> int:
        """Most products in one output; those near the border and of sparse phases have fewer.

        Along an axis, taps that reach one output are stride / gcd(stride, dilation) apart.
        """
        axes = zip(self.kernel_size, self.stride, self.dilation, strict=True)
        taps = math.prod(-(-k // (s // math.gcd(s, d))) for k, s, d in axes)
        return self.in_channels // self.groups * taps

    @property
    def opcount(self) -> int:
        """Multiplications in one forward pass of one sample of the last input's size.

        Every input with every tap, those included whose sum ``padding`` cuts off.

        Raises:
            ValueError: There was no forward pass yet, so that the size is not known.
        """
        products_per_position = self.weight.numel()
        return products_per_position * math.prod(self._last_input_size())

    def forward(
        self, x: Tensor, *args: Any, output_size: Sequence[int] | None = None, **kwargs: Any
    ) -> Tensor:
        """Run the layer in its current mode; see `ApproxLayer.forward`.

        Args:
            x: Fake-quantised activations, `(B, C, *size)`, or `(C, *size)` for one sample.
            args: As `ApproxLayer.forward` takes them.
            output_size: Size of the output, instead of that which ``output_padding`` gives.
            kwargs: As ``args``.

        Raises:
            ValueError: No output padding gives ``output_size``.
        """
        if output_size is None:
            return super().forward(x, *args, **kwargs)
        own, dims = self.output_padding, self.conv_args.DIMS
        geometry = (self.stride, self.padding, self.kernel_size, dims, self.dilation)
        self.output_padding = tuple(self._output_padding(x, list(output_size), *geometry))
        try:
            return super().forward(x, *args, **kwargs)
        finally:
            self.output_padding = own

    def _quantise_weight(self, weight: Tensor) -> Tensor:
        groups, kernel = self.groups, weight.shape[2:]
        by_group = weight.view(groups, -1, *weight.shape[1:]).transpose(1, 2)
        quantised: Tensor = self.weight_fake_quant(by_group.flatten(0, 1))
        return quantised.view(by_group.shape).transpose(1, 2).reshape(-1, weight.shape[1], *kernel)


class ApproxConvTranspose1d(ApproxConvTransposeNd, QatConvTranspose1d):  # type: ignore[misc]
    """`torch.nn.ConvTranspose1d` on an approximate multiplier; see `ApproxConvTransposeNd`.

    Examples:
        >>> import torch
        >>> layer = ApproxConvTranspose1d(4, 2, 3, stride=2)
        >>> layer(torch.randn(1, 4, 6)).shape
        torch.Size([1, 2, 13])
        >>> layer.fan_in, layer.opcount
        (8, 144)
    """

    _FLOAT_MODULE = nn.ConvTranspose1d
    _QAT_MODULE = QatConvTranspose1d
    _ARGS = ConvTranspose1dArgs


class ApproxConvTranspose2d(ApproxConvTransposeNd, QatConvTranspose2d):  # type: ignore[misc]
    """`torch.nn.ConvTranspose2d` on an approximate multiplier; see `ApproxConvTransposeNd`.

    Examples:
        >>> import torch
        >>> layer = ApproxConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1)
        >>> layer(torch.randn(1, 4, 6, 6)).shape
        torch.Size([1, 2, 12, 12])
    """

    _FLOAT_MODULE = nn.ConvTranspose2d
    _QAT_MODULE = QatConvTranspose2d
    _ARGS = ConvTranspose2dArgs


class ApproxConvTranspose3d(ApproxConvTransposeNd, QatConvTranspose3d):  # type: ignore[misc]
    """`torch.nn.ConvTranspose3d` on an approximate multiplier; see `ApproxConvTransposeNd`.

    Examples:
        >>> import torch
        >>> layer = ApproxConvTranspose3d(2, 2, 2, groups=2)
        >>> layer(torch.randn(1, 2, 3, 3, 3)).shape
        torch.Size([1, 2, 4, 4, 4])
    """

    _FLOAT_MODULE = nn.ConvTranspose3d
    _QAT_MODULE = QatConvTranspose3d
    _ARGS = ConvTranspose3dArgs
