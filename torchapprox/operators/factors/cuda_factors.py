"""Products and convolutions on a factorised table, on a CUDA device.

Both operands' codes are looked up in the tables of factors and packed along k by one kernel, which
reads receptive fields in place; products of matrices follow, and one kernel puts their sums where
they belong. With T int8 terms a position's features take T K bytes, K rounded up to 16 (T 4 K for
float32, T 8 K for float64), and its products 4 bytes (8 for float64) for each output channel. They
are made for so many positions at a time that they take at most `FIELD_BYTES`.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchapprox.kernels.fields import Fields
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.cuda_arrays import cuda_device, device_array
from torchapprox.operators.exact_floats import exact_floats
from torchapprox.operators.factors.device_factors import DeviceFactors
from torchapprox.operators.lookup.cpu_lookup import runs_x
from torchapprox.operators.lookup.cuda_lookup import conv_fields

FIELD_BYTES = 2**28
_DEPTH_STEP = 16  # int8: PyTorch wants multiples of 8, and memory is read 16 bytes at a time
_ROWS_STEP = 8
_LEAST_ROWS = 32  # PyTorch wants more than 16 rows of the first int8 operand


def cuda_factor_matmul(
    x: Tensor, w: Tensor, factors: DeviceFactors, result: Tensor, arithmetic: str
) -> None:
    """Fill ``result`` with the table product of two code matrices, on the current stream.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        factors: The table's factors on the operands' device.
        result: int32 or int64 `(G, M, N)`, contiguous, or where `runs_x` says so the transpose of a
            contiguous tensor.
        arithmetic: "int8", "float32" or "float64"; sums longer than it holds are made of blocks.
    """
    x_runs = runs_x(x, w)
    short, long = (w, x) if x_runs else (x, w)
    out = result.mT if x_runs else result
    rows, columns = (_Codes(a.contiguous().view(-1), *a.shape) for a in (short, long))
    _multiply(rows, columns, factors, out[None], arithmetic, by_x=not x_runs)


def cuda_factor_conv(
    x: Tensor, w: Tensor, shape: ConvShape, factors: DeviceFactors, out: Tensor, arithmetic: str
) -> None:
    """Fill ``out`` with a convolution on a factorised table, on the current stream.

    Args:
        x: Padded activation codes, uint8 `(B, C, *size)`, contiguous.
        w: Weight codes, uint8 `(N, C / groups, *kernel)`, contiguous.
        shape: The convolution, of one to three axes.
        factors: The table's factors on the operands' device.
        out: int32 or int64 `(B, N, *output_size)`, contiguous.
        arithmetic: As `cuda_factor_matmul` takes it.
    """
    rows = _Codes(w.view(-1), shape.groups, shape.rows, shape.depth)
    by_group = out.view(shape.batch, shape.groups, shape.rows, -1)
    positions = shape.batch * by_group.shape[3]
    columns = _Codes(x.view(-1), shape.groups, positions, shape.depth, conv_fields(shape))
    _multiply(rows, columns, factors, by_group, arithmetic, by_x=False)


@dataclass(frozen=True, slots=True)
class _Codes:
    """One operand: codes `(groups, length, depth)`, or the fields of a convolution."""

    codes: Tensor
    groups: int
    length: int
    depth: int
    fields: Fields | None = None


@dataclass(frozen=True, slots=True)
class _Factor:
    """One operand's tables for one part, and its shift where this part adds it."""

    tables: Tensor
    shift: Tensor | None


@dataclass(frozen=True, slots=True)
class _Packed:
    """Features `(G, at least length, T * D)`, and sums of shifts `(G, length)` or `(0, 0)`."""

    features: Tensor
    sums: Tensor
    length: int


def _multiply(
    rows: _Codes,
    columns: _Codes,
    factors: DeviceFactors,
    out: Tensor,
    arithmetic: str,
    *,
    by_x: bool,
) -> None:
    """Fill ``out (B, G, R, P)``; ``by_x`` where x is the operand of the rows."""
    if rows.depth == 0:
        out.zero_()
        return
    exact = nullcontext() if arithmetic == "int8" else exact_floats(out.device)
    pieces = list(_pieces(factors, arithmetic, rows.depth, by_x=by_x))
    with cuda_device(out.device) as stream, exact:
        for number, (weight, span, of_rows, of_columns) in enumerate(pieces):
            packed = _pack(rows, of_rows, (0, rows.length), span, stream)
            for places in _chunks(columns, packed):
                beside = _pack(columns, of_columns, places, span, stream)
                if len(pieces) == 1 and weight == 1 and _into(packed, beside, out):
                    continue
                products = _products(packed, beside)
                _join(products, packed, beside, out, weight, places[0], stream, first=number == 0)


