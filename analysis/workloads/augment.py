"""Random changes of images that leave their classes as they are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SHIFT = 8
"""The greatest shift is the image's size over this."""


def mirrored_and_shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror every other image at random, and shift each by up to an eighth of its size.

    Args:
        images: `(B, C, H, W)`; what is shifted in is black, -1.
        generator: Chooses; on the CPU.

    Returns:
        Other images of the same shape.

    Examples:
        >>> image = torch.arange(64.0).reshape(1, 1, 8, 8)
        >>> mirrored_and_shifted(image, torch.Generator().manual_seed(0)).shape
        torch.Size([1, 1, 8, 8])
    """
    count, _, height, width = images.shape
    most = max(1, width // SHIFT)
    padded = F.pad(images, (most, most, most, most), value=-1.0)
    down, right = torch.randint(0, 2 * most + 1, (2, count, 1), generator=generator)
    mirror = torch.rand(count, 1, generator=generator) < 0.5
    rows = down + torch.arange(height)
    columns = torch.where(mirror, torch.arange(width - 1, -1, -1), torch.arange(width)) + right
    places = torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None]
    picked = padded.permute(0, 2, 3, 1)[tuple(place.to(images.device) for place in places)]
    return picked.permute(0, 3, 1, 2)
