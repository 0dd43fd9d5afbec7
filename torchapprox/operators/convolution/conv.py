"""Convolutions of fake-quantised floats on an approximate multiplier."""

from typing import Any

import torch
from torch import Tensor

from htp import HtpCallable
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.affine.zero_points import dequantise
from torchapprox.operators.autocast import without_autocast
from torchapprox.operators.convolution.conv_args import ConvArgs
from torchapprox.operators.convolution.conv_operands import ConvOperands
from torchapprox.operators.convolution.conv_transpose_args import ConvTransposeArgs
from torchapprox.operators.convolution.conv_transpose_operands import ConvTransposeOperands
from torchapprox.operators.convolution.padding import pad_codes
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.gradients.conv_form import ConvForm
from torchapprox.operators.gradients.product_gradient import ProductGradient, estimated_gradients
from torchapprox.operators.htp_product import accurate_htp_model, takes_table
from torchapprox.operators.operand import OperandCodes, OperandPair
from torchapprox.operators.operand_sink import OperandSink
from torchapprox.operators.prepared_products import RealProduct
from torchapprox.operators.real_products import operand_codes, real_conv, takes_reals


def conv_operands(
    x: Tensor,
    w: Tensor,
    params: QuantizationParameters,
    args: ConvArgs | ConvTransposeArgs,
    accumulator: Accumulator | None = None,
    engine: str = "auto",
) -> ConvOperands | ConvTransposeOperands:
    """Turn the operands of a convolution or a transposed one into codes.

    Args:
        x: Activations, floating point `(B, C, *size)`; fake-quantised, but where ``params`` says
            otherwise.
        w: Weights, likewise, in PyTorch's layout.
        params: How they are quantised; the weights' scales are by output channel, 1 or N.
        args: The arguments of the convolution.
        accumulator: What sums the products; exact if None.
        engine: Computes the sums; see `torchapprox.lut_matmul`.

    Raises:
        ValueError: Shapes do not match, or an operand's codes do not fit its port.
    """
    _check_shapes(x, w, args)
    params.check_channels(args.out_channels)
    size = args.output_size(*x.shape[2:])
    # Padding with zeros is part of quantisation, other modes repeat codes.
    zeros = isinstance(args, ConvArgs) and args.padding_mode == "zeros"
    margins = args.margins() if isinstance(args, ConvArgs) else ()
    x_codes = params.x_operand.codes(x, margins if zeros else ())
    w_codes = params.w_operand(args.over_weight).codes(w)
    if isinstance(args, ConvArgs) and not zeros:
        zero_point = params.x_zero_point.view(1).to(torch.int64)
        padded = pad_codes(x_codes.codes, zero_point, margins, args.padding_mode)
        x_codes = x_codes.of(padded)
    return _of_codes(x_codes, w_codes, params, args, size, accumulator, engine)


def _of_codes(
    x: OperandCodes,
    w: OperandCodes,
    params: QuantizationParameters,
    args: ConvArgs | ConvTransposeArgs,
    output_size: tuple[int, ...],
    accumulator: Accumulator | None,
    engine: str,
) -> ConvOperands | ConvTransposeOperands:
    """Return the operands of a convolution of codes, the activations padded."""
    n = args.out_channels
    fields: dict[str, Any] = {
        "x_codes": x.codes,
        "w_codes": w.codes.contiguous(),
        "x_range": x.port,
        "w_range": w.port,
        "x_zero_point": params.x_zero_point.view(1).to(torch.int64),
        "w_zero_point": params.w_zero_point.view(-1).to(torch.int64).expand(n),
        "scale": params.product_scale(x.fault, w.fault).expand(n),
        "output_size": output_size,
        "accumulator": accumulator,
        "engine": engine,
        "w_centred": params.w_centred,
    }
    if isinstance(args, ConvTransposeArgs):
        return ConvTransposeOperands(args=args, **fields)
    fields["x_codes"] = x.codes.contiguous()
    return ConvOperands(args=args, **fields)


def _real_conv(
    x: Tensor,
    w: Tensor,
    params: QuantizationParameters,
    args: ConvArgs,
    lut: Tensor,
    sink: OperandSink | None,
    lut_range: tuple[int, int] | None,
    accumulator: Accumulator | None,
    engine: str,
    bias: Tensor | None,
) -> Tensor | None:
    """Return the convolution by one operator, None where it does not take the operands."""
    if not takes_reals(x, params, accumulator):
        return None
    _check_shapes(x, w, args)
    args.output_size(*x.shape[2:])  # refuses one that does not fit
    params.check_channels(args.out_channels)
    product = real_conv(x, w, params, args, lut, lut_range=lut_range, engine=engine, bias=bias)
    if product is None:
        return None
    if sink is not None:
        sink.receive(product_operands(product, args, params, accumulator, engine))
    return product.reals


def product_operands(
    product: RealProduct,
    args: ConvArgs,
    params: QuantizationParameters,
    accumulator: Accumulator | None,
    engine: str,
) -> GemmOperands:
    """Return the operands of a convolution of real numbers, as a matrix product.

    Args:
        product: The convolution.
        args: Its arguments.
        params: How its operands were quantised.
        accumulator: What sums the products; exact if None.
        engine: Computes the sums; see `torchapprox.lut_matmul`.
    """
    codes = operand_codes(product, params)
    size = tuple(product.reals.shape[2:])
    return _of_codes(*codes, params, args, size, accumulator, engine).lower()


