"""Matrix product on a factorised table: features of the codes, then ordinary exact products."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from torchapprox.operators.engine.factor_tables import Int8Part, TableFactors
from torchapprox.operators.engine.features import feature_sums, features


def factor_matmul(
    x: Tensor, w: Tensor, factors: TableFactors, result: Tensor, arithmetic: str
) -> None:
    """Fill ``result`` with the table product of two code matrices.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        factors: The table's factors; they prove that int8 is exact for K, and floats for blocks
            of K, whose sums are added as integers.
        result: int32 or int64 `(G, M, N)`, contiguous, or the transpose of a contiguous tensor.
        arithmetic: "int8", "float32" or "float64".
    """
    if not result.is_contiguous():
        x, w, factors, result = w, x, factors.transposed, result.mT
    x, w = x.contiguous(), w.contiguous()
    if x.shape[2] == 0:
        result.zero_()
    elif arithmetic == "int8":
        _int8(x, w, factors, result)
    elif arithmetic == "float32":
        _floats(x, w, factors, result, np.float32, factors.depths["float32"])
    else:
        _floats(x, w, factors, result, np.float64, factors.depths["float64"])


def _int8(x: Tensor, w: Tensor, factors: TableFactors, out: Tensor) -> None:
    for number, part in enumerate(factors.parts):
        rows, columns = features(x, part.left).flatten(2), features(w, part.right).flatten(2)
        for group, (a, b) in enumerate(zip(rows, columns, strict=True)):
            int8_product(a, b.mT, part, out[group], first=number == 0)
    if factors.x_shift is not None:
        out += feature_sums(x, factors.x_shift)[:, :, None].to(out.dtype)
    if factors.w_shift is not None:
        out += feature_sums(w, factors.w_shift)[:, None, :].to(out.dtype)


def _floats(
    x: Tensor, w: Tensor, factors: TableFactors, out: Tensor, dtype: type, block: int
) -> None:
    sides: Any = factors.left.astype(dtype), factors.right.astype(dtype)
    left, right = sides
    for start in range(0, x.shape[2], block):
        part = slice(start, start + block)
        rows = features(x[..., part].contiguous(), left).flatten(2)
        columns = features(w[..., part].contiguous(), right).flatten(2)
        with torch.autocast("cpu", enabled=False):
            sums = torch.bmm(rows, columns.mT)
        if start:
            out += sums.to(out.dtype)
        else:
            out.copy_(sums)


def int8_product(a: Tensor, b: Tensor, part: Int8Part, out: Tensor, *, first: bool) -> None:
    """Write, or add, the product of a part's features, times its weight.

    Args:
        a: int8 `(M, K)`.
        b: int8 `(K, N)`, or the transpose of contiguous `(N, K)`.
        part: The part, for its weight.
        out: int32 or int64 `(M, N)`.
        first: Whether to write and not to add.
    """
    if len(b) == 1:  # PyTorch takes strides (1, 1) for those of a column
        b = b.as_strided(b.shape, (b.shape[1], 1))
    # PyTorch's only product of int8 matrices that is summed in int32.
    if first and part.weight == 1 and out.dtype == torch.int32 and out.is_contiguous():
        torch._int_mm(a, b, out=out)  # noqa: SLF001
        return
    sums = torch._int_mm(a, b).to(out.dtype) * part.weight  # noqa: SLF001
    if first:
        out.copy_(sums)
    else:
        out += sums
