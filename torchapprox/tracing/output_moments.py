"""Mean and standard deviation of a layer's outputs, batch after batch."""

import math

import torch
from torch import Tensor

_AT_ONCE = 2**15  # float64 numbers that stay in the cache


class OutputMoments:
    """Mean and standard deviation of all numbers seen so far, in float64.

    The moments of parts are merged (Chan, Golub and LeVeque 1979, equations 2.1).

    Attributes:
        count: How many numbers there were.
        mean: Their mean; 0 before the first.

    Examples:
        >>> moments = OutputMoments()
        >>> moments.add(torch.tensor([1.0, 2.0]))
        >>> moments.add(torch.tensor([[3.0], [4.0]]))
        >>> moments.count, moments.mean, round(moments.std**2, 6)
        (4, 2.5, 1.25)
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._m2 = 0.0

    def add(self, values: Tensor) -> None:
        """Take note of numbers, floating point, any shape."""
        flat = values.detach().reshape(-1)
        # Elsewhere than on the CPU every look at a result waits for the device: one for all.
        for part in torch.split(flat, _AT_ONCE if flat.is_cpu else max(1, len(flat))):
            if len(part):
                self._merge(part.to(torch.float64, copy=True))

    @property
    def std(self) -> float:
        """Standard deviation, divided by the number of values; 0 before the first."""
        return math.sqrt(self._m2 / max(self.count, 1))

    def _merge(self, part: Tensor) -> None:
        count, mean = len(part), float(part.mean())
        deviation = part.sub_(mean)
        total, shift = self.count + count, mean - self.mean
        self._m2 += float(deviation.square_().sum()) + shift**2 * self.count * count / total
        self.mean += shift * count / total
        self.count = total
