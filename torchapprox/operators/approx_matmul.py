"""Matrix product of two fake-quantised activations on an approximate multiplier."""

from typing import Any

import torch
from torch import Tensor

from htp import HtpCallable, contracts_last_axis
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.affine.zero_points import dequantise
from torchapprox.operators.autocast import without_autocast
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.gradients.product_form import GemmForm
from torchapprox.operators.gradients.product_gradient import ProductGradient, estimated_gradients
from torchapprox.operators.htp_product import accurate_htp_model, htp_sums, takes_table
from torchapprox.operators.matrix_batch import broadcast_batch, grouped, unshared
from torchapprox.operators.operand import OperandCodes, OperandPair
from torchapprox.operators.operand_sink import OperandSink
from torchapprox.operators.prepared_products import RealProduct
from torchapprox.operators.real_products import operand_codes, real_matmul, takes_reals
from torchapprox.running_layer import in_layer


def approx_matmul(
    x: Tensor,
    w: Tensor,
    quant_params: QuantizationParameters,
    *,
    lut: Tensor | None = None,
    htp_model: HtpCallable | None = None,
    traced_inputs: OperandSink | None = None,
    lut_range: tuple[int, int] | None = None,
    accumulator: Accumulator | None = None,
    engine: str = "auto",
    gradient: ProductGradient | None = None,
) -> Tensor:
    """Return ``torch.matmul(x, w)`` with every scalar product from an approximate multiplier.

    The first operand enters the multiplier's activation port, the second the weight port. Shapes
    are those of `torch.matmul`: vectors, matrices, and batches that broadcast.

    Args:
        x: Fake-quantised first operand, floating point `(..., M, K)` or `(K,)`.
        w: Fake-quantised second operand, floating point `(..., K, N)` or `(K,)`.
        quant_params: How x and w are quantised, both per tensor.
        lut: Products, int32 `(256, 256)`, row = code of x; the exact product if None.
        htp_model: Used instead of the table if not None. Its ``base_func(x, w)`` is ``x @ w.mT``
            on operands `(G, M, K)` and `(G, N, K)`: both have their features last.
        traced_inputs: Receives the operands' codes if not None.
        lut_range: Bounds on the entries of lut, least and greatest, where known.
        accumulator: What sums the products; exact if None.
        engine: Computes the sums; see `torchapprox.lut_matmul`.
        gradient: Makes the gradients; None for those of the exact product (straight-through
            estimator).

    Returns:
        Floating point, `(..., M, N)` without the axes that a vector lacks, dequantised, of the type
        of ``x``.

    Raises:
        TypeError: ``lut`` is not int32.
        ValueError: Shapes do not match, ``w`` is quantised per channel, or an operand's codes do
            not fit its port.
        NotImplementedError: There are an HTP model and an accumulator.

    Examples:
        >>> x, w = torch.tensor([[0.5, -1.0]]), torch.tensor([[[2.0], [3.0]]])
        >>> one, zero = torch.tensor([1.0]), torch.tensor([0])
        >>> approx_matmul(x, w, QuantizationParameters(0.5 * one, zero, one, zero))
        tensor([[[-2.]]])
    """
    rows, columns = matrices(x, w)
    # Binding arguments and a context takes as long as a small layer's products.
    product: Any = ApproxMatmulOp.apply if torch.is_grad_enabled() else ApproxMatmulOp.forward
    y: Tensor = product(
        rows,
        columns,
        lut,
        quant_params,
        htp_model,
        traced_inputs,
        lut_range,
        accumulator,
        engine,
        gradient,
    )
    if w.dim() == 1:
        y = y.squeeze(-1)
    return y.squeeze(-1 if w.dim() == 1 else -2) if x.dim() == 1 else y


