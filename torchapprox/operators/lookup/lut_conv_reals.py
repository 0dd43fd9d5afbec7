"""Convolution by look-ups in real units."""

from collections.abc import Sequence

import torch
from torch import Tensor

from torchapprox.kernels.compiling.cpu_kernel import forced_kernel
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.kernels.results.sum_places import Rescaling
from torchapprox.operators.affine.product_terms import ProductTerms
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.cuda_arrays import on_cuda
from torchapprox.operators.engine.choice import chosen_engine, convolve_by_factors
from torchapprox.operators.library_op import library_op
from torchapprox.operators.lookup.fused_terms import fused_terms
from torchapprox.operators.lookup.host_table import host_table
from torchapprox.operators.lookup.laid_out_conv import laid_out_reals
from torchapprox.operators.lookup.lut_conv import check_conv, convolve, lut_conv, read_in_place
from torchapprox.operators.lookup.lut_matmul import entry_range, needs_int64


def lut_conv_reals(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    terms: ProductTerms,
    *,
    dtype: torch.dtype,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int = 1,
    lut_range: tuple[int, int] | None = None,
    engine: str = "auto",
) -> Tensor:
    """Return the real numbers that the sums of `lut_conv` stand for.

    Of the bits that `ProductTerms.rescaled` gives; where a kernel can, on the CPU, they are made
    where the sums would be written. Arguments and errors beside these as those of `lut_conv`.

    Args:
        x: Activation codes, uint8 `(B, C, *size)`, padded.
        w: Weight codes, uint8 `(N, C / groups, *kernel)`.
        lut: Products, int32 `(256, 256)`, row = code of x.
        terms: What turns sums into real numbers, by channel `(N,)`.
        dtype: Floating-point type of the result.
        stride: One number for each axis of ``size``.
        dilation: Likewise.
        groups: Number of groups.
        lut_range: Bounds on the entries of ``lut``.
        engine: Computes the sums.

    Returns:
        ``dtype``, `(B, N, *output_size)`, contiguous.

    Examples:
        >>> exact = torch.arange(256, dtype=torch.int32).outer(torch.arange(256, dtype=torch.int32))
        >>> x = torch.tensor([[[1, 2, 3, 4]]], dtype=torch.uint8)
        >>> terms = ProductTerms(torch.tensor([1]), torch.tensor([0.5]), w_signed=False)
        >>> steps = {"stride": (2,), "dilation": (1,)}
        >>> lut_conv_reals(x, x[..., :2], exact, terms, dtype=torch.float32, **steps)
        tensor([[[1., 4.]]])
    """
    if on_cuda(x):
        sums = lut_conv(
            x, w, lut, stride=stride, dilation=dilation, groups=groups, lut_range=lut_range,
            engine=engine,
        )  # fmt: skip
        reals = terms.rescaled(sums.flatten(2), w.flatten(1), channel_axis=1, dtype=dtype)
        return reals.view(sums.shape)
    check_conv(x, w, lut, stride, dilation, groups)
    wide = needs_int64(w[0].numel(), lut_range or entry_range(lut)) if len(w) else False
    kernel = forced_kernel(None)
    engine = chosen_engine(engine, kernel)
    scale = terms.scale.to(torch.promote_types(dtype, torch.float32))
    fused: Tensor = torch.ops.torchapprox.lut_conv_reals(
        *(x, w, lut, terms.x_zero_point, scale, terms.w_signed, terms.bias),
        *(terms.w_zero_point, terms.x_sums, list(stride), list(dilation), groups),
        *(wide, kernel, engine),
    )
    return fused.to(dtype)


@library_op("lut_conv_reals", device="cpu")
def _lut_conv_reals(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    x_zero_point: Tensor,
    scale: Tensor,
    w_signed: bool,
    bias: Tensor | None,
    w_zero_point: Tensor | None,
    x_sums: Tensor | None,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    wide: bool,
    kernel: str | None,
    engine: str,
) -> Tensor:
    shape = ConvShape.of(x.shape, w.shape, stride, dilation, groups)
    x, w = x.detach().contiguous(), w.detach().contiguous()
    terms = ProductTerms(x_zero_point, scale, w_signed, bias, w_zero_point, x_sums)
    return conv_reals(x, w, host_table(lut), shape, terms, engine, kernel, wide=wide)


def conv_reals(
    x: Tensor,
    w: Tensor,
    table: LookupTable,
    shape: ConvShape,
    terms: ProductTerms,
    engine: str,
    kernel: str | None,
    *,
    wide: bool,
) -> Tensor:
    """Return a convolution in real units on the CPU, of the type of the terms' scale.

    Args:
        x: Activation codes, contiguous.
        w: Weight codes, contiguous.
        table: The products.
        shape: The convolution.
        terms: What turns sums into real numbers.
        engine: As `chosen_engine` returns it.
        kernel: As `forced_kernel` returns it.
        wide: Whether the sums need int64.
    """
    w_rows = w.view(shape.out_channels, shape.depth)
    fused = None if wide else fused_terms(terms, w_rows)
    if fused is not None:
        out = _empty(x, terms.scale, shape)
        if (
            convolve_by_factors(x, w, table, shape, out, engine, fused)
            or read_in_place(x, w, table, shape, out, kernel, Rescaling(*fused, of_rows=True))
            or laid_out_reals(x, w, table, shape, out, fused, kernel)
        ):
            return out
    sums = convolve(x, w, table, shape, engine, kernel, wide=wide)
    reals = terms.rescaled(sums.flatten(2), w_rows, channel_axis=1, dtype=terms.scale.dtype)
    return reals.view(sums.shape)


@_lut_conv_reals.register_fake
def _(
    x: Tensor,
    w: Tensor,
    lut: Tensor,  # noqa: ARG001
    x_zero_point: Tensor,  # noqa: ARG001
    scale: Tensor,
    w_signed: bool,  # noqa: ARG001
    bias: Tensor | None,  # noqa: ARG001
    w_zero_point: Tensor | None,  # noqa: ARG001
    x_sums: Tensor | None,  # noqa: ARG001
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    *_: object,
) -> Tensor:
    return _empty(x, scale, ConvShape.of(x.shape, w.shape, stride, dilation, groups))


def _empty(x: Tensor, scale: Tensor, shape: ConvShape) -> Tensor:
    size = shape.batch, shape.out_channels, *shape.output_size
    return x.new_empty(size, dtype=scale.dtype)
