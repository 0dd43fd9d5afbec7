"""The terms of real numbers as CPU kernels add them to the sums that they write."""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import offsets_cpu
from torchapprox.operators.affine.product_terms import ProductTerms, scale_numbers


def fused_terms(
    terms: ProductTerms, w_rows: Tensor
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]] | None:
    """Return offset, scale and bias of `Rescaling`; None where terms vary by row and column.

    Args:
        terms: The terms, the scale of the type of the result.
        w_rows: Weight codes, uint8 `(..., K)`, a row for each channel, contiguous.

    Examples:
        >>> import torch
        >>> terms = ProductTerms(torch.tensor([3]), torch.ones(2), True)
        >>> fused_terms(terms, torch.tensor([[2, 255], [1, 1]], dtype=torch.uint8))[0]
        array([3., 6.])
    """
    if terms.x_sums is not None:
        return None
    zero_point, scale = terms.numbers or scale_numbers(terms.x_zero_point, terms.scale)
    offset = terms.offset
    if offset is None:
        offset = channel_offsets(w_rows, zero_point, signed=terms.w_signed)
    if terms.bias is None:
        return offset, scale, _zeros(len(scale), scale.dtype)
    bias = terms.bias.detach().numpy().reshape(-1)
    return offset, scale, np.ascontiguousarray(bias, scale.dtype)


def channel_offsets(w_rows: Tensor, zero_point: int, *, signed: bool) -> NDArray[np.float64]:
    """Return the offset of `Rescaling` by row of weights.

    Args:
        w_rows: As of `fused_terms`.
        zero_point: Zero point of the activations.
        signed: Whether weight codes stand for two's complement numbers.
    """
    offsets = np.empty(math.prod(w_rows.shape[:-1]), np.int64)
    rows = w_rows.detach().numpy().reshape(len(offsets), w_rows.shape[-1])
    offsets_cpu(rows, zero_point, offsets, signed=signed)
    return offsets.astype(np.float64)


@lru_cache(maxsize=256)
def _zeros(count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.zeros(count, dtype)
