"""Standard normal noise that some outputs of a layer share."""

import torch
from torch import Tensor


def draw_channels(
    y: Tensor, loadings: Tensor | None, axis: int, generator: torch.Generator | None
) -> Tensor:
    """Draw noise whose channels are correlated at each position, and independent between positions.

        sqrt(1 - sum_r L_or**2) * randn_o + sum_r L_or * randn_r

    The second sum has the same ``randn_r`` for all channels o of a position, so that the variance
    is 1, and the correlation of two channels ``sum_r L_or L_pr``.

    Args:
        y: Output that the noise is for; gives its shape, type and device.
        loadings: L, floating point `(C, R)`; independent channels if None.
        axis: The channels' axis, counted from the end.
        generator: Source of the noise; PyTorch's global generator if None.

    Examples:
        >>> drawn = draw_channels(torch.zeros(5, 2), torch.ones(2, 1), -1, None)
        >>> bool((drawn[:, 0] == drawn[:, 1]).all())
        True
    """
    noise = torch.empty_like(y).normal_(generator=generator)
    if loadings is None:
        return noise
    positions = y.movedim(axis, -1).shape[:-1]
    shared = y.new_empty(*positions, loadings.shape[1]).normal_(generator=generator)
    own = (1 - loadings.square().sum(dim=1)).clamp(min=0).sqrt()
    own = own.view(-1, *[1] * (-1 - axis))
    return noise * own + (shared @ loadings.mT).movedim(-1, axis)


def draw_matrices(y: Tensor, shares: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw noise of which matrices, their rows and their columns each share a part.

        sqrt(s_0) * randn + sqrt(s_1) * randn_m + sqrt(s_2) * randn_n + sqrt(rest) * randn_mn

    for row m and column n of each matrix, with the rest ``1 - s_0 - s_1 - s_2``: the variance is 1.

    Args:
        y: Output that the noise is for, `(..., M, N)`; gives its shape, type and device.
        shares: Of the variance, what all of a matrix, each row and each column share,
            floating point `(3,)`.
        generator: Source of the noise; PyTorch's global generator if None.

    Examples:
        >>> drawn = draw_matrices(torch.zeros(2, 3, 4), torch.tensor([0.0, 0.0, 1.0]), None)
        >>> bool((drawn == drawn[:, :1]).all())
        True
    """
    *batch, rows, columns = y.shape
    parts = [*shares.unbind(), (1 - shares.sum()).clamp(min=0)]
    noise = torch.zeros_like(y)
    for share, size in zip(parts, ((1, 1), (rows, 1), (1, columns), (rows, columns)), strict=True):
        noise = noise + share.sqrt() * y.new_empty(*batch, *size).normal_(generator=generator)
    return noise
