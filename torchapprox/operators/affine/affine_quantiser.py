"""An affine quantiser as a value: codes, reals and gradients of floats in one pass each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchapprox.operators.affine.codes import at_least_float32, fault_unless
from torchapprox.operators.affine.finite import not_finite
from torchapprox.operators.affine.quantise_on_cpu import (
    MOST_AXES,
    clip_gradient_on_cpu,
    fake_quantise_on_cpu,
    quantise_on_cpu,
)
from torchapprox.operators.affine.quantise_on_cuda import (
    clip_gradient_on_cuda,
    fake_quantise_on_cuda,
    quantise_on_cuda,
)
from torchapprox.operators.convolution.padding import (
    Margins,
    flat_margins,
    pad_codes,
    padded_size,
    paired_margins,
)
from torchapprox.operators.library_op import library_op


@dataclass(frozen=True)
class AffineQuantiser:
    """Quantises floats to the same integers as PyTorch's fake-quantisers.

        q = clip(round(value / scale) + zero_point, low, high)

    with the quotient computed as a product with the scale's reciprocal in the type of the values,
    at least float32, and ties rounded to even.

    Attributes:
        scale: Positive, one element or broadcastable to the values: ones from some axis on.
        zero_point: Integer-valued, of the shape of ``scale``.
        limits: Least and greatest q, within -128..127 or 0..255.

    Examples:
        >>> quantiser = AffineQuantiser(torch.tensor(0.5), torch.tensor(1), (-4, 3))
        >>> quantiser.codes(torch.tensor([-9.0, -0.5, 0.7, 9.0]))
        tensor([252,   0,   2,   3], dtype=torch.uint8)
        >>> quantiser.reals(torch.tensor([-9.0, -0.5, 0.7, 9.0]))
        tensor([-2.5000, -0.5000,  0.5000,  1.0000])
    """

    scale: Tensor
    zero_point: Tensor
    limits: tuple[int, int]

    def codes(self, values: Tensor, margins: Margins = ()) -> Tensor:
        """Return the 8-bit codes q mod 256.

        Args:
            values: Floating point; where there are margins `(..., *size)`, of one scale.
            margins: Elements of the zero point's code before and after each axis of ``size``.

        Returns:
            uint8, the shape of ``values`` with its margins, contiguous.

        Raises:
            ValueError: A value is NaN or infinite, which clipping would hide.

        Examples:
            >>> quantiser = AffineQuantiser(torch.tensor(0.5), torch.tensor(7), (0, 255))
            >>> quantiser.codes(torch.tensor([[[1.0, 2.0]]]), [(1, 2)])
            tensor([[[ 7,  9, 11,  7,  7]]], dtype=torch.uint8)
        """
        codes: Tensor = torch.ops.torchapprox.quantise(
            values, self.scale, self.zero_point, *self.limits, flat_margins(margins)
        )
        return codes

    def codes_and_fault(self, values: Tensor, margins: Margins = ()) -> tuple[Tensor, Tensor]:
        """Return the codes and whether all values are finite, without waiting for a device.

        Arguments as of `codes`.

        Returns:
            The codes, and float32 `(1,)`: 0, or NaN if a value is NaN or infinite.

        Examples:
            >>> quantiser = AffineQuantiser(torch.tensor(0.5), torch.tensor(1), (0, 255))
            >>> quantiser.codes_and_fault(torch.tensor([1.0, torch.inf]))
            (tensor([  3, 255], dtype=torch.uint8), tensor([nan]))
        """
        codes, fault = torch.ops.torchapprox.quantise_unchecked(
            values, self.scale, self.zero_point, *self.limits, flat_margins(margins)
        )
        return codes, fault

    def reals(self, values: Tensor) -> Tensor:
        """Return ``scale * (q - zero_point)``, at least float32, shape of ``values``."""
        reals: Tensor = torch.ops.torchapprox.fake_quantise(
            values, self.scale, self.zero_point, *self.limits
        )
        return reals

    def clip_gradient(self, gradient: Tensor, values: Tensor) -> Tensor:
        """Return the straight-through gradient: 0 where ``values`` were clipped."""
        clipped: Tensor = torch.ops.torchapprox.clip_gradient(
            gradient, values, self.scale, self.zero_point, *self.limits
        )
        return clipped


@library_op("quantise")
def _quantise(
    values: Tensor,
    scale: Tensor,
    zero_point: Tensor,
    low: int,
    high: int,
    margins: Sequence[int],
) -> Tensor:
    codes, fault = _unchecked.kernels["default"](values, scale, zero_point, low, high, margins)
    if bool(fault.isnan()):
        raise not_finite(values, "the operands")
    return codes  # type: ignore[no-any-return]


@_quantise.register_kernel("cpu")
def _(
    values: Tensor,
    scale: Tensor,
    zero_point: Tensor,
    low: int,
    high: int,
    margins: Sequence[int],
) -> Tensor:
    pairs = paired_margins(margins)
    if len(pairs) <= MOST_AXES:
        return quantise_on_cpu(values, scale, zero_point, (low, high), pairs)
    codes = quantise_on_cpu(values, scale, zero_point, (low, high))
    return pad_codes(codes, zero_point.view(1), pairs, "zeros")


@library_op("quantise_unchecked")
def _unchecked(
    values: Tensor,
    scale: Tensor,
    zero_point: Tensor,
    low: int,
    high: int,
    margins: Sequence[int],
) -> tuple[Tensor, Tensor]:
    values = at_least_float32(values)
    q, _ = _quantised(values, scale, zero_point)
    # Through a wide integer, since a negative float has no defined conversion to uint8.
    codes = q.clamp_(low, high).nan_to_num_().to(torch.int16).to(torch.uint8)
    if margins:
        codes = pad_codes(codes, zero_point.view(1), paired_margins(margins), "zeros")
    return codes, fault_unless(torch.isfinite(values).all())


@_unchecked.register_kernel("cuda")
def _(
    values: Tensor,
    scale: Tensor,
    zero_point: Tensor,
    low: int,
    high: int,
    margins: Sequence[int],
) -> tuple[Tensor, Tensor]:
    pairs = paired_margins(margins)
    if len(pairs) <= MOST_AXES:
        return quantise_on_cuda(values, scale, zero_point, (low, high), pairs)
    codes, fault = quantise_on_cuda(values, scale, zero_point, (low, high))
    return pad_codes(codes, zero_point.view(1), pairs, "zeros"), fault


@library_op("fake_quantise")
def _fake_quantise(
    values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int
) -> Tensor:
    q, size = _quantised(at_least_float32(values), scale, zero_point)
    return q.clamp_(low, high).sub_(zero_point).mul_(size)


@_fake_quantise.register_kernel("cpu")
def _(values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int) -> Tensor:
    return fake_quantise_on_cpu(values, scale, zero_point, (low, high))


@_fake_quantise.register_kernel("cuda")
def _(values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int) -> Tensor:
    return fake_quantise_on_cuda(values, scale, zero_point, (low, high))


@library_op("clip_gradient")
def _clip_gradient(
    gradient: Tensor, values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int
) -> Tensor:
    q, _ = _quantised(at_least_float32(values), scale, zero_point)
    return gradient.where((q >= low) & (q <= high), 0)


@_clip_gradient.register_kernel("cpu")
def _(
    gradient: Tensor, values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int
) -> Tensor:
    return clip_gradient_on_cpu(gradient, values, scale, zero_point, (low, high))


@_clip_gradient.register_kernel("cuda")
def _(
    gradient: Tensor, values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int
) -> Tensor:
    return clip_gradient_on_cuda(gradient, values, scale, zero_point, (low, high))


@_quantise.register_fake
def _empty_codes(
    values: Tensor,
    scale: Tensor,  # noqa: ARG001
    zero_point: Tensor,  # noqa: ARG001
    low: int,  # noqa: ARG001
    high: int,  # noqa: ARG001
    margins: Sequence[int],
) -> Tensor:
    outer = values.dim() - len(margins) // 2
    inner = padded_size(values.shape[outer:], paired_margins(margins))
    shape = (*values.shape[:outer], *inner)
    return torch.empty(shape, dtype=torch.uint8, device=values.device)


@_unchecked.register_fake
def _(values: Tensor, *arguments: Any) -> tuple[Tensor, Tensor]:
    return _empty_codes(values, *arguments), torch.empty(1, device=values.device)


_fake_quantise.register_fake(lambda values, *_: at_least_float32(values).new_empty(values.shape))
_clip_gradient.register_fake(lambda gradient, *_: gradient.new_empty(gradient.shape))


def _quantised(values: Tensor, scale: Tensor, zero_point: Tensor) -> tuple[Tensor, Tensor]:
    step = at_least_float32(scale)
    inverse = step.reciprocal().to(values.dtype)
    return (values * inverse).round_().add_(zero_point), step.to(values.dtype)
