"""Convolution by look-ups in real units: sums are rescaled where they are written."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from torchapprox.kernels.cpu_kernel import forced_kernel
from torchapprox.kernels.vbmi_results import Rescaling
from torchapprox.operators.affine.rescale import rescale
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.engine.choice import chosen_engine, convolves_by_factors
from torchapprox.operators.library_op import library_op
from torchapprox.operators.lookup.lut_conv import (
    check_conv,
    convolve,
    read_in_place,
)
from torchapprox.operators.lookup.lut_matmul import entry_range, needs_int64


def lut_conv_reals(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    offset: Tensor,
    scale: Tensor,
    *,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int = 1,
    lut_range: tuple[int, int] | None = None,
    engine: str = "auto",
) -> Tensor:
    """Return ``scale * (lut_conv(x, w, lut) - offset)`` on the CPU.

    Of the bits that `rescale` gives. Arguments and errors beside these as those of `lut_conv`.

    Args:
        x: Activation codes, uint8 `(B, C, *size)`, padded.
        w: Weight codes, uint8 `(N, C / groups, *kernel)`.
        lut: Products, int32 `(256, 256)`, row = code of x.
        offset: int64 `(N,)`.
        scale: float32 or float64 `(N,)`.
        stride: One number for each axis of ``size``.
        dilation: Likewise.
        groups: Number of groups.
        lut_range: Bounds on the entries of ``lut``.
        engine: Computes the sums.

    Returns:
        Type of ``scale``, `(B, N, *output_size)`, contiguous.

    Examples:
        >>> exact = torch.arange(256, dtype=torch.int32).outer(torch.arange(256, dtype=torch.int32))
        >>> x = torch.tensor([[[1, 2, 3, 4]]], dtype=torch.uint8)
        >>> offset, scale = torch.tensor([1]), torch.tensor([0.5])
        >>> lut_conv_reals(x, x[..., :2], exact, offset, scale, stride=(2,), dilation=(1,))
        tensor([[[2., 5.]]])
    """
    check_conv(x, w, lut, stride, dilation, groups)
    wide = needs_int64(w[0].numel(), lut_range or entry_range(lut)) if len(w) else False
    kernel = forced_kernel(None)
    engine = chosen_engine(engine, kernel)
    reals: Tensor = torch.ops.torchapprox.lut_conv_reals(
        *(x, w, lut, offset, scale, list(stride), list(dilation), groups, wide, kernel, engine)
    )
    return reals


@library_op("lut_conv_reals", device="cpu")
def _lut_conv_reals(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    offset: Tensor,
    scale: Tensor,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    wide: bool,
    kernel: str | None,
    engine: str,
) -> Tensor:
    shape = ConvShape.of(x.shape, w.shape, stride, dilation, groups)
    x, w, lut = x.detach().contiguous(), w.detach().contiguous(), lut.detach()
    offset, scale = offset.detach().contiguous(), scale.detach().contiguous()
    if not wide and not convolves_by_factors(lut, shape, engine):
        out = _empty(x, scale, shape)
        rescaling = Rescaling(
            offset.numpy(), scale.numpy(), np.zeros(len(scale), scale.numpy().dtype), of_rows=True
        )
        if read_in_place(x, w, lut, shape, out, kernel, rescaling):
            return out
    sums = convolve(x, w, lut, shape, engine, kernel, wide=wide)
    reals = rescale(sums.flatten(2), offset, scale, channel_axis=1, dtype=scale.dtype)
    return reals.view(sums.shape)


@_lut_conv_reals.register_fake
def _(
    x: Tensor,
    w: Tensor,
    lut: Tensor,  # noqa: ARG001
    offset: Tensor,  # noqa: ARG001
    scale: Tensor,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    *_: object,
) -> Tensor:
    return _empty(x, scale, ConvShape.of(x.shape, w.shape, stride, dilation, groups))


def _empty(x: Tensor, scale: Tensor, shape: ConvShape) -> Tensor:
    size = shape.batch, shape.out_channels, *shape.output_size
    return x.new_empty(size, dtype=scale.dtype)
