"""Two-dimensional convolution of fake-quantised floats on an approximate multiplier."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from htp import HtpCallable
from torchapprox.operators.affine import dequantise
from torchapprox.operators.codes import code_tensor_values, data_range, to_codes
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.htp_product import accurate_htp_model, htp_product
from torchapprox.operators.operand_sink import OperandSink
from torchapprox.operators.quantization_parameters import QuantizationParameters


@dataclass(frozen=True)
class Conv2dArgs:
    """The arguments of a two-dimensional convolution, as `torch.nn.Conv2d` takes them.

    Attributes:
        in_channels: Input channels of all groups.
        out_channels: Output channels of all groups.
        kernel_size: Height and width of the kernel, or one number for both.
        stride: Likewise.
        padding: Likewise, or "valid" or "same".
        dilation: Likewise.
        groups: Number of groups.
    """

    in_channels: int
    out_channels: int
    kernel_size: int | tuple[int, int]
    stride: int | tuple[int, int]
    padding: int | tuple[int, int] | str
    dilation: int | tuple[int, int]
    groups: int

    def backward_args(self) -> dict[str, Any]:
        """Return the keyword arguments of `torch.nn.functional.conv2d`."""
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }

    def use_fast_dwconv(self) -> bool:
        """Whether this is a depthwise convolution without dilation, one output per channel."""
        depthwise = self.groups == self.in_channels == self.out_channels
        return depthwise and _pair(self.dilation) == (1, 1)

    def margins(self) -> tuple[int, int, int, int]:
        """Return the padding as `torch.nn.functional.pad` takes it: left, right, top, bottom.

        "same" puts the odd element of an even kernel's padding at the right and at the bottom, as
        PyTorch does.

        Examples:
            >>> Conv2dArgs(1, 1, (2, 3), 1, "same", 1, 1).margins()
            (1, 1, 0, 1)
        """
        if self.padding == "valid":
            return 0, 0, 0, 0
        if self.padding == "same":
            (height, width), (down, right) = _pair(self.kernel_size), _pair(self.dilation)
            vertical, horizontal = down * (height - 1), right * (width - 1)
            left, top = horizontal // 2, vertical // 2
            return left, horizontal - left, top, vertical - top
        if isinstance(self.padding, str):
            raise ValueError(f"'padding' must be 'valid', 'same' or a number, got {self.padding!r}")
        vertical, horizontal = _pair(self.padding)
        return horizontal, horizontal, vertical, vertical

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the output for an input of the given size.

        Raises:
            ValueError: The padded input is smaller than the dilated kernel.
        """
        left, right, top, bottom = self.margins()
        padded = height + top + bottom, width + left + right
        kernel, dilation = _pair(self.kernel_size), _pair(self.dilation)
        spans = dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1
        if padded[0] < spans[0] or padded[1] < spans[1]:
            raise ValueError(
                f"padded input must be at least as large as the kernel, {spans}, got {padded}"
            )
        down, along = _pair(self.stride)
        return (padded[0] - spans[0]) // down + 1, (padded[1] - spans[1]) // along + 1


