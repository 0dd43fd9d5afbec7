"""The terms of real numbers as CPU kernels add them to the sums that they write."""

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
    of_channels = np.empty(len(scale), np.int64)
    rows = w_rows.detach().numpy().reshape(len(scale), w_rows.shape[-1])
    offsets_cpu(rows, zero_point, of_channels, signed=terms.w_signed)
    offset = of_channels.astype(np.float64)
    if terms.bias is None:
        return offset, scale, np.zeros_like(scale)
    bias = terms.bias.detach().numpy().reshape(-1)
    return offset, scale, np.ascontiguousarray(bias, scale.dtype)
