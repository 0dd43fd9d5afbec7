"""The geometry of a convolution in one, two or three dimensions, and the exact function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from multipliers.parameters import check_kind, integer
from torchapprox.operators.convolution.padding import (
    PADDING_MODES,
    check_margins,
    pad_adjoint,
    pad_reals,
    padded_size,
)
from torchapprox.operators.remembered import Derived, remembered
from torchapprox.running_layer import in_layer

Size = int | tuple[int, ...]
Arguments = TypeVar("Arguments")


def per_axis(value: Size, dims: int, name: str) -> tuple[int, ...]:
    """Return one number for each of ``dims`` axes.

    Examples:
        >>> per_axis(3, 2, "stride"), per_axis((1, 2), 2, "stride")
        ((3, 3), (1, 2))
    """
    # Sequences first: PyTorch 2.6 does not compile the question whether one is an integer.
    if isinstance(value, Sequence):
        sizes = [integer(size) for size in value]
    else:
        sizes = [integer(value)] * dims
    numbers = tuple(size for size in sizes if size is not None)
    if len(sizes) != dims or len(numbers) != dims:
        raise ValueError(f"{name!r} must be a number or {dims} numbers, got {value}")
    return numbers


@dataclass(frozen=True)
class ConvArgs:
    """The arguments of a convolution, as `torch.nn.Conv1d`, `Conv2d` and `Conv3d` take them.

    A subclass states the number of dimensions.

    Attributes:
        in_channels: Input channels of all groups.
        out_channels: Output channels of all groups.
        kernel_size: Size of the kernel along each axis, or one number for all.
        stride: Likewise.
        padding: Likewise, or "valid" or "same".
        dilation: Likewise.
        groups: Number of groups.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Raises:
        ValueError: ``padding_mode`` is none of these.
    """

    # What follows from the arguments is kept with an instance, which layers use again and again.

    DIMS: ClassVar[int]
    FUNCTION: ClassVar[Callable[..., Tensor]]
    """Built in, so that an instance does not bind it; PyTorch 2.6 compiles no call by the type."""

    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: Size | str
    dilation: Size
    groups: int
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        check_kind("padding_mode", self.padding_mode, str)
        if self.padding_mode not in PADDING_MODES:
            raise ValueError(
                f"'padding_mode' must be one of {', '.join(PADDING_MODES)}, "
                f"got {self.padding_mode!r}"
            )

    def axes(self, name: str) -> tuple[int, ...]:
        """Return ``kernel_size``, ``stride`` or ``dilation`` as one number for each axis."""
        return self._axes[name]

    @Derived
    def _axes(self) -> dict[str, tuple[int, ...]]:
        names = "kernel_size", "stride", "dilation"
        return {name: per_axis(getattr(self, name), self.DIMS, name) for name in names}

    def backward_args(self) -> dict[str, Any]:
        """Return the keyword arguments of the functional that takes a padded input if need be.

        Only zeros can be left to the functional; in the other modes ``padding`` is 0.
        """
        return {
            "stride": self.stride,
            "padding": self.padding if self.padding_mode == "zeros" else 0,
            "dilation": self.dilation,
            "groups": self.groups,
        }

    def use_fast_dwconv(self) -> bool:
        """Whether this is a depthwise convolution without dilation, one output per channel."""
        depthwise = self.groups == self.in_channels == self.out_channels
        return depthwise and set(self.axes("dilation")) == {1}

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weight, output channels first."""
        return (self.out_channels, self.in_channels // self.groups, *self.axes("kernel_size"))

    def over_weight(self, by_channel: Tensor) -> Tensor:
        """Return a vector of one element, or one per output channel, as `(-1, 1, ...)`, a view."""
        return by_channel.view(-1, *[1] * (self.DIMS + 1))

    @Derived
    def spans(self) -> tuple[int, ...]:
        """Elements between the first and the last tap of the kernel along each axis, inclusive."""
        kernel, dilation = self.axes("kernel_size"), self.axes("dilation")
        return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))

    def margins(self) -> tuple[tuple[int, int], ...]:
        """Return the padding before and after each axis.

        "same" puts the odd element of an even kernel's padding after, as PyTorch does.

        Raises:
            ValueError: ``padding`` is negative or another text.

        Examples:
            >>> Conv2dArgs(1, 1, (2, 3), 1, "same", 1, 1).margins()
            ((0, 1), (1, 1))
        """
        return self._margins

    @Derived
    def _margins(self) -> tuple[tuple[int, int], ...]:
        if self.padding == "valid":
            return ((0, 0),) * self.DIMS
        if self.padding == "same":
            totals = [span - 1 for span in self.spans]
            return tuple((total // 2, total - total // 2) for total in totals)
        if isinstance(self.padding, str):
            raise ValueError(f"'padding' must be 'valid', 'same' or a number, got {self.padding!r}")
        padding = per_axis(self.padding, self.DIMS, "padding")
        if min(padding) < 0:
            raise ValueError(f"'padding' must not be negative, got {self.padding}")
        return tuple((one_side, one_side) for one_side in padding)

    def output_size(self, *size: int) -> tuple[int, ...]:
        """Return the size of the output along each axis for an input of the given size.

        Raises:
            ValueError: The padded input is smaller than the dilated kernel, or the input too small
                for its padding mode.

        Examples:
            >>> Conv2dArgs(1, 1, 3, 2, 1, 1, 1).output_size(8, 5)
            (4, 3)
        """
        return _output_size(self, size)

    def exact(self, x: Tensor, w: Tensor) -> Tensor:
        """Return the exact convolution of real numbers, without a bias.

        Args:
            x: Floating point `(B, in_channels, *size)`.
            w: Floating point, of shape ``weight_shape``.
        """
        if self.padding_mode != "zeros":
            x = pad_reals(x, self.margins(), self.padding_mode)
        return self.FUNCTION(x, w, **self.backward_args())

    def gradients(
        self, grad: Tensor, x: Tensor, w: Tensor, needed: tuple[bool, bool]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return the gradients of ``exact(x, w)`` by x and by w, those that are needed."""
        margins, zeros = self.margins(), (0,) * self.DIMS
        padded_inside = self.padding_mode == "zeros" and all(a == b for a, b in margins)
        grad_padded, grad_w, _ = torch.ops.aten.convolution_backward(
            grad,
            x if padded_inside else pad_reals(x, margins, self.padding_mode),
            w,
            None,
            self.axes("stride"),
            tuple(before for before, _ in margins) if padded_inside else zeros,
            self.axes("dilation"),
            False,
            zeros,
            self.groups,
            (*needed, False),
        )
        if padded_inside or not needed[0]:
            return grad_padded, grad_w
        return pad_adjoint(grad_padded, x.shape[2:], margins, self.padding_mode), grad_w


@remembered
def _output_size(args: ConvArgs, size: tuple[int, ...]) -> tuple[int, ...]:
    margins, spans = args.margins(), args.spans
    check_margins(size, margins, args.padding_mode)
    padded = padded_size(size, margins)
    if any(n < span for n, span in zip(padded, spans, strict=True)):
        raise ValueError(
            f"padded input must be at least as large as the kernel, {spans}, "
            f"got {padded}{in_layer()}"
        )
    steps = zip(padded, spans, args.axes("stride"), strict=True)
    return tuple((n - span) // stride + 1 for n, span, stride in steps)


class Conv1dArgs(ConvArgs):
    """`ConvArgs` of `torch.nn.functional.conv1d`."""

    DIMS: ClassVar[int] = 1
    FUNCTION = F.conv1d


class Conv2dArgs(ConvArgs):
    """`ConvArgs` of `torch.nn.functional.conv2d`."""

    DIMS: ClassVar[int] = 2
    FUNCTION = F.conv2d


class Conv3dArgs(ConvArgs):
    """`ConvArgs` of `torch.nn.functional.conv3d`."""

    DIMS: ClassVar[int] = 3
    FUNCTION = F.conv3d


@remembered
def shared_args(kind: Callable[..., Arguments], *arguments: Any) -> Arguments:
    """Return ``kind(*arguments)``, the same object for equal arguments.

    What an object keeps of its arguments is then found once.
    """
    return kind(*arguments)