class ApproxConv2dOp(torch.autograd.Function):
    """``F.conv2d(x, w)`` with every scalar product computed by an approximate multiplier.

    Call ``ApproxConv2dOp.apply(x, w, quant_params, conv_args, htp_model, out_dims, lut,
    traced_inputs)``. Padding feeds the activations' zero point into the multiplier.

    Args:
        x: Fake-quantised activations, floating point `(B, C, H, W)`.
        w: Fake-quantised weights, floating point `(N, C / groups, KH, KW)`.
        quant_params: How x and w are quantised.
        conv_args: The arguments of the convolution.
        htp_model: Used instead of the table if not None.
        out_dims: Height and width of the output; computed if None.
        lut: Products, int32 `(256, 256)`, row = code of x; the exact product if None.
        traced_inputs: Receives the operands' codes if not None.

    Returns:
        Floating point `(B, N, H_out, W_out)`, dequantised, of the type of ``x``. Its gradients are
        those of the exact convolution (straight-through estimator).

    Raises:
        TypeError: ``lut`` is not int32.
        ValueError: Shapes do not match, or an operand's codes do not fit its port.

    Examples:
        >>> x, w = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)
        >>> one, zero = torch.tensor([1.0]), torch.tensor([0])
        >>> params = QuantizationParameters(one, zero, one, zero)
        >>> args = Conv2dArgs(1, 1, 2, 1, 0, 1, 1)
        >>> ApproxConv2dOp.apply(x, w, params, args, None, None, None, None)
        tensor([[[[4., 4.],
                  [4., 4.]]]])
    """

    @staticmethod
    def forward(  # noqa: D102  documented by the class
        x: Tensor,
        w: Tensor,
        quant_params: QuantizationParameters,
        conv_args: Conv2dArgs,
        htp_model: HtpCallable | None,
        out_dims: tuple[int, int] | None,
        lut: Tensor | None,
        traced_inputs: OperandSink | None,
        max_product: int | None = None,
    ) -> Tensor:
        codes = _ConvCodes.quantise(x, w, quant_params, conv_args)
        height, width = codes.output_size
        if out_dims is not None and tuple(out_dims) != (height, width):
            raise ValueError(f"'out_dims' must be {(height, width)}, got {tuple(out_dims)}")
        if lut is not None or traced_inputs is not None:
            operands = codes.lower()
            if traced_inputs is not None:
                traced_inputs.receive(operands)
        if htp_model is None and lut is not None:
            accumulators = operands.accumulate(lut, max_product=max_product)
            y = dequantise(accumulators, operands.scale[:, None, :], x.dtype)
            # (G, B * H * W, N / G) -> (B, N, H, W)
            y = y.mT.reshape(conv_args.out_channels, len(x), height, width)
            return y.transpose(0, 1).contiguous()
        return codes.htp_product(htp_model or accurate_htp_model(), x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004, D102
        x, w, _, ctx.conv_args = inputs[:4]
        ctx.save_for_backward(x, w)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x, w = ctx.saved_tensors
        args: Conv2dArgs = ctx.conv_args
        margins = left, right, top, bottom = args.margins()
        grad_x, grad_w, _ = torch.ops.aten.convolution_backward(
            grad,
            F.pad(x, margins),
            w,
            None,
            _pair(args.stride),
            (0, 0),
            _pair(args.dilation),
            False,
            (0, 0),
            args.groups,
            (ctx.needs_input_grad[0], ctx.needs_input_grad[1], False),
        )
        if grad_x is not None:
            height, width = grad_x.shape[2:]
            grad_x = grad_x[:, :, top : height - bottom, left : width - right]
        return grad_x, grad_w, None, None, None, None, None, None, None


def lower_conv2d(
    x: Tensor, w: Tensor, params: QuantizationParameters, args: Conv2dArgs
) -> GemmOperands:
    """Return the operand codes of a convolution: one row per output position, one group per group.

    Args:
        x: Fake-quantised activations, floating point `(B, C, H, W)`.
        w: Fake-quantised weights, floating point `(N, C / groups, KH, KW)`.
        params: How they are quantised.
        args: The arguments of the convolution.

    Returns:
        Operands with M = B * H_out * W_out and K = C / groups * KH * KW; an activation of
        position (channel, row, column) in the receptive field has index
        k = (channel * KH + row) * KW + column.

    Raises:
        ValueError: Shapes do not match, or an operand's codes do not fit its port.
    """
    return _ConvCodes.quantise(x, w, params, args).lower()


@dataclass(frozen=True)
class _ConvCodes:
    """A convolution's operands as codes, the activations padded with their zero point's code."""

    x: Tensor  # uint8 (B, C, H, W), padded
    w: Tensor  # uint8 (N, C / groups, KH, KW)
    x_range: tuple[int, int]
    w_range: tuple[int, int]
    x_zero_point: Tensor  # int64 (1,)
    w_zero_point: Tensor  # int64 (N,)
    scale: Tensor  # floating point (N,)
    args: Conv2dArgs
    output_size: tuple[int, int]

    @classmethod
    def quantise(
        cls, x: Tensor, w: Tensor, params: QuantizationParameters, args: Conv2dArgs
    ) -> "_ConvCodes":
        _check_shapes(x, w, args)
        n = args.out_channels
        params.check_channels(n)
        w_scale = params.w_scale.view(-1, 1, 1, 1)
        w_zero_point = params.w_zero_point.view(-1, 1, 1, 1)
        x_range = params.x_range or data_range(x, params.x_scale, params.x_zero_point)
        w_range = params.w_range or data_range(w, w_scale, w_zero_point)
        codes = to_codes(x, params.x_scale, params.x_zero_point, x_range)
        return cls(
            x=_pad(codes, params.x_zero_point, args.margins()),
            w=to_codes(w, w_scale, w_zero_point, w_range).contiguous(),
            x_range=x_range,
            w_range=w_range,
            x_zero_point=params.x_zero_point.view(1).to(torch.int64),
            w_zero_point=params.w_zero_point.view(-1).to(torch.int64).expand(n),
            scale=(params.x_scale * params.w_scale).view(-1).expand(n),
            args=args,
            output_size=args.output_size(*x.shape[2:]),
        )

    def lower(self) -> GemmOperands:
        groups = self.args.groups
        batch, channels, _, _ = self.x.shape
        kernel_size = _pair(self.args.kernel_size)
        (down, along), (row_step, column_step) = _pair(self.args.stride), _pair(self.args.dilation)
        image, channel, row, column = self.x.stride()
        # Receptive fields as a view: (C, KH, KW, B, H_out, W_out), then one copy. Rows of the
        # operand come out contiguous along the output positions, as the kernels read them.
        fields = self.x.as_strided(
            (channels, *kernel_size, batch, *self.output_size),
            (channel, row * row_step, column * column_step, image, row * down, column * along),
        )
        rows = batch * self.output_size[0] * self.output_size[1]
        return GemmOperands(
            x_codes=fields.reshape(groups, channels // groups * self.w[0, 0].numel(), rows).mT,
            w_codes=self.w.view(groups, -1, self.w[0].numel()),
            x_range=self.x_range,
            w_range=self.w_range,
            x_zero_point=self.x_zero_point,
            w_zero_point=self.w_zero_point.reshape(groups, -1),
            scale=self.scale.reshape(groups, -1),
        )

    def htp_product(self, model: HtpCallable, dtype: torch.dtype) -> Tensor:
        unpadded = {**self.args.backward_args(), "padding": 0}
        accumulators = htp_product(
            model,
            F.conv2d,
            code_tensor_values(self.x, signed=self.x_range[0] < 0),
            code_tensor_values(self.w, signed=self.w_range[0] < 0),
            unpadded,
            x_zero_point=self.x_zero_point,
            w_zero_point=self.w_zero_point.view(1, -1, 1, 1),
        )
        return dequantise(accumulators, self.scale.view(1, -1, 1, 1), dtype)


def _check_shapes(x: Tensor, w: Tensor, args: Conv2dArgs) -> None:
    if x.dim() != 4 or x.shape[1] != args.in_channels:
        raise ValueError(f"'x' must be (B, {args.in_channels}, H, W), got {tuple(x.shape)}")
    expected = (
        args.out_channels,
        args.in_channels // args.groups,
        *_pair(args.kernel_size),
    )
    if tuple(w.shape) != expected:
        raise ValueError(f"'w' must be {expected}, got {tuple(w.shape)}")


def _pad(codes: Tensor, zero_point: Tensor, margins: tuple[int, int, int, int]) -> Tensor:
    if not any(margins):
        return codes.contiguous()
    # A tensor instead of F.pad's number, so that a zero point on a device is not waited for.
    left, right, top, bottom = margins
    batch, channels, height, width = codes.shape
    padded = zero_point.to(torch.int16).to(torch.uint8).view(1, 1, 1, 1)
    padded = padded.repeat(batch, channels, height + top + bottom, width + left + right)
    padded[:, :, top : top + height, left : left + width] = codes
    return padded


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)
