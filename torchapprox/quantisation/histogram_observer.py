"""torch.ao's histogram observer, with the same ranges in a fraction of the time."""

import math

import numpy as np
import torch
from torch import Tensor

from torchapprox.kernels import value_histogram_cpu
from torchapprox.quantisation import torch_ao
from torchapprox.quantisation.histogram_search import bins_of_least_error

_FEW = 2**12
"""Up to so many values, `torch.histc` is as fast."""


class HistogramObserver(torch_ao.HistogramObserver):  # type: ignore[misc]
    """Counts values in 2,048 bins and searches the range of least squared error.

    Counts, ranges and state are those of `torch.ao.quantization.HistogramObserver`, bit by bit,
    with float32 values on the CPU of which no bin holds more than 2^24; there, `torch.histc` stops
    counting. torch.ao takes 15 nanoseconds for a value where this takes 1.3, and for a search 2
    milliseconds to more than a second, where values are few or equal.
    """

    def forward(self, x_orig: Tensor) -> Tensor:
        """Take note of values, and return them."""
        x = x_orig.detach()
        if x.numel() <= _FEW or not self._is_counted_here(x):
            return self._forward_of_torch(x_orig)
        low, high = torch.aminmax(x)
        seen = bool(self.min_val <= self.max_val)
        if seen:
            low, high = torch.minimum(low, self.min_val), torch.maximum(high, self.max_val)
        if not 0 < ((high - low) * self.bins).item() < math.inf:
            return self._forward_of_torch(x_orig)
        counts = self._counts(x, low, high)
        if seen and torch.equal(low, self.min_val) and torch.equal(high, self.max_val):
            counts += self.histogram
        elif seen:
            counts = self._combine_histograms(
                self.histogram, self.min_val, self.max_val, counts, low, high
            )
        for kept, new in ((self.histogram, counts), (self.min_val, low), (self.max_val, high)):
            kept.detach_().resize_(new.shape).copy_(new)
        return x_orig

    def _forward_of_torch(self, x_orig: Tensor) -> Tensor:
        seen: Tensor = super().forward(x_orig)
        return seen

    def _is_counted_here(self, x: Tensor) -> bool:
        """Return whether the kernel takes values, which a compiler's tracer must not meet."""
        return (
            x.is_cpu
            and self.histogram.is_cpu
            and x.dtype == self.histogram.dtype == self.min_val.dtype == torch.float32
            and not torch.compiler.is_compiling()
        )

    def _counts(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        counts = value_histogram_cpu(
            x.numpy().reshape(-1),
            np.float32(low.item()),
            np.float32(high.item()),
            bins=self.bins,
            threads=torch.get_num_threads(),
        )
        return torch.from_numpy(counts.astype(np.float32))

    def _non_linear_param_search(self) -> tuple[Tensor, Tensor]:
        """Return the ends of the range."""
        if self.histogram.dtype != torch.float32 or torch.compiler.is_compiling():
            ends: tuple[Tensor, Tensor] = super()._non_linear_param_search()
            return ends
        start, end = bins_of_least_error(
            self.histogram.cpu().numpy(),
            (self.max_val.item() - self.min_val.item()) / self.bins,
            levels=self.dst_nbins,
        )
        width = (self.max_val - self.min_val) / self.bins
        return self.min_val + width * start, self.min_val + width * (end + 1)
