"""Products of real operands on a table in one operator each, from floats to floats, on the CPU.

The common case of an evaluated layer: both operands come as real numbers, which the operator
quantises, and every zero point of the weights is 0. The steps are those of `conv_operands`,
`lower_linear`, `lower_matmul` and `reals`, and so are the bits; what is saved is a call of an
operator, and of what surrounds it, for each step, which take longer than many a layer's products.
The codes that were multiplied are returned as well, for whoever looks at them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from torchapprox.kernels.compiling.cpu_kernel import forced_kernel
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.affine.quantise_on_cpu import MOST_AXES
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.convolution.conv_args import ConvArgs
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.convolution.padding import flat_margins, padded_size, paired_margins
from torchapprox.operators.cuda_arrays import on_cuda
from torchapprox.operators.engine.choice import chosen_engine
from torchapprox.operators.library_op import library_op
from torchapprox.operators.lookup.host_table import host_table
from torchapprox.operators.lookup.lut_matmul import check_lut, entry_range, needs_int64
from torchapprox.operators.matrix_batch import broadcast_batch, grouped
from torchapprox.operators.operand import OperandCodes, port_of
from torchapprox.operators.prepared_products import (
    OperandForms,
    RealProduct,
    Scales,
    conv_product,
    linear_product,
    matrix_product,
    scales_of,
)

Range = tuple[int, int]


def takes_reals(x: Tensor, params: QuantizationParameters, accumulator: Accumulator | None) -> bool:
    """Whether a product's operands are as these operators take them.

    Args:
        x: The activations.
        params: How both operands are quantised.
        accumulator: What sums the products; exact if None.
    """
    return (
        params.x_clip is not None
        and params.w_clip is not None
        and params.w_centred is True
        and accumulator is None
        and not on_cuda(x)
        and x.dtype in (torch.float32, torch.float64)
    )


def real_conv(
    x: Tensor,
    w: Tensor,
    params: QuantizationParameters,
    args: ConvArgs,
    lut: Tensor,
    *,
    lut_range: Range | None = None,
    engine: str = "auto",
    bias: Tensor | None = None,
) -> RealProduct | None:
    """Return a convolution in real units; None where its padding is not part of quantisation.

    Args:
        x: Activations, floating point `(B, C, *size)`, of a shape that ``args`` takes.
        w: Weights, likewise.
        params: How they are quantised; see `takes_reals`.
        args: The arguments of the convolution.
        lut: Products, int32 `(256, 256)`, row = code of x.
        lut_range: Bounds on the entries of lut, least and greatest, where known.
        engine: Computes the sums; see `torchapprox.lut_matmul`.
        bias: Floating point `(N,)`, added to the result, or None.

    Returns:
        The product `(B, N, *output_size)`, of padded codes `(B, C, *padded)` and those of ``w``.

    Raises:
        TypeError: ``lut`` is not int32.
        ValueError: A quantiser's limits do not fit their port, a value is NaN or infinite, or the
            table has another shape or is on another device.
    """
    if args.padding_mode != "zeros" or args.DIMS > MOST_AXES:
        return None
    check_lut(lut, x.device)
    limits, w_signed = _limits(params)
    kernel = forced_kernel(None)
    product: tuple[Tensor, Tensor, Tensor] = torch.ops.torchapprox.real_conv(
        *(x, w, params.x_scale, params.x_zero_point, params.w_scale, params.w_zero_point),
        *(limits, w_signed, lut, bias, flat_margins(args.margins())),
        *(args.axes("stride"), args.axes("dilation"), args.groups),
        *(_wide(w, lut, lut_range), kernel, chosen_engine(engine, kernel)),
    )
    return RealProduct(*product)


def real_linear(
    x: Tensor,
    w: Tensor,
    params: QuantizationParameters,
    lut: Tensor,
    *,
    lut_range: Range | None = None,
    engine: str = "auto",
    bias: Tensor | None = None,
) -> RealProduct:
    """Return ``x @ w.T`` in real units.

    Args:
        x: Activations, floating point `(M, K)`.
        w: Weights, floating point `(N, K)`.
        params: As `real_conv` takes them.
        lut: Likewise.
        lut_range: Likewise.
        engine: Likewise.
        bias: Likewise.

    Returns:
        The product `(M, N)`, of codes `(1, M, K)` and `(1, N, K)`.

    Raises:
        TypeError: ``lut`` is not int32.
        ValueError: A quantiser's limits do not fit their port, a value is NaN or infinite, or the
            table has another shape or is on another device.
    """
    check_lut(lut, x.device)
    limits, w_signed = _limits(params)
    kernel = forced_kernel(None)
    product: tuple[Tensor, Tensor, Tensor] = torch.ops.torchapprox.real_linear(
        *(x, w, params.x_scale, params.x_zero_point, params.w_scale, params.w_zero_point),
        *(limits, w_signed, lut, bias),
        *(_wide(w, lut, lut_range), kernel, chosen_engine(engine, kernel)),
    )
    return RealProduct(*product)


def real_matmul(
    x: Tensor,
    w: Tensor,
    params: QuantizationParameters,
    lut: Tensor,
    *,
    lut_range: Range | None = None,
    engine: str = "auto",
) -> RealProduct:
    """Return ``x @ w.mT`` in real units.

    Args:
        x: First operand, floating point `(..., M, K)`.
        w: Second operand, floating point `(..., N, K)`, of a batch that broadcasts.
        params: As `real_conv` takes them, with one scale for ``w``.
        lut: Likewise.
        lut_range: Likewise.
        engine: Likewise.

    Returns:
        The product `(..., M, N)`, of codes as `grouped` pairs them.

    Raises:
        TypeError: ``lut`` is not int32.
        ValueError: A quantiser's limits do not fit their port, a value is NaN or infinite, or the
            table has another shape or is on another device.
    """
    check_lut(lut, x.device)
    limits, w_signed = _limits(params)
    kernel = forced_kernel(None)
    wide = needs_int64(x.shape[-1], lut_range or entry_range(lut))
    product: tuple[Tensor, Tensor, Tensor] = torch.ops.torchapprox.real_matmul(
        *(x, w, params.x_scale, params.x_zero_point, params.w_scale, params.w_zero_point),
        *(limits, w_signed, lut, wide, kernel, chosen_engine(engine, kernel)),
    )
    return RealProduct(*product)


def operand_codes(
    product: RealProduct, params: QuantizationParameters
) -> tuple[OperandCodes, OperandCodes]:
    """Return the codes that a product was made of, with the ports that they entered.

    Args:
        product: The product.
        params: How its operands were quantised; see `takes_reals`.
    """
    x_port, w_port = _ports(params)
    return OperandCodes(product.x_codes, x_port, None), OperandCodes(product.w_codes, w_port, None)


def _ports(params: QuantizationParameters) -> tuple[Range, Range]:
    x_clip, w_clip = params.x_clip or (0, 0), params.w_clip or (0, 0)
    return port_of(x_clip, params.x_range), port_of(w_clip, params.w_range)


def _limits(params: QuantizationParameters) -> tuple[list[int], bool]:
    """Return the limits of both quantisers, and whether the weights' port is signed."""
    _, w_port = _ports(params)
    return [*(params.x_clip or ()), *(params.w_clip or ())], w_port[0] < 0