def matrices(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """Return the operands of ``torch.matmul(x, w)`` as `(..., M, K)` and `(..., N, K)`, views.

    Raises:
        ValueError: Shapes do not match.
    """
    if x.dim() == 0 or w.dim() == 0 or x.shape[-1] != w.shape[max(w.dim() - 2, 0)]:
        raise ValueError(
            "'x' and 'w' must be (..., M, K) and (..., K, N), or vectors (K,), "
            f"got {tuple(x.shape)} and {tuple(w.shape)}{in_layer()}"
        )
    rows = x[None] if x.dim() == 1 else x
    columns = w[None] if w.dim() == 1 else w.mT
    try:
        broadcast_batch(rows, columns)
    except RuntimeError:
        raise ValueError(
            "'x' and 'w' must have batch axes that broadcast, "
            f"got {tuple(x.shape)} and {tuple(w.shape)}{in_layer()}"
        ) from None
    return rows, columns


def sample_shape(y: Tensor) -> tuple[int, ...]:
    """Return the shape of one sample's matrices in a product, `(..., M, N)`.

    The first axis of a batch of matrices counts the samples; else there is one.

    Examples:
        >>> sample_shape(torch.zeros(8, 4, 17, 17)), sample_shape(torch.zeros(17, 5))
        ((4, 17, 17), (17, 5))
    """
    return tuple(y.shape[1:] if y.dim() > 2 else y.shape)


class ApproxMatmulOp(torch.autograd.Function):
    """``x @ w.mT`` of `(..., M, K)` and `(..., N, K)`; arguments as `approx_matmul`."""

    @staticmethod
    def forward(  # noqa: D102  documented by the class
        x: Tensor,
        w: Tensor,
        lut: Tensor | None,
        quant_params: QuantizationParameters,
        htp_model: HtpCallable | None,
        traced_inputs: OperandSink | None,
        lut_range: tuple[int, int] | None,
        accumulator: Accumulator | None,
        engine: str,
        gradient: ProductGradient | None,  # noqa: ARG004  for the backward pass
    ) -> Tensor:
        tabulated = takes_table(lut, htp_model, accumulator)
        real = x.device == w.device and takes_reals(x, quant_params, accumulator)
        if lut is not None and tabulated and real:
            _check_scale(quant_params)
            product = real_matmul(x, w, quant_params, lut, lut_range=lut_range, engine=engine)
            if traced_inputs is not None:
                traced_inputs.receive(matmul_operands(product, quant_params, accumulator, engine))
            return product.reals
        operands = lower_matmul(x, w, quant_params, accumulator, engine)
        if traced_inputs is not None:
            traced_inputs.receive(operands)
        if tabulated:
            y = operands.reals(lut, x.dtype, lut_range=lut_range)
        else:
            x_values, w_values = operands.x_values, operands.w_values
            model = htp_model or accurate_htp_model()
            sums = htp_sums(model, features_last_matmul, x_values, w_values, {}, depth=x.shape[-1])
            accumulators = operands.subtract_zero_points(sums)
            y = dequantise(accumulators, operands.scale[:, None, :], x.dtype)
        batch = broadcast_batch(x, w)
        return y.reshape(*batch, x.shape[-2], w.shape[-2])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004, D102
        x, w, _, params, *_, ctx.gradient = inputs
        ctx.params = params
        ctx.operands = OperandPair(params.x_operand, params.w_operand(_single))
        ctx.save_for_backward(x, w)

    @staticmethod
    @without_autocast
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x, w = ctx.saved_tensors
        for_x, for_w = needed = tuple(ctx.needs_input_grad[:2])
        if ctx.gradient is None:
            x_reals, w_reals = ctx.operands.reals(x, w, needed, grad.dtype)
            grad_x = grad @ w_reals if for_x else None
            grad_w = grad.mT @ x_reals if for_w else None
        else:
            grad_x, grad_w = _estimated(ctx, grad, x, w, needed)
        gradients = (
            grad_x.sum_to_size(x.shape) if grad_x is not None else None,
            grad_w.sum_to_size(w.shape) if grad_w is not None else None,
        )
        return *ctx.operands.straight_through(gradients, x, w), *[None] * 8


def _estimated(
    ctx: Any, grad: Tensor, x: Tensor, w: Tensor, needed: tuple[bool, bool]
) -> tuple[Tensor | None, ...]:
    """Return the gradients by x and w, spread over the batch, that ``ctx.gradient`` makes."""
    params, batch = ctx.params, broadcast_batch(x, w)
    operands = lower_matmul(x, w, params)
    form = GemmForm(operands, params.x_scale, params.w_scale.view(1, 1, 1))
    groups, rows, _ = operands.x_codes.shape
    of_groups = grad.reshape(groups, rows, -1)
    grad_x, grad_w = estimated_gradients(ctx.gradient, form, of_groups, (x, w), needed)
    # The axes of the batch that share one matrix of w are stacked along its rows.
    of_w = batch[: unshared(batch, w)]
    return (
        grad_x if grad_x is None else grad_x.view(*batch, *x.shape[-2:]),
        grad_w if grad_w is None else grad_w.view(*of_w, *_ones(batch, of_w), *w.shape[-2:]),
    )


def _ones(batch: tuple[int, ...], part: tuple[int, ...]) -> tuple[int, ...]:
    return (1,) * (len(batch) - len(part))


@contracts_last_axis
def features_last_matmul(x: Tensor, w: Tensor) -> Tensor:
    """Return ``x @ w.mT``, what an HTP model of a matrix product gets as ``base_func``."""
    return x @ w.mT


def lower_matmul(
    x: Tensor,
    w: Tensor,
    params: QuantizationParameters,
    accumulator: Accumulator | None = None,
    engine: str = "auto",
) -> GemmOperands:
    """Return the operand codes of ``x @ w.mT``, one group per pair of matrices.

    Matrices of x that meet one and the same matrix of w are stacked in one group, so that a single
    w gives one group, as a linear layer has it.

    Args:
        x: Fake-quantised first operand, floating point `(..., M, K)`.
        w: Fake-quantised second operand, floating point `(..., N, K)`; batches broadcast.
        params: How they are quantised, both per tensor.
        accumulator: What sums the products; exact if None.
        engine: Computes the sums; see `torchapprox.lut_matmul`.

    Raises:
        ValueError: ``w`` is quantised per channel, or an operand's codes do not fit its port.
    """
    _check_scale(params)
    # Codes first: expanding them takes a quarter of the memory that floats would take.
    x_codes = params.x_operand.codes(x)
    w_codes = params.w_operand(_single).codes(w)
    x_groups, w_groups = grouped(x_codes.codes, w_codes.codes)
    x_codes, w_codes = x_codes.of(x_groups), w_codes.of(w_groups)
    return _of_codes(x_codes, w_codes, params, accumulator, engine)


def matmul_operands(
    product: RealProduct,
    params: QuantizationParameters,
    accumulator: Accumulator | None,
    engine: str,
) -> GemmOperands:
    """Return the operands of a product of real numbers, one group per pair of matrices.

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
    """Return the operands of products of codes, one group each."""
    groups, n, _ = w.codes.shape
    return GemmOperands(
        x_codes=x.codes,
        w_codes=w.codes,
        x_range=x.port,
        w_range=w.port,
        x_zero_point=params.x_zero_point.view(1).to(torch.int64),
        w_zero_point=params.w_zero_point.view(1, 1).to(torch.int64).expand(groups, n),
        scale=params.product_scale(x.fault, w.fault).view(1, 1).expand(groups, n),
        accumulator=accumulator,
        engine=engine,
        fixed_weights=False,
        w_centred=params.w_centred,
    )


def _check_scale(params: QuantizationParameters) -> None:
    if params.w_scale.numel() != 1:
        raise ValueError(
            "'w_scale' must have one element, since both operands of a matrix product are "
            f"quantised per tensor, got shape {tuple(params.w_scale.shape)}"
        )


def _single(vector: Tensor) -> Tensor:
    return vector.view(())
