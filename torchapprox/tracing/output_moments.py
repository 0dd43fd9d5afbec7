"""Mean and standard deviation of a layer's outputs, batch after batch."""

import math

import torch
from torch import Tensor

from torchapprox.kernels import moments_cpu
from torchapprox.operators.affine.codes import at_least_float32


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
        self.count: int = 0
        self.mean: float = 0.0
        self._m2 = 0.0

    def add(self, values: Tensor) -> None:
        """Take note of numbers, floating point, any shape."""
        count = values.numel()
        if not count:
            return
        values = at_least_float32(values.detach())
        if values.is_cpu:
            flat = values.numpy().reshape(-1)
            mean, squares = moments_cpu(flat, threads=torch.get_num_threads())
        else:
            # Every look at a result waits for the device: one for both.
            wide = values.to(torch.float64, copy=True)
            middle = wide.mean()
            both = torch.stack([middle, wide.sub_(middle).square_().sum()])
            mean, squares = both.tolist()
        total, shift = self.count + count, mean - self.mean
        self._m2 += squares + shift**2 * self.count * count / total
        self.mean += shift * count / total
        self.count = total

    @property
    def std(self) -> float:
        """Standard deviation, divided by the number of values; 0 before the first."""
        return math.sqrt(self._m2 / max(self.count, 1))
