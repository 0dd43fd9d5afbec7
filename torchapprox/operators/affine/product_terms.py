"""What turns a layer's sums of products into real numbers, beside the sums."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import offsets_cpu
from torchapprox.operators.affine.codes import code_tensor_values
from torchapprox.operators.affine.rescale import rescale
from torchapprox.operators.cuda_arrays import on_cuda

ScaleNumbers = tuple[int, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ProductTerms:
    """What turns the sums of products of codes into real numbers.

        real = scale * (sum - zx * (sum_k w - K * zw) - zw * sum_k x) + bias

    Channels are N columns in each of G groups of a matrix product, and N of a convolution: vectors
    by channel are `(G, N)` or `(N,)`.

    Attributes:
        x_zero_point: Zero point of the activations, int64 `(1,)`.
        scale: Product of the operands' scales, floating point, by channel.
        w_signed: Whether weight codes stand for two's complement numbers.
        bias: Floating point, by channel; None for zeros.
        w_zero_point: Zero points of the weights, int64, by channel; looked at with ``x_sums`` only.
        x_sums: Sums of the activations' values, as `rescale` takes them; None where every zero
            point of the weights is 0.
        numbers: What `scale_numbers` returns for ``x_zero_point`` and ``scale``, where it is known.
        offset: The zero point of the activations times the sum of each channel's weights, float64
            by channel, where it is known.
    """

    x_zero_point: Tensor
    scale: Tensor
    w_signed: bool
    bias: Tensor | None = None
    w_zero_point: Tensor | None = None
    x_sums: Tensor | None = None
    numbers: ScaleNumbers | None = None
    offset: NDArray[np.float64] | None = None

    def rescaled(
        self, sums: Tensor, w_rows: Tensor, *, channel_axis: int, dtype: torch.dtype
    ) -> Tensor:
        """Return the real numbers of sums in a pass of its own.

        Args:
            sums: As `rescale` takes them.
            w_rows: Weight codes, uint8, a row for each channel.
            channel_axis: As `rescale` takes it.
            dtype: Floating-point type of the result.

        Returns:
            ``dtype``, the shape of ``sums``, contiguous.

        Examples:
            >>> one = torch.tensor([1])
            >>> terms = ProductTerms(one, torch.tensor([[0.5]]), True, bias=torch.tensor([[3.0]]))
            >>> weights = torch.tensor([[[2, 255]]], dtype=torch.uint8)
            >>> terms.rescaled(torch.tensor([[[5], [7]]]), weights, channel_axis=2,
            ...                dtype=torch.float32)
            tensor([[[5.],
                     [6.]]])
        """
        w_sums = _row_sums(w_rows, signed=self.w_signed)
        if self.x_sums is not None and self.w_zero_point is not None:
            w_sums -= w_rows.shape[-1] * self.w_zero_point
        reals = rescale(
            sums,
            self.x_zero_point * w_sums,
            self.scale,
            channel_axis=channel_axis,
            dtype=dtype,
            x_sums=self.x_sums,
            w_zero_point=self.w_zero_point,
        )
        if self.bias is None:
            return reals
        bias = self.bias.to(dtype)
        return reals + (bias.view(-1, 1) if channel_axis == 1 else bias[:, None, :])


def _row_sums(codes: Tensor, *, signed: bool) -> Tensor:
    """Return the sum of the values of each row of codes, int64."""
    if torch.compiler.is_compiling() or on_cuda(codes):
        return code_tensor_values(codes, signed=signed).sum(dim=-1, dtype=torch.int64)
    sums = np.empty(math.prod(codes.shape[:-1]), np.int64)
    rows = codes.detach().contiguous().numpy().reshape(len(sums), codes.shape[-1])
    offsets_cpu(rows, 1, sums, signed=signed)
    return torch.from_numpy(sums).view(codes.shape[:-1])


def scale_numbers(x_zero_point: Tensor, scale: Tensor) -> ScaleNumbers:
    """Return a zero point as a number, and scales as a vector of the CPU's memory.

    Args:
        x_zero_point: Integer, one element.
        scale: Floating point, any shape.

    Examples:
        >>> scale_numbers(torch.tensor([3]), torch.ones(1, 2))
        (3, array([1., 1.], dtype=float32))
    """
    return int(x_zero_point), scale.detach().reshape(-1).contiguous().numpy()