def _wide(w: Tensor, lut: Tensor, lut_range: Range | None) -> bool:
    depth = w.numel() // max(1, w.shape[0])
    return needs_int64(depth, lut_range or entry_range(lut))


def operand_forms(
    depth: int,
    params: QuantizationParameters,
    lut: Tensor,
    *,
    lut_range: Range | None = None,
    engine: str = "auto",
) -> OperandForms:
    """Return what becomes of the operands of a product; see `takes_reals`.

    Args:
        depth: Products in one output.
        params: How both operands are quantised.
        lut: Products, int32 `(256, 256)`, row = code of x.
        lut_range: Bounds on the entries of lut, least and greatest, where known.
        engine: Computes the sums; see `torchapprox.lut_matmul`.
    """
    kernel = forced_kernel(None)
    numbers = params.x_scale, params.x_zero_point, params.w_scale, params.w_zero_point
    limits, w_signed = _limits(params)
    wide = needs_int64(depth, lut_range or entry_range(lut))
    chosen = chosen_engine(engine, kernel)
    return _forms(scales_of(*numbers), limits, w_signed, lut, wide, kernel, chosen)


def _forms(
    scales: Scales,
    limits: Sequence[int],
    w_signed: bool,
    lut: Tensor,
    wide: bool,
    kernel: str | None,
    engine: str,
) -> OperandForms:
    x_low, x_high, w_low, w_high = limits
    return OperandForms(
        scales, (x_low, x_high), (w_low, w_high), w_signed, host_table(lut), wide, kernel, engine
    )


