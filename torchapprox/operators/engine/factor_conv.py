"""Convolution on a factorised table: features of the codes, then ordinary exact products."""

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.engine.factor_matmul import int8_product
from torchapprox.operators.engine.factor_tables import Int8Part, TableFactors
from torchapprox.operators.engine.features import feature_sums, features
from torchapprox.operators.lookup.field_layout import FieldLayout

_CONVOLUTIONS: tuple[Callable[..., Tensor], ...] = (F.conv1d, F.conv2d, F.conv3d)


def factor_conv(
    x: Tensor, w: Tensor, shape: ConvShape, factors: TableFactors, out: Tensor, arithmetic: str
) -> None:
    """Fill ``out`` with a convolution without padding on a factorised table.

    Args:
        x: Padded activation codes, uint8 `(B, C, *size)`, contiguous.
        w: Weight codes, uint8 `(N, C / groups, *kernel)`, contiguous.
        shape: The convolution, with no size of 0.
        factors: The table's factors; they prove that the arithmetic is exact for all products of
            one output, or for those of one channel of an ungrouped convolution, which then is
            computed for some channels at a time.
        out: int32 or int64 `(B, N, *output_size)`, contiguous.
        arithmetic: "int8", "float32" or "float64".
    """
    if arithmetic == "int8":
        _int8(x, w, shape, factors, out)
    elif arithmetic == "float32":
        _floats(x, w, shape, factors, out, np.float32, factors.depths["float32"])
    else:
        _floats(x, w, shape, factors, out, np.float64, factors.depths["float64"])


def _int8(x: Tensor, w: Tensor, shape: ConvShape, factors: TableFactors, out: Tensor) -> None:
    """Sum up ``weights (N, K) @ fields (K, positions)`` for some images of one group at a time."""
    layout = FieldLayout(shape)
    codes = layout.by_phase(x)
    for number, part in enumerate(factors.parts):
        rows = features(w.flatten(1), part.right).view(shape.groups, shape.rows, -1)
        maps = features(codes.view(shape.batch, shape.groups, -1), part.left)
        for images in layout.images(len(part.left)):
            for group in range(shape.groups):
                fields = layout.fields(maps[images, group])
                channels = slice(group * shape.rows, (group + 1) * shape.rows)
                _product(
                    rows[group], fields, part, out[images, channels], layout, first=number == 0
                )
    if factors.x_shift is not None:
        out += _field_sums(x, factors.x_shift, shape).to(out.dtype)
    if factors.w_shift is not None:
        by_channel = feature_sums(w.flatten(1), factors.w_shift).to(out.dtype)
        out += by_channel.view(-1, *[1] * len(shape.size))


def _product(
    rows: Tensor, fields: Tensor, part: Int8Part, out: Tensor, layout: FieldLayout, *, first: bool
) -> None:
    """Write or add one product; ``out`` is a slice of images and channels."""
    depth, images, positions = fields.shape
    columns = fields.view(depth, images * positions)
    if images == 1 and layout.exact:
        int8_product(rows, columns, part, out[0].flatten(1), first=first)
        return
    sums = torch.empty((len(rows), images * positions), dtype=out.dtype)
    int8_product(rows, columns, part, sums, first=True)
    by_image = layout.results(sums.view(len(rows), images, positions)).transpose(0, 1)
    if first:
        out.copy_(by_image)
    else:
        out += by_image


def _field_sums(x: Tensor, table: NDArray[np.int64], shape: ConvShape) -> Tensor:
    """Return the sum of a function of the codes that each output sees, `(B, N, *output_size)`."""
    by_group = x.view(shape.batch, shape.groups, shape.channels // shape.groups, -1)
    of_groups = feature_sums(by_group.mT.contiguous(), table).view(
        shape.batch, shape.groups, *shape.size
    )
    with torch.autocast("cpu", enabled=False):
        sums = _CONVOLUTIONS[len(shape.size) - 1](
            of_groups.double(),
            torch.ones(shape.groups, 1, *shape.kernel, dtype=torch.float64),
            stride=shape.stride,
            dilation=shape.dilation,
            groups=shape.groups,
        )
    return sums.to(torch.int64).repeat_interleave(shape.rows, dim=1)


def _floats(
    x: Tensor,
    w: Tensor,
    shape: ConvShape,
    factors: TableFactors,
    out: Tensor,
    dtype: type,
    depth: int,
) -> None:
    """Sum up over blocks of channels, and over terms where every group has a single channel."""
    per_group = shape.channels // shape.groups
    block = min(per_group, depth // math.prod(shape.kernel))
    sides: Any = factors.left.astype(dtype), factors.right.astype(dtype)
    one_by_one = shape.groups > 1 and per_group == shape.rows == 1
    terms = [[t] for t in range(factors.rank)] if one_by_one else [list(range(factors.rank))]
    for first in range(0, per_group, block):
        part = slice(first, first + block)
        codes = x if block == per_group else x[:, part].contiguous()
        rows = w if block == per_group else w[:, part].contiguous()
        # Terms add up as floats, which hold them all; one alone may exceed the result's integers.
        by_term = (
            _float_conv(codes, rows, shape, *(np.ascontiguousarray(side[each]) for side in sides))
            for each in terms
        )
        sums = reduce(torch.add, by_term)
        if first:
            out += sums.to(out.dtype)
        else:
            out.copy_(sums)


def _float_conv(
    x: Tensor, w: Tensor, shape: ConvShape, left: NDArray[np.generic], right: NDArray[np.generic]
) -> Tensor:
    maps = features(x.view(shape.batch, shape.groups, -1), left)
    rows = features(w.flatten(1), right)
    with torch.autocast("cpu", enabled=False):
        return _CONVOLUTIONS[len(shape.size) - 1](
            maps.view(shape.batch, -1, *shape.size),
            rows.view(shape.out_channels, -1, *shape.kernel),
            stride=shape.stride,
            dilation=shape.dilation,
            groups=shape.groups,
        )
