"""The terms of real numbers as CPU kernels add them to the sums that they write."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import offsets_cpu
from torchapprox.operators.affine.product_terms import ProductTerms


def fused_terms(
    terms: ProductTerms, w_rows: Tensor
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]] | None:
    """Return offset, scale and bias of `Rescaling`; None where terms vary by row and column.

    Args:
        terms: The terms, the scale of the type of the result.
        w_rows: Weight codes, uint8 `(..., K)`, a row for each channel, contiguous.

    Examples:
        >>> import torch
        >>> terms = ProductTerms(torch.tensor([3]), torch.ones(2), True)
        >>> fused_terms(terms, torch.tensor([[2, 255], [1, 1]], dtype=torch.uint8))[0]
        array([3, 6])
    """
    if terms.x_sums is not None:
        return None
    scale = terms.scale.detach().reshape(-1).contiguous().numpy()
    offset = np.empty(len(scale), np.int64)
    rows = w_rows.detach().view(len(scale), w_rows.shape[-1]).numpy()
    offsets_cpu(rows, int(terms.x_zero_point), offset, signed=terms.w_signed)
    if terms.bias is None:
        return offset, scale, np.zeros_like(scale)
    bias = terms.bias.detach().to(terms.scale.dtype)
    return offset, scale, bias.reshape(-1).contiguous().numpy()