def _padded(shape: Sequence[int], margins: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of padded activations."""
    return (*shape[:2], *padded_size(shape[2:], paired_margins(margins)))


@library_op("real_conv", device="cpu")
def _real_conv(
    x: Tensor,
    w: Tensor,
    x_scale: Tensor,
    x_zero_point: Tensor,
    w_scale: Tensor,
    w_zero_point: Tensor,
    limits: Sequence[int],
    w_signed: bool,
    lut: Tensor,
    bias: Tensor | None,
    margins: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    wide: bool,
    kernel: str | None,
    engine: str,
) -> tuple[Tensor, Tensor, Tensor]:
    scales = scales_of(x_scale, x_zero_point, w_scale, w_zero_point)
    forms = _forms(scales, limits, w_signed, lut, wide, kernel, engine)
    pairs = paired_margins(margins) if any(margins) else []
    padded = _padded(x.shape, margins)
    shape = ConvShape.of(padded, w.shape, stride, dilation, groups)
    return conv_product(x, w, bias, forms, shape, pairs)


@library_op("real_linear", device="cpu")
def _real_linear(
    x: Tensor,
    w: Tensor,
    x_scale: Tensor,
    x_zero_point: Tensor,
    w_scale: Tensor,
    w_zero_point: Tensor,
    limits: Sequence[int],
    w_signed: bool,
    lut: Tensor,
    bias: Tensor | None,
    wide: bool,
    kernel: str | None,
    engine: str,
) -> tuple[Tensor, Tensor, Tensor]:
    scales = scales_of(x_scale, x_zero_point, w_scale, w_zero_point)
    forms = _forms(scales, limits, w_signed, lut, wide, kernel, engine)
    return linear_product(x, w, bias, forms)


@library_op("real_matmul", device="cpu")
def _real_matmul(
    x: Tensor,
    w: Tensor,
    x_scale: Tensor,
    x_zero_point: Tensor,
    w_scale: Tensor,
    w_zero_point: Tensor,
    limits: Sequence[int],
    w_signed: bool,
    lut: Tensor,
    wide: bool,
    kernel: str | None,
    engine: str,
) -> tuple[Tensor, Tensor, Tensor]:
    scales = scales_of(x_scale, x_zero_point, w_scale, w_zero_point)
    forms = _forms(scales, limits, w_signed, lut, wide, kernel, engine)
    return matrix_product(x, w, None, forms)


@_real_conv.register_fake
def _(
    x: Tensor,
    w: Tensor,
    x_scale: Tensor,  # noqa: ARG001
    x_zero_point: Tensor,  # noqa: ARG001
    w_scale: Tensor,  # noqa: ARG001
    w_zero_point: Tensor,  # noqa: ARG001
    limits: Sequence[int],  # noqa: ARG001
    w_signed: bool,  # noqa: ARG001
    lut: Tensor,  # noqa: ARG001
    bias: Tensor | None,  # noqa: ARG001
    margins: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    *_: object,
) -> tuple[Tensor, Tensor, Tensor]:
    padded = _padded(x.shape, margins)
    shape = ConvShape.of(padded, w.shape, stride, dilation, groups)
    reals = x.new_empty((shape.batch, shape.out_channels, *shape.output_size))
    return reals, _codes(x, padded), _codes(w, w.shape)


@_real_linear.register_fake
def _(x: Tensor, w: Tensor, *_: object) -> tuple[Tensor, Tensor, Tensor]:
    reals = x.new_empty((x.shape[0], w.shape[0]))
    return reals, _codes(x, (1, *x.shape)), _codes(w, (1, *w.shape))


@_real_matmul.register_fake
def _(x: Tensor, w: Tensor, *_: object) -> tuple[Tensor, Tensor, Tensor]:
    reals = x.new_empty((*broadcast_batch(x, w), x.shape[-2], w.shape[-2]))
    x_groups, w_groups = grouped(x, w)
    return reals, _codes(x, x_groups.shape), _codes(w, w_groups.shape)


def _codes(values: Tensor, shape: Sequence[int]) -> Tensor:
    return values.new_empty(shape, dtype=torch.uint8)
