"""The matrix product that a convolution lowers to, laid out only for those who need it whole."""

from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import gather_cpu, window_histogram_cpu
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.lookup.lut_conv import receptive_fields


class ConvGemmOperands(GemmOperands):
    """The grouped matrix product of a convolution's receptive fields with its kernels.

    M = B * prod(output size) and K = C / groups * prod(kernel). The receptive fields take
    prod(kernel) times the memory of the codes; rows of them, and their counts, are found in the
    codes where they stand.

    Args:
        padded: Activation codes, uint8 `(B, C, *size)`, contiguous.
        shape: The convolution, without padding.
        fields: The other attributes of `GemmOperands`.
    """

    def __init__(self, *, padded: Tensor, shape: ConvShape, **fields: Any) -> None:
        vars(self).update(fields, _padded=padded, _shape=shape)

    _padded: Tensor
    _shape: ConvShape

    @cached_property
    def x_codes(self) -> Tensor:
        """Activation codes, uint8 `(G, M, K)`, laid out at the first look."""
        return receptive_fields(self._padded, self._shape)

    @property
    def rows(self) -> int:
        """Rows of a group's activations, M."""
        return len(self._padded) * prod(self._shape.output_size)

    def x_rows(self, items: NDArray[np.intp]) -> Tensor:
        """Return some rows of the activations of every group, uint8 `(G, R, K)`.

        Args:
            items: Which, R numbers below M.
        """
        shape, (image, channel, *steps) = self._shape, self._padded.stride()
        batch, *position = np.unravel_index(items, (len(self._padded), *shape.output_size))
        first = batch * image + sum(
            at * step * hop for at, step, hop in zip(position, steps, shape.stride, strict=True)
        )
        taps = np.arange(shape.channels) * channel
        for count, step, dilation in zip(shape.kernel, steps, shape.dilation, strict=True):
            taps = np.add.outer(taps, np.arange(count) * step * dilation)
        out = np.empty((shape.groups, len(items), shape.depth), np.uint8)
        gather_cpu(
            self._padded.view(-1).cpu().numpy(),
            first,
            taps.reshape(shape.groups, shape.depth),
            out,
            threads=torch.get_num_threads(),
        )
        return torch.from_numpy(out).to(self._padded.device)

    def add_x_counts(self, counts: NDArray[Any]) -> None:
        """Add how often each activation code occurs at each input position.

        Args:
            counts: Integers `(G * K, 256)` of a type that holds the counts; added to.
        """
        window_histogram_cpu(
            self._padded.cpu().numpy(),
            counts,
            kernel=self._shape.kernel,
            stride=self._shape.stride,
            dilation=self._shape.dilation,
            output=self._shape.output_size,
            threads=torch.get_num_threads(),
        )
