"""The affine quantisation of a product's two operands."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import Proxy

from torchapprox.operators.operand import Operand


@dataclass(frozen=True)
class QuantizationParameters:
    """Scales and zero points of activations and weights: real = scale * (q - zero_point).

    Attributes:
        x_scale: Scale of the activations, float, one element.
        x_zero_point: Zero point of the activations, integer-valued, one element.
        w_scale: Scale of the weights, float, one element or one per output channel.
        w_zero_point: Zero point of the weights, integer-valued, as many elements as ``w_scale``.
        x_range: Least and greatest q that the multiplier's activation port accepts; taken from
            the data if None: -128..127 if a q is negative, else 0..255.
        w_range: The same for the weights.
        x_clip: Limits of the activations' quantiser where it has not run yet, so that the operator
            quantises the activations itself, in one pass; None where they are fake-quantised.
        w_clip: The same for the weights.
        w_centred: Whether every zero point of the weights is 0; None to look, or, where looking
            would wait for a CUDA device, to take it that one is not.
    """

    x_scale: Tensor
    x_zero_point: Tensor
    w_scale: Tensor
    w_zero_point: Tensor
    x_range: tuple[int, int] | None = None
    w_range: tuple[int, int] | None = None
    x_clip: tuple[int, int] | None = None
    w_clip: tuple[int, int] | None = None
    w_centred: bool | None = None

    def __post_init__(self) -> None:
        for name in ("x_scale", "x_zero_point", "w_scale", "w_zero_point"):
            value = getattr(self, name)
            if isinstance(value, Proxy):
                return  # PyTorch 2.6, compiling, copies what was checked, symbols for tensors
            if not isinstance(value, Tensor):
                raise TypeError(f"'{name}' must be a tensor, got {type(value).__name__}")
        for name in ("x_scale", "x_zero_point"):
            value = getattr(self, name)
            if value.numel() != 1:
                raise ValueError(
                    f"'{name}' must have one element, since activations are quantised per tensor, "
                    f"got shape {tuple(value.shape)}"
                )
        if self.w_scale.numel() != self.w_zero_point.numel():
            raise ValueError(
                "'w_scale' and 'w_zero_point' must have equally many elements, got "
                f"{self.w_scale.numel()} and {self.w_zero_point.numel()}"
            )

    def product_scale(self, x_fault: Tensor | None, w_fault: Tensor | None) -> Tensor:
        """Return the scale of products, `(1,)` or one per output channel; NaN with a fault.

        Args:
            x_fault: What `Operand.codes` returned with the activations' codes.
            w_fault: Likewise for the weights.
        """
        if x_fault is None or w_fault is None:
            return (self.x_scale * self.w_scale).view(-1)
        return torch.addcmul(x_fault + w_fault, self.x_scale.view(1), self.w_scale.view(-1))

    @property
    def x_operand(self) -> Operand:
        """How the activations become codes."""
        return Operand(self.x_scale.view(()), self.x_zero_point.view(()), self.x_range, self.x_clip)

    def w_operand(self, spread: Callable[[Tensor], Tensor]) -> Operand:
        """How the weights become codes.

        Args:
            spread: Turns a vector of one element, or one per output channel, into a tensor that
                broadcasts to the weights.
        """
        return Operand(
            spread(self.w_scale.view(-1)), spread(self.w_zero_point.view(-1)),
            self.w_range, self.w_clip,
        )  # fmt: skip

    def check_channels(self, out_channels: int) -> None:
        """Raise ValueError unless there is one weight scale, or one per output channel."""
        if self.w_scale.numel() not in (1, out_channels):
            raise ValueError(
                f"'w_scale' must have 1 or {out_channels} elements (one per output channel), "
                f"got {self.w_scale.numel()}"
            )
