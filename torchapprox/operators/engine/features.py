"""Codes as features: what a function of 256 codes makes of each."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import map_codes_cpu, sum_mapped_cpu


def features(codes: Tensor, tables: NDArray[np.generic]) -> Tensor:
    """Return r functions of each code, side by side along the axis before the last.

    Args:
        codes: uint8 `(..., I)`, contiguous, on the CPU.
        tables: int8, float32 or float64 `(r, 256)`, C-contiguous.

    Returns:
        Type of ``tables``, `(..., r, I)`, contiguous.

    Examples:
        >>> doubled_and_one = np.stack([2.0 * np.arange(256), np.ones(256)])
        >>> features(torch.tensor([[3, 4]], dtype=torch.uint8), doubled_and_one)
        tensor([[[6., 8.],
                 [1., 1.]]], dtype=torch.float64)
    """
    *outer, inner = codes.shape
    rows = codes.reshape(-1, inner).numpy()
    out = np.empty((len(rows), len(tables), inner), tables.dtype)
    map_codes_cpu(rows, tables, out, threads=torch.get_num_threads())
    return torch.from_numpy(out).view(*outer, len(tables), inner)


def feature_sums(codes: Tensor, table: NDArray[np.int64]) -> Tensor:
    """Return the sum of a function of codes over the last axis.

    Args:
        codes: uint8 `(..., I)`, contiguous, on the CPU.
        table: int64 `(256,)`.

    Returns:
        int64 `(...)`.

    Examples:
        >>> feature_sums(torch.tensor([[3, 4], [1, 0]], dtype=torch.uint8), np.arange(256))
        tensor([7, 1])
    """
    rows = codes.reshape(-1, codes.shape[-1]).numpy()
    out = np.empty(len(rows), np.int64)
    sum_mapped_cpu(rows, table, out, threads=torch.get_num_threads())
    return torch.from_numpy(out).view(codes.shape[:-1])
