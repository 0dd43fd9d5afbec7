"""Products on a factorised table by the CPU's kernel for features of codes."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import multiply_features_cpu
from torchapprox.kernels.features.byte_tables import ByteTables
from torchapprox.kernels.features.code_planes import CodePlanes
from torchapprox.kernels.features.pair_tables import PairTables
from torchapprox.kernels.features.pair_unit import pair_unit
from torchapprox.kernels.results.sum_places import ONE_LINE, Rescaling, SumPlaces
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.convolution.conv_planes import conv_planes
from torchapprox.operators.factors.factor_tables import FEW, TableFactors

Tables = tuple[PairTables, PairTables] | tuple[ByteTables, ByteTables]
Terms = tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]]


def factor_matmul(
    x: Tensor, w: Tensor, factors: TableFactors, result: Tensor, terms: Terms | None = None
) -> None:
    """Fill ``result`` with the table product of two code matrices.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        factors: The table's factors, of 16 bits.
        result: int32 or int64 `(G, M, N)`, contiguous, or the transpose of a contiguous tensor; or
            real numbers, contiguous.
        terms: Offset, scale and bias of `Rescaling`, `(G * N,)`, which make real numbers of sums
            that fit int32.
    """
    if result.dtype == torch.int64:
        result.zero_()
        for start in range(0, x.shape[2], factors.depth):
            part = slice(start, start + factors.depth)
            sums = torch.empty_strided(result.shape, result.stride(), dtype=torch.int32)
            _matmul(x[..., part], w[..., part], factors, sums, None)
            result += sums
    else:
        _matmul(x, w, factors, result, terms)


def factor_conv(
    x: Tensor,
    w: Tensor,
    shape: ConvShape,
    factors: TableFactors,
    out: Tensor,
    terms: Terms | None = None,
) -> None:
    """Fill ``out`` with a convolution without padding on a factorised table.

    Args:
        x: Padded activation codes, uint8 `(B, C, *size)`, contiguous.
        w: Weight codes, uint8 `(N, C / groups, *kernel)`, contiguous.
        shape: The convolution.
        factors: The table's factors, of 16 bits.
        out: int32, int64 or real numbers `(B, N, *output_size)`, contiguous; int64 only where
            int32 holds the sums of a channel.
        terms: Offset, scale and bias of `Rescaling`, `(N,)`, which make real numbers of sums that
            fit int32.
    """
    if out.dtype != torch.int64:
        _conv(x, w, shape, factors, out, terms)
        return
    out.zero_()
    per_group = shape.channels // shape.groups
    block = max(1, factors.depth // max(1, shape.depth // per_group))
    by_group = x.view(shape.batch, shape.groups, per_group, *shape.size)
    for first in range(0, per_group, block):
        part = slice(first, first + block)
        codes = by_group[:, :, part].flatten(1, 2).contiguous()
        rows = w[:, part].contiguous()
        of_part = ConvShape.of(codes.shape, rows.shape, shape.stride, shape.dilation, shape.groups)
        sums = torch.empty_like(out, dtype=torch.int32)
        _conv(codes, rows, of_part, factors, sums, None)
        out += sums


def _matmul(
    x: Tensor, w: Tensor, factors: TableFactors, result: Tensor, terms: Terms | None
) -> None:
    _, m, n = result.shape
    # Sums of one row become neighbours where the result has them so, but for a few columns, which
    # would leave most of a vector empty.
    along_m = not result.is_contiguous() or (n < pair_unit().lanes // 2 and m > n)
    rows, runs = (w, x) if along_m else (x, w)
    left, right = _tables(factors, x, x.shape[-1], x_rows=not along_m)
    height, positions = rows.shape[1], runs.shape[1]
    in_order = result.mT.is_contiguous() if along_m else result.is_contiguous()
    row, step = (positions, 1) if in_order else (1, height)
    flat = torch.as_strided(result, (result.numel(),), (1,))
    multiply_features_cpu(
        rows.contiguous().numpy(),
        left,
        CodePlanes.of_matrix(runs.numpy()),
        right,
        flat.numpy(),
        SumPlaces(m * n, row, ONE_LINE, positions, positions, step),
        None if terms is None else Rescaling(*terms, of_rows=along_m),
        threads=torch.get_num_threads(),
    )


def _conv(
    x: Tensor, w: Tensor, shape: ConvShape, factors: TableFactors, out: Tensor, terms: Terms | None
) -> None:
    left, right = _tables(factors, x, shape.channels // shape.groups, x_rows=False)
    planes, places = conv_planes(x.numpy(), shape, pair_unit().lanes)
    multiply_features_cpu(
        w.view(shape.groups, shape.rows, shape.depth).numpy(),
        left,
        planes,
        right,
        out.view(-1).numpy(),
        places,
        None if terms is None else Rescaling(*terms, of_rows=True),
        threads=torch.get_num_threads(),
    )


def takes_bytes(factors: TableFactors, channels: int, *, x_rows: bool, few: bool = False) -> bool:
    """Whether features of some channels are multiplied in bytes on this CPU.

    Args:
        factors: The table's factors.
        channels: Channels of a group, or K of a product of matrices.
        x_rows: Whether the activations are the kernel's rows.
        few: Whether the codes of the activations are below `FEW`.
    """
    tables = _in_bytes(factors, x_rows=x_rows, few=few)
    if tables is None or factors.pairs is None or not tables[1].unit().instruction:
        return False
    # Of a few channels, words of four features are less full than pairs.
    return tables[1].planes(channels) < factors.pairs[1].planes(channels)


def _in_bytes(
    factors: TableFactors, *, x_rows: bool, few: bool
) -> tuple[ByteTables, ByteTables] | None:
    if few:
        return factors.few_x_rows if x_rows else factors.few_w_rows
    return factors.x_rows if x_rows else factors.w_rows


def _tables(factors: TableFactors, x: Tensor, channels: int, *, x_rows: bool) -> Tables:
    """Return the features of rows and positions; codes of x are looked at where that helps."""
    if factors.pairs is None:
        raise ValueError("'factors' must fit 16 bits")
    for few in (False, True):
        in_bytes = _in_bytes(factors, x_rows=x_rows, few=few)
        if (
            in_bytes is not None
            and takes_bytes(factors, channels, x_rows=x_rows, few=few)
            and not (few and x.numpy().max(initial=0) >= FEW)
        ):
            return in_bytes
    return factors.pairs if x_rows else factors.pairs[::-1]