def _pieces(
    factors: DeviceFactors, arithmetic: str, depth: int, *, by_x: bool
) -> Iterator[tuple[int, tuple[int, int], _Factor, _Factor]]:
    """Yield weight, values of k, and the factors of rows and columns, of every exact product."""
    block = factors.factors.depths[arithmetic]  # type: ignore[index]
    nothing = None, None
    for number, part in enumerate(factors.parts(arithmetic)):
        # A shift belongs to a code and not to a part: the first one adds it.
        shifts = factors.shifts if arithmetic == "int8" and number == 0 else nothing
        x, w = (_Factor(*both) for both in zip((part.left, part.right), shifts, strict=True))
        for start in range(0, depth, block):
            of_both = (x, w) if by_x else (w, x)
            yield part.weight, (start, min(block, depth - start)), *of_both


def _chunks(columns: _Codes, rows: _Packed) -> Iterator[tuple[int, int]]:
    """Yield parts of the columns, first and how many, that take a bounded memory each."""
    kept = rows.features.shape[2] * rows.features.itemsize
    each = columns.groups * (kept + rows.features.shape[1] * _product_type(rows).itemsize)
    step = max(_ROWS_STEP, FIELD_BYTES // each // _ROWS_STEP * _ROWS_STEP)
    for first in range(0, columns.length, step):
        yield first, min(step, columns.length - first)


def _pack(
    operand: _Codes, factor: _Factor, places: tuple[int, int], span: tuple[int, int], stream: Any
) -> _Packed:
    """Return the features of some rows and values of k, each given by the first and how many."""
    from torchapprox.kernels.features import factors_cuda as kernels  # noqa: PLC0415

    (first, length), (start, depth) = places, span
    tables, groups = factor.tables, operand.groups
    int8 = tables.dtype == torch.uint8
    pitch = padded_depth(depth) if int8 else depth
    rows = padded_rows(length) if int8 else length
    features = tables.new_empty(
        (groups, rows, len(tables) * pitch), dtype=torch.int8 if int8 else tables.dtype
    )
    more: dict[str, Any] = {"first": (first, start), "size": (length, depth), "stream": stream}
    sums = None
    if factor.shift is not None:
        tiles = -(-pitch // kernels.SPAN)
        sums = factor.shift.new_empty((tiles, groups, length))
        more |= {"shift": device_array(factor.shift), "sums": device_array(sums)}
    given, codes = device_array(tables), device_array(operand.codes)
    out = device_array(features.view(torch.int32) if int8 else features)
    if operand.fields is None:
        shape = groups, operand.length, operand.depth
        kernels.pack_rows_cuda(given, codes, shape, out, **more)
    else:
        kernels.pack_fields_cuda(given, codes, operand.fields, groups, out, **more)
    total = torch.empty((0, 0), dtype=torch.int64, device=tables.device)
    return _Packed(features, total if sums is None else sums.sum(dim=0), length)


def _into(rows: _Packed, columns: _Packed, out: Tensor) -> bool:
    """Write int8 products where they belong; False where they must be moved there."""
    exact = (rows.features.shape[1], columns.features.shape[1]) == tuple(out.shape[2:])
    shifted = rows.sums.numel() + columns.sums.numel() > 0
    if len(out) != 1 or not exact or shifted or out.dtype != _product_type(rows):
        return False
    _int8_products(rows, columns, out[0])
    return True


def _products(rows: _Packed, columns: _Packed) -> Tensor:
    """Return the products of the features, `(G, at least rows, at least columns)`."""
    if rows.features.dtype != torch.int8:
        return torch.bmm(rows.features, columns.features.mT)
    size = *rows.features.shape[:2], columns.features.shape[1]
    products = rows.features.new_empty(size, dtype=torch.int32)
    _int8_products(rows, columns, products)
    return products


def _int8_products(rows: _Packed, columns: _Packed, out: Tensor) -> None:
    for a, b, product in zip(rows.features, columns.features, out, strict=True):
        torch._int_mm(a, b.mT, out=product)  # noqa: SLF001


def _join(
    products: Tensor,
    rows: _Packed,
    columns: _Packed,
    out: Tensor,
    weight: int,
    place: int,
    stream: Any,
    *,
    first: bool,
) -> None:
    from torchapprox.kernels.features.factors_cuda import join_products_cuda  # noqa: PLC0415

    join_products_cuda(
        device_array(products),
        device_array(out),
        weight=weight,
        overwrite=first,
        columns=columns.length,
        first=place,
        group=0,
        row_terms=device_array(rows.sums),
        column_terms=device_array(columns.sums),
        stream=stream,
    )


def _product_type(packed: _Packed) -> torch.dtype:
    return torch.int32 if packed.features.dtype == torch.int8 else packed.features.dtype


def padded_depth(depth: int) -> int:
    """Return the length of an int8 term along k.

    Examples:
        >>> padded_depth(27)
        32
    """
    return -(-depth // _DEPTH_STEP) * _DEPTH_STEP


def padded_rows(rows: int) -> int:
    """Return how many rows an int8 operand has.

    Examples:
        >>> padded_rows(3), padded_rows(197)
        (32, 200)
    """
    return max(_LEAST_ROWS, -(-rows // _ROWS_STEP) * _ROWS_STEP)
