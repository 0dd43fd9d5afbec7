"""An affine quantiser as a value: codes, reals and gradients of floats in one pass each."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import clip_gradient_cpu, fake_quantise_cpu, quantise_cpu
from torchapprox.operators.affine.codes import at_least_float32, fault_unless
from torchapprox.operators.affine.finite import not_finite
from torchapprox.operators.affine.quantise_on_cuda import (
    clip_gradient_on_cuda,
    fake_quantise_on_cuda,
    quantise_on_cuda,
)
from torchapprox.operators.affine.scale_rows import rows_of_one_scale
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

    def codes(self, values: Tensor) -> Tensor:
        """Return the 8-bit codes q mod 256, uint8, shape of ``values``.

        Raises:
            ValueError: A value is NaN or infinite, which clipping would hide.
        """
        codes: Tensor = torch.ops.torchapprox.quantise(
            values, self.scale, self.zero_point, *self.limits
        )
        return codes

    def codes_and_fault(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the codes and whether all values are finite, without waiting for a device.

        Returns:
            uint8, shape of ``values``, and float32 `(1,)`: 0, or NaN if a value is NaN or infinite.

        Examples:
            >>> quantiser = AffineQuantiser(torch.tensor(0.5), torch.tensor(1), (0, 255))
            >>> quantiser.codes_and_fault(torch.tensor([1.0, torch.inf]))
            (tensor([  3, 255], dtype=torch.uint8), tensor([nan]))
        """
        codes, fault = torch.ops.torchapprox.quantise_unchecked(
            values, self.scale, self.zero_point, *self.limits
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
def _quantise(values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int) -> Tensor:
    codes, fault = _unchecked.kernels["default"](values, scale, zero_point, low, high)
    if bool(fault.isnan()):
        raise not_finite(values, "the operands")
    return codes  # type: ignore[no-any-return]


@_quantise.register_kernel("cpu")
def _(values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int) -> Tensor:
    values = at_least_float32(values)
    codes = torch.empty(values.shape, dtype=torch.uint8)
    rows, inverse, _, shift = _by_row(values, scale, zero_point)
    finite = quantise_cpu(
        _numpy(rows), inverse, shift, (low, high), _numpy(codes.view(rows.shape)),
        threads=torch.get_num_threads(),
    )  # fmt: skip
    if not finite:
        raise not_finite(values, "the operands")
    return codes


@library_op("quantise_unchecked")
def _unchecked(
    values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int
) -> tuple[Tensor, Tensor]:
    values = at_least_float32(values)
    q, _ = _quantised(values, scale, zero_point)
    # Through a wide integer, since a negative float has no defined conversion to uint8.
    codes = q.clamp_(low, high).nan_to_num_().to(torch.int16).to(torch.uint8)
    return codes, fault_unless(torch.isfinite(values).all())


@_unchecked.register_kernel("cuda")
def _(
    values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int
) -> tuple[Tensor, Tensor]:
    return quantise_on_cuda(values, scale, zero_point, (low, high))


@library_op("fake_quantise")
def _fake_quantise(
    values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int
) -> Tensor:
    q, size = _quantised(at_least_float32(values), scale, zero_point)
    return q.clamp_(low, high).sub_(zero_point).mul_(size)


@_fake_quantise.register_kernel("cpu")
def _(values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int) -> Tensor:
    values = at_least_float32(values)
    reals = torch.empty(values.shape, dtype=values.dtype)
    rows, inverse, step, shift = _by_row(values, scale, zero_point)
    fake_quantise_cpu(
        _numpy(rows), inverse, step, shift, (low, high), _numpy(reals.view(rows.shape)),
        threads=torch.get_num_threads(),
    )  # fmt: skip
    return reals


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
    wide = at_least_float32(values)
    clipped = torch.empty(wide.shape, dtype=gradient.dtype)
    rows, inverse, _, shift = _by_row(wide, scale, zero_point)
    clip_gradient_cpu(
        _numpy(rows), inverse, shift, (low, high), _numpy(gradient.reshape(rows.shape)),
        _numpy(clipped.view(rows.shape)), threads=torch.get_num_threads(),
    )  # fmt: skip
    return clipped


@_clip_gradient.register_kernel("cuda")
def _(
    gradient: Tensor, values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int
) -> Tensor:
    return clip_gradient_on_cuda(gradient, values, scale, zero_point, (low, high))


_quantise.register_fake(
    lambda values, *_: torch.empty(values.shape, dtype=torch.uint8, device=values.device)
)
_unchecked.register_fake(
    lambda values, *_: (
        torch.empty(values.shape, dtype=torch.uint8, device=values.device),
        torch.empty(1, device=values.device),
    )
)
_fake_quantise.register_fake(lambda values, *_: at_least_float32(values).new_empty(values.shape))
_clip_gradient.register_fake(lambda gradient, *_: gradient.new_empty(gradient.shape))


def _by_row(
    values: Tensor, scale: Tensor, zero_point: Tensor
) -> tuple[Tensor, NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Lay values out in rows of one scale each; reciprocal, scale and zero point by row."""
    outer = rows_of_one_scale(values, scale)
    shape = ((1,) * (values.dim() - scale.dim()) + tuple(scale.shape))[: len(outer)]

    def by_row(tensor: Tensor) -> NDArray[Any]:
        # By NumPy, whose calls on a few numbers cost a fraction of PyTorch's.
        column = _numpy(at_least_float32(tensor)).reshape(shape)
        return np.broadcast_to(column, outer).reshape(-1)

    rows = values.detach().reshape(math.prod(outer), -1 if values.numel() else 0).contiguous()
    kind = _numpy(rows).dtype
    step, shift = by_row(scale), by_row(zero_point)
    # The reciprocal in the scale's own type, as PyTorch computes it.
    columns = (np.reciprocal(step), step, shift)
    inverse, step, shift = (column.astype(kind, copy=False) for column in columns)
    return rows, inverse, step, shift


def _quantised(values: Tensor, scale: Tensor, zero_point: Tensor) -> tuple[Tensor, Tensor]:
    step = at_least_float32(scale)
    inverse = step.reciprocal().to(values.dtype)
    return (values * inverse).round_().add_(zero_point), step.to(values.dtype)


def _numpy(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().numpy()
