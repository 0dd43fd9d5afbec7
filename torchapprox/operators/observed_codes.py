"""What a trace takes of operand codes: some rows, and counts by position."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import histogram_cpu, strip_histogram_cpu


def rows_of(codes: Tensor, items: NDArray[np.integer]) -> Tensor:
    """Return some rows of a matrix, or of every matrix of a stack.

    Args:
        codes: uint8 `(..., M, K)`, of any layout.
        items: Which, R numbers below M.

    Returns:
        uint8 `(..., R, K)`, of any layout.

    Examples:
        >>> rows_of(torch.tensor([[1, 2], [3, 4], [5, 6]]), np.array([2, 0])).tolist()
        [[5, 6], [1, 2]]
    """
    chosen = torch.from_numpy(items.astype(np.int64)).to(codes.device)
    if not codes.is_cpu or codes.stride(-1) == 1:
        return codes.index_select(-2, chosen)
    # Where rows are not contiguous, columns are, and NumPy is fast along them.
    columns = np.take(codes.mT.numpy(), items, axis=-1)
    return torch.from_numpy(columns).mT


def add_code_counts(codes: Tensor, counts: NDArray[Any]) -> None:
    """Add how often each code occurs at each position.

    Args:
        codes: uint8 `(G, M, K)`, of any layout.
        counts: `(G * K, 256)` of any type that holds the counts, C-contiguous; added to.

    Examples:
        >>> counts = np.zeros((2, 256), np.int64)
        >>> add_code_counts(torch.tensor([[[7, 9], [7, 8]]], dtype=torch.uint8), counts)
        >>> counts[0, 7:10].tolist(), counts[1, 7:10].tolist()
        ([2, 0, 0], [0, 1, 1])
    """
    if codes.is_contiguous() and codes.is_cpu:
        strip_histogram_cpu(codes.numpy(), counts, threads=torch.get_num_threads())
        return
    by_position = codes.mT.reshape(len(counts), -1).contiguous().cpu()
    histogram_cpu(by_position.numpy(), counts, threads=torch.get_num_threads())