def _check_shapes(x: Tensor, w: Tensor, args: ConvArgs | ConvTransposeArgs) -> None:
    if x.dim() != args.DIMS + 2 or x.shape[1] != args.in_channels:
        letters = ", ".join("DHW"[-args.DIMS :] if args.DIMS > 1 else "L")
        raise ValueError(f"'x' must be (B, {args.in_channels}, {letters}), got {tuple(x.shape)}")
    if tuple(w.shape) != args.weight_shape:
        raise ValueError(f"'w' must be {args.weight_shape}, got {tuple(w.shape)}")


class ApproxConvOp(torch.autograd.Function):
    """``args.exact(x, w)`` with every scalar product computed by an approximate multiplier.

    Call ``ApproxConvOp.apply(x, w, quant_params, args, htp_model, lut, traced_inputs)``; the
    arguments are those of `forward`. Padding with zeros feeds the activations' zero point into the
    multiplier.

    Examples:
        >>> from torchapprox.operators.convolution.conv_args import Conv1dArgs
        >>> x, w = torch.ones(1, 1, 4), torch.ones(1, 1, 3)
        >>> one, zero = torch.tensor([1.0]), torch.tensor([0])
        >>> params = QuantizationParameters(one, zero, one, zero)
        >>> args = Conv1dArgs(1, 1, 3, 1, 0, 1, 1)
        >>> ApproxConvOp.apply(x, w, params, args, None, None, None)
        tensor([[[3., 3.]]])
    """

    @staticmethod
    def forward(
        x: Tensor,
        w: Tensor,
        quant_params: QuantizationParameters,
        args: ConvArgs | ConvTransposeArgs,
        htp_model: HtpCallable | None,
        lut: Tensor | None,
        traced_inputs: OperandSink | None,
        lut_range: tuple[int, int] | None = None,
        accumulator: Accumulator | None = None,
        engine: str = "auto",
        gradient: ProductGradient | None = None,  # noqa: ARG004  for the backward pass
        bias: Tensor | None = None,
    ) -> Tensor:
        """Return the convolution.

        Args:
            x: Activations, floating point `(B, C, *size)`; fake-quantised, but where
                ``quant_params`` says otherwise.
            w: Weights, likewise, in PyTorch's layout.
            quant_params: How x and w are quantised.
            args: The arguments of the convolution, which may be a transposed one.
            htp_model: Used instead of the table if not None.
            lut: Products, int32 `(256, 256)`, row = code of x; the exact product if None.
            traced_inputs: Receives the operands' codes if not None.
            lut_range: Bounds on the entries of lut, least and greatest, where known.
            accumulator: What sums the products; exact if None.
            engine: Computes the sums; see `torchapprox.lut_matmul`.
            gradient: Makes the gradients; None for those of the exact convolution (straight-through
                estimator).
            bias: Added to the result, floating point `(N,)`, where nothing is differentiated;
                ``apply`` does not take it.

        Returns:
            Floating point `(B, N, *output_size)`, dequantised, of the type of ``x``.

        Raises:
            TypeError: ``lut`` is not int32.
            ValueError: Shapes do not match, or an operand's codes do not fit its port.
            NotImplementedError: There are an HTP model and an accumulator.
        """
        tabulated = takes_table(lut, htp_model, accumulator)
        if lut is not None and tabulated and isinstance(args, ConvArgs):
            y = _real_conv(
                *(x, w, quant_params, args, lut, traced_inputs),
                *(lut_range, accumulator, engine, bias),
            )
            if y is not None:
                return y
        operands = conv_operands(x, w, quant_params, args, accumulator, engine)
        if traced_inputs is not None:
            traced_inputs.receive(operands.lower())
        if tabulated:
            return operands.reals(lut, x.dtype, lut_range=lut_range, bias=bias)
        accumulators = operands.htp_product(htp_model or accurate_htp_model())
        by_channel = (-1, *[1] * args.DIMS)
        y = dequantise(accumulators, operands.scale.view(by_channel), x.dtype).contiguous()
        return y if bias is None else y + bias.view(by_channel)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004, D102
        x, w, params, ctx.conv_args = inputs[:4]
        ctx.params = params
        ctx.gradient = inputs[10] if len(inputs) > 10 else None  # Dynamo passes no defaults
        ctx.operands = OperandPair(params.x_operand, params.w_operand(ctx.conv_args.over_weight))
        ctx.save_for_backward(x, w)

    @staticmethod
    @without_autocast
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x, w = ctx.saved_tensors
        needed = tuple(ctx.needs_input_grad[:2])
        if ctx.gradient is None:
            reals = ctx.operands.reals(x, w, needed, grad.dtype)
            gradients = ctx.conv_args.gradients(grad, *reals, needed)
        else:
            operands = conv_operands(x, w, ctx.params, ctx.conv_args)
            form = ConvForm(operands, ctx.params, x.shape[2:])
            gradients = estimated_gradients(ctx.gradient, form, grad, (x, w), needed)
        return *ctx.operands.straight_through(gradients, x, w), *[None] * 10
