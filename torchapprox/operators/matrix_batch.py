"""Batches of matrices that broadcast, as groups of one product each."""

import math

import torch
from torch import Tensor


def grouped(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """Pair the matrices of two batches that broadcast.

    Matrices of x that meet one and the same matrix of w are stacked in one group, so that a single
    w gives one group, as a linear layer has it.

    Args:
        x: `(..., M, K)`.
        w: `(..., N, K)`.

    Returns:
        `(G, S * M, K)` with S matrices in a group, and `(G, N, K)`.

    Examples:
        >>> x, w = torch.zeros(2, 5, 3, 4), torch.zeros(2, 1, 7, 4)
        >>> [tuple(each.shape) for each in grouped(x, w)]
        [(2, 15, 4), (2, 7, 4)]
    """
    batch = broadcast_batch(x, w)
    w_batch, shared = _batch_of(w, batch), unshared(batch, w)
    groups, stacked = math.prod(batch[:shared]), math.prod(batch[shared:])
    (m, depth), n = x.shape[-2:], w.shape[-2]
    return (
        x.expand(*batch, m, depth).reshape(groups, stacked * m, depth),
        w.reshape(*w_batch[:shared], n, depth)
        .expand(*batch[:shared], n, depth)
        .reshape(groups, n, depth),
    )


def broadcast_batch(x: Tensor, w: Tensor) -> tuple[int, ...]:
    """Return the batch of a product of `(..., M, K)` and `(..., N, K)`.

    Raises:
        RuntimeError: The batches do not broadcast.

    Examples:
        >>> broadcast_batch(torch.zeros(2, 1, 3, 4), torch.zeros(5, 7, 4))
        (2, 5)
    """
    one, other = x.shape[:-2], w.shape[:-2]
    if one == other:  # PyTorch's function takes longer than many a product
        return tuple(one)
    shape = torch.broadcast_shapes(one, other)  # type: ignore[no-untyped-call]
    return tuple(shape)


def unshared(batch: tuple[int, ...], w: Tensor) -> int:
    """Return how many of the batch's axes come before those along which w is one matrix.

    Args:
        batch: As `broadcast_batch` returns it.
        w: `(..., N, K)`.

    Examples:
        >>> unshared((2, 5), torch.zeros(2, 1, 7, 4)), unshared((2, 5), torch.zeros(7, 4))
        (1, 0)
    """
    sizes = _batch_of(w, batch)
    shared = len(sizes)
    while shared and sizes[shared - 1] == 1:
        shared -= 1
    return shared


def _batch_of(w: Tensor, batch: tuple[int, ...]) -> tuple[int, ...]:
    return (1,) * (len(batch) - w.dim() + 2) + tuple(w.shape[:-2])
