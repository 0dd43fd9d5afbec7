"""Convolution in which every scalar product is looked up in a table."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from torchapprox.kernels import lookup_lines_cpu
from torchapprox.kernels.compiling.cpu_kernel import forced_kernel, line_kernels
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.kernels.lookup.table_planes import WHOLE, columns_of
from torchapprox.kernels.results.sum_places import Rescaling
from torchapprox.operators.convolution.conv_lines import ConvShape, conv_lines
from torchapprox.operators.engine.choice import chosen_engine, convolve_by_factors
from torchapprox.operators.engine.cuda_choice import convolve_on_cuda
from torchapprox.operators.library_op import library_op
from torchapprox.operators.lookup.conv_way import conv_way
from torchapprox.operators.lookup.cuda_lookup import cuda_conv
from torchapprox.operators.lookup.depthwise_conv import fill_depthwise
from torchapprox.operators.lookup.device_table import least_of_image
from torchapprox.operators.lookup.host_table import host_table
from torchapprox.operators.lookup.lut_matmul import (
    check_table,
    matrix_sums,
    needs_int64,
    range_of_entries,
)

MOST_RECEPTIVE_FIELD_BYTES = 2**27


def lut_conv(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    *,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int = 1,
    lut_range: tuple[int, int] | None = None,
    kernel: str | None = None,
    engine: str = "auto",
) -> Tensor:
    """Return a convolution without padding on an approximate multiplier.

        y[b, n, p] = sum_{c, t} lut[x[b, c, stride * p + dilation * t], w[n, c, t]]

    with p a position of the output and t one of the kernel, in any number of dimensions. All
    kernels but the portable one read receptive fields where they stand; otherwise, and where it is
    faster, they are laid out for some images at a time. Exact in integers: int32 where
    K * max|lut| proves that it fits, else int64.

    Args:
        x: Activation codes, uint8 `(B, C, *size)`, padded.
        w: Weight codes, uint8 `(N, C / groups, *kernel)`.
        lut: Products, int32 `(256, 256)`, row = code of x. Fastest where ``lut.T`` is contiguous.
        stride: One number for each axis of ``size``.
        dilation: Likewise.
        groups: Number of groups.
        lut_range: Bounds on the entries of ``lut``, as `lut_matmul` takes them.
        kernel: CPU kernel, as `lut_matmul` takes it.
        engine: Likewise.

    Returns:
        int32 or int64 `(B, N, *output_size)`, contiguous, on the operands' device.

    Raises:
        TypeError: A dtype is not as above.
        ValueError: Shapes do not match, devices differ, or there is no kernel or engine of that
            name.
        NotImplementedError: The operands are neither on the CPU nor on a CUDA device, or a kernel
            or engine is forced that this device or this table does not allow.

    Examples:
        >>> exact = torch.arange(256, dtype=torch.int32).outer(torch.arange(256, dtype=torch.int32))
        >>> x = torch.tensor([[[1, 2, 3, 4]]], dtype=torch.uint8)
        >>> lut_conv(x, x[..., :2], exact, stride=(2,), dilation=(1,))
        tensor([[[ 5, 11]]], dtype=torch.int32)
    """
    check_conv(x, w, lut, stride, dilation, groups)
    lut_range = range_of_entries(lut, lut_range)
    wide = needs_int64(w[0].numel(), lut_range) if len(w) else False
    kernel = forced_kernel(kernel)
    engine = chosen_engine(engine, kernel)
    sums: Tensor = torch.ops.torchapprox.lut_conv(
        x,
        w,
        lut,
        list(stride),
        list(dilation),
        groups,
        wide,
        least_of_image(lut_range, wide=wide),
        kernel,
        engine,
    )
    return sums


def receptive_fields(x: Tensor, shape: ConvShape) -> Tensor:
    """Lay out what each output of a convolution without padding sees.

    Args:
        x: `(B, C, *size)`, contiguous.
        shape: The convolution.

    Returns:
        `(G, M, K)` with M = (image, *output) and K = (channel of the group, *tap), contiguous along
        M.
    """
    image, channel, *steps = x.stride()
    taps = [step * d for step, d in zip(steps, shape.dilation, strict=True)]
    hops = [step * s for step, s in zip(steps, shape.stride, strict=True)]
    # A view (C, *kernel, B, *output), then one copy.
    fields = x.as_strided(
        (shape.channels, *shape.kernel, len(x), *shape.output_size),
        (channel, *taps, image, *hops),
    )
    positions = len(x) * math.prod(shape.output_size)
    return fields.reshape(shape.groups, shape.depth, positions).mT


def images_in_parts(x: Tensor, shape: ConvShape) -> tuple[Tensor, ...]:
    """Split a batch so that the receptive fields of a part are of bounded size."""
    image_bytes = shape.groups * shape.depth * math.prod(shape.output_size)
    return torch.split(x, max(1, MOST_RECEPTIVE_FIELD_BYTES // max(1, image_bytes)))


def check_conv(
    x: Tensor, w: Tensor, lut: Tensor, stride: Sequence[int], dilation: Sequence[int], groups: int
) -> None:
    """Raise an error unless codes, table and steps are as `lut_conv` takes them."""
    check_table(x, w, lut)
    dims = x.dim() - 2
    if dims < 1 or w.dim() != x.dim() or len(stride) != dims or len(dilation) != dims:
        raise ValueError(
            "'x' and 'w' must be (B, C, *size) and (N, C / groups, *kernel), 'stride' and "
            f"'dilation' one number for each axis, got {tuple(x.shape)}, {tuple(w.shape)}, "
            f"{tuple(stride)} and {tuple(dilation)}"
        )
    if min(*stride, *dilation, groups) < 1:
        raise ValueError(
            "'stride', 'dilation' and 'groups' must be at least 1, "
            f"got {tuple(stride)}, {tuple(dilation)} and {groups}"
        )
    if x.shape[1] != groups * w.shape[1] or w.shape[0] % groups:
        raise ValueError(
            f"'w' must be (N, {x.shape[1]} / {groups}, *kernel) with N a multiple of {groups}, "
            f"got {tuple(w.shape)}"
        )
    if min(_shape(x, w, stride, dilation, groups).output_size) < 1:
        raise ValueError(
            f"'x' must be at least as large as the dilated kernel, got {tuple(x.shape)} "
            f"for a kernel {tuple(w.shape[2:])} dilated by {tuple(dilation)}"
        )


def _shape(
    x: Tensor, w: Tensor, stride: Sequence[int], dilation: Sequence[int], groups: int
) -> ConvShape:
    return ConvShape.of(x.shape, w.shape, stride, dilation, groups)


@library_op("lut_conv", device="cpu")
def _lut_conv(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    wide: bool,
    least: int | None,  # noqa: ARG001
    kernel: str | None,
    engine: str,
) -> Tensor:
    shape = _shape(x, w, stride, dilation, groups)
    x, w, table = x.detach().contiguous(), w.detach().contiguous(), host_table(lut)
    return convolve(x, w, table, shape, engine, kernel, wide=wide)


def convolve(
    x: Tensor,
    w: Tensor,
    table: LookupTable,
    shape: ConvShape,
    engine: str,
    kernel: str | None,
    *,
    wide: bool,
) -> Tensor:
    """Return the sums of a convolution on the CPU; operands as `lut_conv` takes them, contiguous.

    Args:
        x: Activation codes.
        w: Weight codes.
        table: The products.
        shape: The convolution.
        engine: As `chosen_engine` returns it.
        kernel: As `forced_kernel` returns it.
        wide: Whether the sums need int64.
    """
    out = _empty_result(x, shape, wide)
    if convolve_by_factors(x, w, table, shape, out, engine):
        return out
    if wide or not read_in_place(x, w, table, shape, out, kernel):
        _lay_out(x, w, table, shape, out, kernel)
    return out


@_lut_conv.register_kernel("cuda")
def _(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    wide: bool,
    least: int | None,
    kernel: str | None,  # noqa: ARG001
    engine: str,
) -> Tensor:
    shape = _shape(x, w, stride, dilation, groups)
    out = _empty_result(x, shape, wide)
    x, w = x.contiguous(), w.contiguous()
    if not convolve_on_cuda(x, w, lut, shape, out, engine, least):
        cuda_conv(x, w, lut, shape, out, least)
    return out


@_lut_conv.register_fake
def _(
    x: Tensor,
    w: Tensor,
    lut: Tensor,  # noqa: ARG001
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    wide: bool,
    least: int | None,  # noqa: ARG001
    kernel: str | None,  # noqa: ARG001
    engine: str,  # noqa: ARG001
) -> Tensor:
    return _empty_result(x, _shape(x, w, stride, dilation, groups), wide)


def _empty_result(x: Tensor, shape: ConvShape, wide: bool) -> Tensor:
    dtype = torch.int64 if wide else torch.int32
    return x.new_empty((shape.batch, shape.out_channels, *shape.output_size), dtype=dtype)


def read_in_place(
    x: Tensor,
    w: Tensor,
    table: LookupTable,
    shape: ConvShape,
    out: Tensor,
    kernel: str | None,
    rescaling: Rescaling | None = None,
) -> bool:
    """Fill ``out`` without laying out receptive fields.

    False where `conv_way` finds no way.

    Args:
        x: Activation codes, contiguous.
        w: Weight codes, contiguous.
        table: The products; sums of its entries fit int32.
        shape: The convolution.
        out: int32, or of the type of the rescaling's scale, contiguous.
        kernel: As `forced_kernel` returns it.
        rescaling: What makes real numbers of sums; None for the sums themselves.
    """
    kernels = line_kernels(kernel)
    if not kernels or out.numel() == 0:
        return False
    codes = x.numpy()
    few = shape.rows * math.prod(shape.kernel) < 4
    columns = WHOLE if few else columns_of(codes)
    way = conv_way(kernels, table, shape, columns, forced=kernel is not None)
    if way is None:
        return False
    if way.words is not None:
        fill_depthwise(x, w, way.words, shape, out, rescaling)
        return True
    lines, places = conv_lines(codes, shape)
    rows = w.numpy().reshape(shape.groups, shape.rows, shape.depth)
    lookup_lines_cpu(
        *(way.lines.planes, rows, lines, out.numpy().reshape(-1), places, rescaling),
        kernel=way.lines.kernel,
        threads=torch.get_num_threads(),
    )
    return True


def _lay_out(
    x: Tensor, w: Tensor, table: LookupTable, shape: ConvShape, out: Tensor, kernel: str | None
) -> None:
    """Fill ``out`` by matrix products of receptive fields, for some images at a time."""
    rows = w.view(shape.groups, shape.rows, shape.depth)
    wide = out.dtype == torch.int64
    first = 0
    for part in images_in_parts(x, shape):
        fields = receptive_fields(part, shape)
        sums = matrix_sums(fields, rows, table, "lookup", kernel, wide=wide)
        by_channel = sums.mT.reshape(shape.out_channels, len(part), *shape.output_size)
        out[first : first + len(part)] = by_channel.transpose(0, 1)
        first += len(part)
