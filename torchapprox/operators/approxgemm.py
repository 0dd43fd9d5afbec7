"""Matrix product of fake-quantised floats on an approximate multiplier."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from htp import HtpCallable
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.affine.zero_points import dequantise
from torchapprox.operators.autocast import without_autocast
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.gradients.product_form import GemmForm
from torchapprox.operators.gradients.product_gradient import ProductGradient, estimated_gradients
from torchapprox.operators.htp_product import accurate_htp_model, htp_product, takes_table
from torchapprox.operators.operand import OperandCodes, OperandPair
from torchapprox.operators.operand_sink import OperandSink
from torchapprox.operators.prepared_products import RealProduct
from torchapprox.operators.real_products import operand_codes, real_linear, takes_reals


class ApproxGeMM(torch.autograd.Function):
    """``x @ w.T`` with every scalar product computed by an approximate multiplier.

    Call ``ApproxGeMM.apply(x, w, lut, quant_params, htp_model, traced_inputs)``; the arguments are
    those of `forward`.

    Examples:
        >>> x = torch.tensor([[0.5, -1.0]])
        >>> one, zero = torch.tensor([1.0]), torch.tensor([0])
        >>> params = QuantizationParameters(0.5 * one, zero, one, zero)
        >>> ApproxGeMM.apply(x, torch.tensor([[2.0, 3.0]]), None, params, None, None)
        tensor([[-2.]])
    """

    @staticmethod
    def forward(
        x: Tensor,
        w: Tensor,
        lut: Tensor | None,
        quant_params: QuantizationParameters,
        htp_model: HtpCallable | None,
        traced_inputs: OperandSink | None,
        lut_range: tuple[int, int] | None = None,
        accumulator: Accumulator | None = None,
        engine: str = "auto",
        gradient: ProductGradient | None = None,  # noqa: ARG004  for the backward pass
        bias: Tensor | None = None,
    ) -> Tensor:
        """Return the product.

        Args:
            x: Activations, floating point `(M, K)`; fake-quantised, but where
                ``quant_params.x_clip`` says otherwise.
            w: Weights, floating point `(N, K)`; likewise.
            lut: Products, int32 `(256, 256)`, row = code of x; the exact product if None.
            quant_params: How x and w are quantised.
            htp_model: Used instead of the table if not None.
            traced_inputs: Receives the operands' codes if not None.
            lut_range: Bounds on the entries of lut, least and greatest, where known.
            accumulator: What sums the products; exact if None.
            engine: Computes the sums; see `torchapprox.lut_matmul`.
            gradient: Makes the gradients; None for those of the exact product ``x @ w.T``
                (straight-through estimator).
            bias: Added to the result, floating point `(N,)`, where nothing is differentiated;
                ``apply`` does not take it.

        Returns:
            Floating point `(M, N)`, dequantised, of the type of ``x``.

        Raises:
            TypeError: ``lut`` is not int32.
            ValueError: Shapes do not match, or an operand's codes do not fit its port.
            NotImplementedError: There are an HTP model and an accumulator.
        """
        tabulated = takes_table(lut, htp_model, accumulator)
        if lut is not None and tabulated and takes_reals(x, quant_params, accumulator):
            _check_shapes(x, w, quant_params)
            product = real_linear(
                x, w, quant_params, lut, lut_range=lut_range, engine=engine, bias=bias
            )
            if traced_inputs is not None:
                traced_inputs.receive(linear_operands(product, quant_params, accumulator, engine))
            return product.reals
        operands = lower_linear(x, w, quant_params, accumulator, engine)
        if traced_inputs is not None:
            traced_inputs.receive(operands)
        # Contiguous, as F.linear's result is: callers view it.
        if tabulated:
            of_group = None if bias is None else bias[None]
            return operands.reals(lut, x.dtype, lut_range=lut_range, bias=of_group)[0]
        accumulators = htp_product(
            htp_model or accurate_htp_model(),
            F.linear,
            operands.x_values[0],
            operands.w_values[0],
            {},
            x_zero_point=operands.x_zero_point,
            w_zero_point=operands.w_zero_point[0],
            w_centred=operands.w_centred,
        )
        y = dequantise(accumulators, operands.scale[0], x.dtype).contiguous()
        return y if bias is None else y + bias

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004, D102
        x, w, _, ctx.params = inputs[:4]
        ctx.gradient = inputs[9] if len(inputs) > 9 else None  # Dynamo passes no defaults
        ctx.operands = OperandPair(ctx.params.x_operand, ctx.params.w_operand(_by_row))
        ctx.save_for_backward(x, w)

    @staticmethod
    @without_autocast
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x, w = ctx.saved_tensors
        for_x, for_w = needed = tuple(ctx.needs_input_grad[:2])
        if ctx.gradient is None:
            x_reals, w_reals = ctx.operands.reals(x, w, needed, grad.dtype)
            gradients = grad @ w_reals if for_x else None, grad.T @ x_reals if for_w else None
        else:
            params = ctx.params
            form = GemmForm(
                lower_linear(x, w, params), params.x_scale, params.w_scale.view(1, -1, 1)
            )
            grad_x, grad_w = estimated_gradients(ctx.gradient, form, grad[None], (x, w), needed)
            gradients = (
                None if grad_x is None else grad_x[0],
                None if grad_w is None else grad_w[0],
            )
        return *ctx.operands.straight_through(gradients, x, w), *[None] * 9


def lower_linear(
    x: Tensor,
    w: Tensor,
    params: QuantizationParameters,
    accumulator: Accumulator | None = None,
    engine: str = "auto",
) -> GemmOperands:
    """Return the operand codes of ``x @ w.T``, one group.

    Args:
        x: Fake-quantised activations, floating point `(M, K)`.
        w: Fake-quantised weights, floating point `(N, K)`.
        params: How they are quantised.
        accumulator: What sums the products; exact if None.
        engine: Computes the sums; see `torchapprox.lut_matmul`.

    Raises:
        ValueError: Shapes do not match, or an operand's codes do not fit its port.
    """
    _check_shapes(x, w, params)
    x_codes = params.x_operand.codes(x[None])
    w_codes = params.w_operand(_by_row).codes(w[None])
    return _of_codes(x_codes, w_codes, params, accumulator, engine)


def linear_operands(
    product: RealProduct,
    params: QuantizationParameters,
    accumulator: Accumulator | None,
    engine: str,
) -> GemmOperands:
    """Return the operands of a product of real numbers, one group.

    Args:
        product: The product.
        params: How its operands were quantised.
        accumulator: What sums the products; exact if None.
        engine: Computes the sums; see `torchapprox.lut_matmul`.
    """
    return _of_codes(*operand_codes(product, params), params, accumulator, engine)


def _of_codes(
    x: OperandCodes,
    w: OperandCodes,
    params: QuantizationParameters,
    accumulator: Accumulator | None,
    engine: str,
) -> GemmOperands:
    """Return the operands of a product of codes `(1, M, K)` and `(1, N, K)`."""
    n = w.codes.shape[1]
    return GemmOperands(
        x_codes=x.codes,
        w_codes=w.codes,
        x_range=x.port,
        w_range=w.port,
        x_zero_point=params.x_zero_point.view(1).to(torch.int64),
        w_zero_point=params.w_zero_point.view(-1).to(torch.int64).expand(n).view(1, n),
        scale=params.product_scale(x.fault, w.fault).expand(n).view(1, n),
        accumulator=accumulator,
        engine=engine,
        w_centred=params.w_centred,
    )


def _check_shapes(x: Tensor, w: Tensor, params: QuantizationParameters) -> None:
    if x.dim() != 2 or w.dim() != 2 or x.shape[1] != w.shape[1]:
        raise ValueError(
            f"'x' and 'w' must be (M, K) and (N, K), got {tuple(x.shape)} and {tuple(w.shape)}"
        )
    params.check_channels(len(w))


def _by_row(vector: Tensor) -> Tensor:
    return vector.view(-1, 1)
