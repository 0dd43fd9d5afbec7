"""The geometry of a transposed convolution, and the exact function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from torchapprox.operators.convolution.conv_args import Size, per_axis
from torchapprox.running_layer import in_layer


@dataclass(frozen=True)
class ConvTransposeArgs:
    """The arguments of a transposed convolution, as `torch.nn.ConvTranspose2d` takes them.

    A subclass states the number of dimensions.

    Attributes:
        in_channels: Input channels of all groups.
        out_channels: Output channels of all groups.
        kernel_size: Size of the kernel along each axis, or one number for all.
        stride: Likewise.
        padding: Likewise; elements cut off at either end of the output.
        output_padding: Likewise; elements added at the end of the output.
        dilation: Likewise.
        groups: Number of groups.

    Raises:
        ValueError: ``padding`` is negative, or ``output_padding`` is not smaller than
            stride or dilation.
    """

    DIMS: ClassVar[int]
    FUNCTION: ClassVar[Callable[..., Tensor]]
    """Built in, so that an instance does not bind it; PyTorch 2.6 compiles no call by the type."""

    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: Size
    output_padding: Size
    dilation: Size
    groups: int

    def __post_init__(self) -> None:
        if min(self.axes("padding")) < 0:
            raise ValueError(f"'padding' must not be negative, got {self.padding}")
        extra = self.axes("output_padding")
        limits = zip(self.axes("stride"), self.axes("dilation"), strict=True)
        if any(not 0 <= e < max(limit) for e, limit in zip(extra, limits, strict=True)):
            raise ValueError(
                "'output_padding' must be at least 0 and smaller than either 'stride' or "
                f"'dilation', got {self.output_padding} with {self.stride} and {self.dilation}"
            )

    def axes(self, name: str) -> tuple[int, ...]:
        """Return the argument of that name as one number for each axis."""
        return per_axis(getattr(self, name), self.DIMS, name)

    def backward_args(self) -> dict[str, Any]:
        """Return the keyword arguments of the functional."""
        return {
            "stride": self.stride,
            "padding": self.padding,
            "output_padding": self.output_padding,
            "groups": self.groups,
            "dilation": self.dilation,
        }

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weight, input channels first."""
        return (self.in_channels, self.out_channels // self.groups, *self.axes("kernel_size"))

    def over_weight(self, by_channel: Tensor) -> Tensor:
        """Spread a vector of one element, or one per output channel, over the weight.

        Returns:
            A view or copy of shape `(in_channels, out_channels / groups, 1, ...)`.
        """
        groups = self.groups
        spread = by_channel.expand(self.out_channels).reshape(groups, 1, -1)
        repeated = spread.expand(-1, self.in_channels // groups, -1)
        return repeated.reshape(self.in_channels, -1, *[1] * self.DIMS)

    def scatter_size(self, *size: int) -> tuple[int, ...]:
        """Return the size of the output along each axis before ``padding`` is cut off."""
        arguments = ("kernel_size", "stride", "dilation", "output_padding")
        axes = zip(size, *map(self.axes, arguments), strict=True)
        return tuple(
            (n - 1) * stride + dilation * (kernel - 1) + 1 + extra
            for n, kernel, stride, dilation, extra in axes
        )

    def output_size(self, *size: int) -> tuple[int, ...]:
        """Return the size of the output along each axis for an input of the given size.

        Raises:
            ValueError: The input is empty, or ``padding`` cuts off more than there is.

        Examples:
            >>> ConvTranspose2dArgs(1, 1, 3, 2, 1, (0, 1), 1, 1).output_size(4, 4)
            (7, 8)
        """
        if min(size) < 1:
            raise ValueError(
                f"the input must have at least one element along each axis, got {size}{in_layer()}"
            )
        full = self.scatter_size(*size)
        result = tuple(n - 2 * cut for n, cut in zip(full, self.axes("padding"), strict=True))
        if min(result) < 0:
            raise ValueError(f"'padding' must not exceed the output, got {self.padding} of {full}")
        return result

    def exact(self, x: Tensor, w: Tensor) -> Tensor:
        """Return the exact transposed convolution of real numbers, without a bias.

        Args:
            x: Floating point `(B, in_channels, *size)`.
            w: Floating point, of shape ``weight_shape``.
        """
        return self.FUNCTION(x, w, **self.backward_args())

    def gradients(
        self, grad: Tensor, x: Tensor, w: Tensor, needed: tuple[bool, bool]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return the gradients of ``exact(x, w)`` by x and by w, those that are needed."""
        grad_x, grad_w, _ = torch.ops.aten.convolution_backward(
            grad,
            x,
            w,
            None,
            self.axes("stride"),
            self.axes("padding"),
            self.axes("dilation"),
            True,
            self.axes("output_padding"),
            self.groups,
            (*needed, False),
        )
        return grad_x, grad_w


class ConvTranspose1dArgs(ConvTransposeArgs):
    """`ConvTransposeArgs` of `torch.nn.functional.conv_transpose1d`."""

    DIMS: ClassVar[int] = 1
    FUNCTION = F.conv_transpose1d


class ConvTranspose2dArgs(ConvTransposeArgs):
    """`ConvTransposeArgs` of `torch.nn.functional.conv_transpose2d`."""

    DIMS: ClassVar[int] = 2
    FUNCTION = F.conv_transpose2d


class ConvTranspose3dArgs(ConvTransposeArgs):
    """`ConvTransposeArgs` of `torch.nn.functional.conv_transpose3d`."""

    DIMS: ClassVar[int] = 3
    FUNCTION = F.conv_transpose3d
