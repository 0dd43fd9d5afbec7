"""Images with their labels, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Labelled:
    """Images with their labels.

    Attributes:
        images: float32 `(B, C, H, W)`, pixels from -1 to 1.
        labels: int64 `(B,)`, numbers of the classes from 0.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, size: int, *, generator: torch.Generator | None = None) -> Iterator[Self]:
        """Yield all images in batches, in a random order if a generator is given.

        Examples:
            >>> data = Labelled(torch.zeros(5, 1, 8, 8), torch.arange(5))
            >>> [batch.labels.tolist() for batch in data.batches(2)]
            [[0, 1], [2, 3], [4]]
        """
        order = torch.arange(len(self))
        if generator is not None:
            order = torch.randperm(len(self), generator=generator)
        for start in range(0, len(self), size):
            chosen = order[start : start + size]
            yield type(self)(self.images[chosen], self.labels[chosen])
