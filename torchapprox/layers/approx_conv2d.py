"""Two-dimensional convolution on an approximate multiplier."""

import math
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.operators.conv2d import ApproxConv2dOp, Conv2dArgs, lower_conv2d
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.quantization_parameters import QuantizationParameters
from torchapprox.quantization import QatConv2d, QConfig


class ApproxConv2d(ApproxLayer, QatConv2d):  # type: ignore[misc]
    """`torch.nn.Conv2d` on an approximate multiplier.

    Zero padding feeds the code of the activations' zero point into the multiplier.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Height and width of the kernel, or one number for both.
        stride: Likewise.
        padding: Likewise, or "valid" or "same".
        dilation: Likewise.
        groups: Number of groups.
        bias: Whether the layer has a bias.
        padding_mode: "zeros".
        qconfig: Quantiser configuration of the weights; `default_qconfig` if None.
        learnable_noise: Whether ``stdev`` is a parameter that an optimiser trains.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        NotImplementedError: ``padding_mode`` is not "zeros".

    Examples:
        >>> import torch
        >>> layer = ApproxConv2d(4, 8, 3, padding="same", groups=2)
        >>> layer(torch.randn(1, 4, 6, 6)).shape
        torch.Size([1, 8, 6, 6])
        >>> layer.fan_in, layer.opcount
        (18, 5184)
    """

    _FLOAT_MODULE = nn.Conv2d
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] | str
    dilation: tuple[int, int]
    groups: int

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
        if padding_mode != "zeros":
            raise NotImplementedError(
                f"'padding_mode' must be 'zeros', got {padding_mode!r}; "
                "exclude the layer from the conversion or pad the input with F.pad before it"
            )
        qconfig = qconfig or self.default_qconfig()
        QatConv2d.__init__(
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
        self._output_dims: tuple[int, int] | None = None

    @classmethod
    def from_float(
        cls,
        mod: nn.Conv2d,
        use_precomputed_fake_quant: bool = False,  # noqa: ARG003  torch passes it to every layer
    ) -> "ApproxConv2d":
        """Make an approximate layer that shares a float layer's parameters.

        Args:
            mod: The layer; its ``qconfig`` is used if it has one.
            use_precomputed_fake_quant: Not used; part of the interface of ``prepare_qat``.
        """
        layer = cls(
            mod.in_channels,
            mod.out_channels,
            mod.kernel_size,
            stride=mod.stride,
            padding=mod.padding,
            dilation=mod.dilation,
            groups=mod.groups,
            bias=mod.bias is not None,
            padding_mode=mod.padding_mode,
            qconfig=getattr(mod, "qconfig", None),
            device=mod.weight.device,
            dtype=mod.weight.dtype,
        )
        layer._take_parameters(mod)
        return layer

    @classmethod
    def from_conv2d(cls, conv: nn.Conv2d) -> "ApproxConv2d":
        """Make an approximate layer from a float layer; the same as `from_float`."""
        return cls.from_float(conv)

    @classmethod
    def from_super(cls, conv: nn.Conv2d) -> "ApproxConv2d":
        """Make an approximate layer from a float layer; the same as `from_float`."""
        return cls.from_float(conv)

    def to_float(self) -> nn.Conv2d:
        """Return the float layer with the same parameters, shared."""
        conv = nn.Conv2d(
            self.in_channels,
            self.out_channels,
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            bias=self.bias is not None,
            device="meta",
        )
        conv.weight = self.weight
        conv.register_parameter("bias", self.bias)
        return conv.train(self.training)

    @property
    def conv_args(self) -> Conv2dArgs:
        """The arguments of the convolution."""
        return Conv2dArgs(
            self.in_channels,
            self.out_channels,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
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
        if self._output_dims is None:
            raise ValueError("'opcount' needs the size of the input: run a forward pass first")
        return self.fan_in * self.out_channels * math.prod(self._output_dims)

    def output_dims(self, x: Tensor) -> tuple[int, int]:
        """Return height and width of the output for an input `(B, C, H, W)` or `(C, H, W)`."""
        return self.conv_args.output_size(*x.shape[-2:])

    def quant_fwd(self, x_q: Tensor, w_q: Tensor) -> Tensor:
        """Return the exact layer on fake-quantised floats, without the bias."""
        return F.conv2d(x_q, w_q, **self.conv_args.backward_args())

    def approx_fwd(self, x_q: Tensor, w_q: Tensor, quant_params: QuantizationParameters) -> Tensor:
        """Return the layer on the multiplier's products, without the bias.

        Args:
            x_q: Fake-quantised activations, floating point `(B, C, H, W)`.
            w_q: Fake-quantised weights, floating point `(N, C / groups, KH, KW)`.
            quant_params: How they are quantised.
        """
        y: Tensor = ApproxConv2dOp.apply(  # type: ignore[no-untyped-call]
            x_q,
            w_q,
            quant_params,
            self.conv_args,
            self.htp_model,
            None,
            self.lut,
            None,
            self.product_table.max_product,
        )
        return y

    def lower(self, x_q: Tensor, w_q: Tensor, quant_params: QuantizationParameters) -> GemmOperands:
        """Return the operand codes that `approx_fwd` multiplies; arguments as there."""
        return lower_conv2d(x_q, w_q, quant_params, self.conv_args)

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Run the layer in its current mode; see `ApproxLayer.forward`.

        Args:
            x: Fake-quantised activations, `(B, C, H, W)`, or `(C, H, W)` for one sample.
            args: As `ApproxLayer.forward` takes them.
            kwargs: Likewise.
        """
        if x.dim() not in (3, 4) or x.shape[-3] != self.in_channels:
            raise ValueError(
                f"'x' must be (B, {self.in_channels}, H, W) or ({self.in_channels}, H, W), "
                f"got {tuple(x.shape)}"
            )
        batch = x if x.dim() == 4 else x[None]
        self._output_dims = self.output_dims(batch)
        y = ApproxLayer.forward(self, batch, *args, **kwargs)
        return y if x.dim() == 4 else y[0]

    def _add_bias(self, y: Tensor, bias: Tensor) -> Tensor:
        return y + bias.view(1, -1, 1, 1)
