"""A layer's product as its backward pass sees it, one form for every kind of layer.

All layers are sums over taps of products of matrices: a linear layer and a matrix product have one
tap, a convolution one for each place of its kernel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from torchapprox.operators.gemm_operands import GemmOperands

Range = tuple[int, int]


@dataclass(frozen=True)
class Tap:
    """The matrices of one tap, and where its gradients go.

    Attributes:
        grad: Gradient of the outputs that the tap reaches, `(G, M, N)`.
        x: Activation codes that it multiplies, uint8 `(G, M, K)`.
        w: Weight codes that it multiplies, uint8 `(G, N, K)`.
        position: Of the tap in the kernel; empty where there is none.
    """

    grad: Tensor
    x: Tensor
    w: Tensor
    position: tuple[int, ...]


class ProductForm(Protocol):
    """The operands of one product in the form that its gradients are made in.

    Attributes:
        x_codes: Activation codes, uint8; of a convolution padded.
        w_codes: Weight codes, uint8.
        x_range: Least and greatest value of the activation port.
        w_range: Likewise of the weight port.
        x_scale: Scale of the activations, one element.
        x_zero_point: Their zero point, one element.
        w_scale: Scales of the weights, broadcastable to ``w_codes``.
        w_zero_point: Their zero points, likewise.
        zero_points: The same by group and output column, int64 `(G, N)`.
    """

    x_codes: Tensor
    w_codes: Tensor
    x_range: Range
    w_range: Range
    x_scale: Tensor
    x_zero_point: Tensor
    w_scale: Tensor
    w_zero_point: Tensor
    zero_points: Tensor

    def by_x(self, grad: Tensor, w: Tensor) -> Tensor:
        """Return the exact product's gradient by x, for real weights ``w``, shape of x_codes."""

    def by_w(self, grad: Tensor, x: Tensor) -> Tensor:
        """Return the exact product's gradient by w, for real activations, shape of w_codes."""

    def taps(self, grad: Tensor, *, fill: int = 0) -> Iterator[Tap]:
        """Yield the matrices of every tap.

        Args:
            grad: Of the output's shape.
            fill: Stands where an output was cut off, which has no gradient.
        """

    def add_x(self, total: Tensor, tap: Tap, part: Tensor) -> None:
        """Add a tap's part `(G, M, K)` of a gradient by x to ``total``, shape of x_codes."""

    def add_w(self, total: Tensor, tap: Tap, part: Tensor) -> None:
        """Add a tap's part `(G, N, K)` of a gradient by w to ``total``, shape of w_codes."""

    def scale_by_channel(self, grad: Tensor) -> Tensor:
        """Return the gradient of the output times the scale of each channel's weights."""

    def restore(self, grad_x: Tensor | None, grad_w: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return gradients by the product's own operands from those by x_codes and w_codes."""


class GemmForm:
    """A grouped matrix product `(G, M, K)` x `(G, N, K)`; see `ProductForm`.

    Args:
        operands: The codes.
        x_scale: Scale of the activations, one element.
        w_scale: Scales of the weights, one element or broadcastable to `(G, N, 1)`.
    """

    def __init__(self, operands: GemmOperands, x_scale: Tensor, w_scale: Tensor) -> None:
        self.x_codes: Tensor = operands.x_codes
        self.w_codes: Tensor = operands.w_codes
        self.x_range: Range = operands.x_range
        self.w_range: Range = operands.w_range
        self.x_scale: Tensor = x_scale.view(())
        self.x_zero_point: Tensor = operands.x_zero_point.view(())
        self.w_scale = w_scale
        self.zero_points: Tensor = operands.w_zero_point
        self.w_zero_point: Tensor = self.zero_points[:, :, None]

    def by_x(self, grad: Tensor, w: Tensor) -> Tensor:  # noqa: D102  see `ProductForm`
        return torch.bmm(grad, w)

    def by_w(self, grad: Tensor, x: Tensor) -> Tensor:  # noqa: D102
        return torch.bmm(grad.mT, x)

    def taps(self, grad: Tensor, *, fill: int = 0) -> Iterator[Tap]:  # noqa: ARG002, D102
        yield Tap(grad, self.x_codes, self.w_codes, ())

    def add_x(self, total: Tensor, tap: Tap, part: Tensor) -> None:  # noqa: ARG002, D102
        total += part

    add_w = add_x

    def scale_by_channel(self, grad: Tensor) -> Tensor:  # noqa: D102
        return grad * self.w_scale.mT.to(grad.dtype)

    def restore(  # noqa: D102
        self, grad_x: Tensor | None, grad_w: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        return grad_x, grad_w
