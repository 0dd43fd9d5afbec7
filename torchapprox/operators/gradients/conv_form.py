"""Convolutions and transposed convolutions as their backward pass sees them."""

import itertools
from collections.abc import Iterator, Sequence
from types import EllipsisType
from typing import Any

import torch
from torch import Tensor

from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.convolution.conv_args import ConvArgs
from torchapprox.operators.convolution.conv_operands import ConvOperands
from torchapprox.operators.convolution.conv_transpose_args import ConvTransposeArgs
from torchapprox.operators.convolution.conv_transpose_operands import ConvTransposeOperands
from torchapprox.operators.convolution.padding import pad_adjoint
from torchapprox.operators.gradients.product_form import Range, Tap

Window = tuple[EllipsisType | slice, ...]


class ConvForm:
    """A convolution or a transposed one; see `ProductForm`.

    Both pair inputs with outputs tap by tap: input ``p * stride + t * dilation`` of a convolution
    goes to output p, input p of a transposed one to output ``p * stride + t * dilation``.

    Args:
        operands: The codes.
        params: How the operands are quantised.
        size: Size of the unpadded input along each axis.
    """

    def __init__(
        self,
        operands: ConvOperands | ConvTransposeOperands,
        params: QuantizationParameters,
        size: Sequence[int],
    ) -> None:
        args: Any = operands.args
        self.x_codes: Tensor = operands.x_codes
        self.w_codes: Tensor = operands.w_codes
        self.x_range: Range = operands.x_range
        self.w_range: Range = operands.w_range
        self.x_scale: Tensor = params.x_scale.view(())
        self.x_zero_point: Tensor = params.x_zero_point.view(())
        self.w_scale: Tensor = args.over_weight(params.w_scale.view(-1))
        self.w_zero_point: Tensor = args.over_weight(params.w_zero_point.view(-1))
        self.zero_points: Tensor = operands.w_zero_point.view(args.groups, -1)
        self._scale_by_channel = params.w_scale.view(-1)
        self._args: ConvArgs | ConvTransposeArgs = args
        self._size, self._output_size = tuple(size), operands.output_size
        self._transposed = isinstance(args, ConvTransposeArgs)

    def by_x(self, grad: Tensor, w: Tensor) -> Tensor:  # noqa: D102  see `ProductForm`
        return self._exact(grad, grad.new_empty(self.x_codes.shape), w, 0)

    def by_w(self, grad: Tensor, x: Tensor) -> Tensor:  # noqa: D102
        return self._exact(grad, x, grad.new_empty(self.w_codes.shape), 1)

    def _exact(self, grad: Tensor, x: Tensor, w: Tensor, which: int) -> Tensor:
        axes, zeros = self._args.axes, (0,) * self._args.DIMS
        gradients = torch.ops.aten.convolution_backward(
            grad, x, w, None, axes("stride"),
            axes("padding") if self._transposed else zeros, axes("dilation"), self._transposed,
            axes("output_padding") if self._transposed else zeros, self._args.groups,
            (which == 0, which == 1, False),
        )  # fmt: skip
        gradient: Tensor = gradients[which]
        return gradient

    def taps(self, grad: Tensor, *, fill: int = 0) -> Iterator[Tap]:  # noqa: D102
        groups = self._args.groups
        if self._transposed:
            full = grad.new_full((*grad.shape[:2], *self._full_size()), fill)
            full[_window(self._args.axes("padding"), self._output_size, None)] = grad
            grad = full
        by_group = self.w_codes.view(groups, -1, *self.w_codes.shape[1:])
        for tap in itertools.product(*map(range, self._args.axes("kernel_size"))):
            w = by_group[_at(tap)]  # (G, N, K), of a transposed convolution (G, K, N)
            window = self._reach(tap)
            x, part = self.x_codes, grad
            x, part = (x, part[window]) if self._transposed else (x[window], part)
            w = w.mT if self._transposed else w
            yield Tap(_matrices(part, groups), _matrices(x, groups), w, tap)

    def add_x(self, total: Tensor, tap: Tap, part: Tensor) -> None:  # noqa: D102
        reached = total if self._transposed else total[self._reach(tap.position)]
        groups, _, depth = part.shape
        shape = (groups * depth, len(total), *reached.shape[2:])
        reached += part.mT.reshape(shape).transpose(0, 1)

    def add_w(self, total: Tensor, tap: Tap, part: Tensor) -> None:  # noqa: D102
        part = part.mT if self._transposed else part
        total[_at(tap.position)] += part.reshape(total.shape[:2])

    def scale_by_channel(self, grad: Tensor) -> Tensor:  # noqa: D102
        scale = self._scale_by_channel.view(-1, *[1] * self._args.DIMS)
        return grad * scale.to(grad.dtype)

    def restore(  # noqa: D102
        self, grad_x: Tensor | None, grad_w: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        if grad_x is None or isinstance(self._args, ConvTransposeArgs):
            return grad_x, grad_w
        args = self._args
        return pad_adjoint(grad_x, self._size, args.margins(), args.padding_mode), grad_w

    def _reach(self, tap: tuple[int, ...]) -> Window:
        """Return the part of a convolution's input, of a transposed one's output, of one tap."""
        first = [t * d for t, d in zip(tap, self._args.axes("dilation"), strict=True)]
        count = self._size if self._transposed else self._output_size
        return _window(first, count, self._args.axes("stride"))

    def _full_size(self) -> tuple[int, ...]:
        cut = self._args.axes("padding")
        return tuple(n + 2 * c for n, c in zip(self._output_size, cut, strict=True))


def _matrices(by_channel: Tensor, groups: int) -> Tensor:
    """Lay `(B, C, *size)` out as `(G, M, C / G)`, M = (image, *position)."""
    of_groups = by_channel.transpose(0, 1).reshape(groups, by_channel.shape[1] // groups, -1)
    return of_groups.mT


def _at(position: tuple[int, ...]) -> tuple[EllipsisType | int, ...]:
    return (..., *position)


def _window(first: Sequence[int], count: Sequence[int], step: Sequence[int] | None) -> Window:
    steps = step or (1,) * len(first)
    axes = zip(first, count, steps, strict=True)
    return (..., *(slice(f, f + (n - 1) * s + 1, s) for f, n, s in axes))
