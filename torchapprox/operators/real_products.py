"""Products of real operands on a table in one operator each, from floats to floats, on the CPU.

The common case of an evaluated layer: both operands come as real numbers, which the operator
quantises, every zero point of the weights is 0, and nobody looks at the codes. The steps are those
of `conv_operands`, `lower_linear` and `reals`, and so are the bits; what is saved is a call of an
operator, and of what surrounds it, for each step, which take longer than many a layer's products.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from torchapprox.kernels.cpu_kernel import forced_kernel
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.affine.product_terms import ProductTerms
from torchapprox.operators.affine.quantise_on_cpu import MOST_AXES, quantise_on_cpu
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.convolution.conv_args import ConvArgs
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.cuda_arrays import on_cuda
from torchapprox.operators.engine.choice import chosen_engine
from torchapprox.operators.library_op import library_op
from torchapprox.operators.lookup.lut_conv_reals import conv_reals
from torchapprox.operators.lookup.lut_matmul import check_lut, entry_range, needs_int64
from torchapprox.operators.lookup.lut_matmul_reals import matrix_reals
from torchapprox.operators.operand import port_of

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
) -> Tensor | None:
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
        Floating point `(B, N, *output_size)`, of the type of ``x``.

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
    reals: Tensor = torch.ops.torchapprox.real_conv(
        *(x, w, params.x_scale, params.x_zero_point, params.w_scale, params.w_zero_point),
        *(limits, w_signed, lut, bias, [side for m in args.margins() for side in m]),
        *(args.axes("stride"), args.axes("dilation"), args.groups),
        *(_wide(w, lut, lut_range), kernel, chosen_engine(engine, kernel)),
    )
    return reals


def real_linear(
    x: Tensor,
    w: Tensor,
    params: QuantizationParameters,
    lut: Tensor,
    *,
    lut_range: Range | None = None,
    engine: str = "auto",
    bias: Tensor | None = None,
) -> Tensor:
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
        Floating point `(M, N)`, of the type of ``x``.

    Raises:
        TypeError: ``lut`` is not int32.
        ValueError: A quantiser's limits do not fit their port, a value is NaN or infinite, or the
            table has another shape or is on another device.
    """
    check_lut(lut, x.device)
    limits, w_signed = _limits(params)
    kernel = forced_kernel(None)
    reals: Tensor = torch.ops.torchapprox.real_linear(
        *(x, w, params.x_scale, params.x_zero_point, params.w_scale, params.w_zero_point),
        *(limits, w_signed, lut, bias),
        *(_wide(w, lut, lut_range), kernel, chosen_engine(engine, kernel)),
    )
    return reals


def _limits(params: QuantizationParameters) -> tuple[list[int], bool]:
    """Return the limits of both quantisers, and whether the weights' port is signed."""
    x_clip, w_clip = params.x_clip or (0, 0), params.w_clip or (0, 0)
    port_of(x_clip, params.x_range)
    return [*x_clip, *w_clip], port_of(w_clip, params.w_range)[0] < 0


def _wide(w: Tensor, lut: Tensor, lut_range: Range | None) -> bool:
    depth = w[0].numel() if len(w) else 0
    return needs_int64(depth, lut_range or entry_range(lut))


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
) -> Tensor:
    pairs = list(zip(margins[::2], margins[1::2], strict=True)) if any(margins) else []
    x_codes = quantise_on_cpu(x, x_scale.view(()), x_zero_point, (limits[0], limits[1]), pairs)
    by_channel = [-1, *[1] * (w.dim() - 1)]
    w_codes = quantise_on_cpu(
        w, w_scale.view(by_channel), w_zero_point.view(by_channel), (limits[2], limits[3])
    )
    shape = ConvShape.of(x_codes.shape, w_codes.shape, stride, dilation, groups)
    terms = _terms(x_scale, x_zero_point, w_scale, (len(w),), w_signed, bias, x.dtype)
    return conv_reals(x_codes, w_codes, lut, shape, terms, engine, kernel, wide=wide)


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
) -> Tensor:
    x_codes = quantise_on_cpu(x, x_scale.view(()), x_zero_point, (limits[0], limits[1]))
    by_row = w_scale.view(-1, 1), w_zero_point.view(-1, 1)
    w_codes = quantise_on_cpu(w, *by_row, (limits[2], limits[3]))
    terms = _terms(x_scale, x_zero_point, w_scale, (1, len(w)), w_signed, bias, x.dtype)
    return matrix_reals(x_codes[None], w_codes[None], lut, terms, engine, kernel, wide=wide)[0]


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
) -> Tensor:
    both = zip(x.shape[2:], margins[::2], margins[1::2], strict=True)
    padded = (*x.shape[:2], *(n + before + after for n, before, after in both))
    shape = ConvShape.of(padded, w.shape, stride, dilation, groups)
    return x.new_empty((shape.batch, shape.out_channels, *shape.output_size))


@_real_linear.register_fake
def _(x: Tensor, w: Tensor, *_: object) -> Tensor:
    return x.new_empty((x.shape[0], w.shape[0]))


def _terms(
    x_scale: Tensor,
    x_zero_point: Tensor,
    w_scale: Tensor,
    channels: tuple[int, ...],
    w_signed: bool,
    bias: Tensor | None,
    dtype: torch.dtype,
) -> ProductTerms:
    scale = (x_scale * w_scale).detach().view(-1).to(dtype).expand(channels)
    bias = None if bias is None else bias.view(channels)
    return ProductTerms(x_zero_point.view(1).to(torch.int64), scale, w_signed, bias)
