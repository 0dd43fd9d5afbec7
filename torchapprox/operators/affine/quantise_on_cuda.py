"""An affine quantiser on a CUDA device: one launch each, nothing read back."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from torchapprox.operators.affine.codes import at_least_float32
from torchapprox.operators.affine.scale_rows import by_plane, three
from torchapprox.operators.cuda_arrays import cuda_device, device_array

Limits = tuple[int, int]
_HALVES = (torch.float16, torch.bfloat16)


def quantise_on_cuda(
    values: Tensor,
    scale: Tensor,
    zero_point: Tensor,
    limits: Limits,
    margins: Sequence[tuple[int, int]] = (),
) -> tuple[Tensor, Tensor]:
    """Return codes, perhaps with margins, and their fault; see `AffineQuantiser`.

    Args:
        values: Floating point `(..., *size)`.
        scale: Positive, of one element, or of ones from some axis on where there is no margin.
        zero_point: Integers, of the shape of ``scale``.
        limits: Least and greatest q.
        margins: Elements of the zero point's code before and after each axis of ``size``, at most
            three axes.

    Returns:
        uint8 `(..., *padded)`, contiguous, and float32 `(1,)`, NaN if a value is not finite.
    """
    values = at_least_float32(values).contiguous()
    outer = values.shape[: values.dim() - len(margins)]
    inner = values.shape[len(outer) :]
    wide = [n + sum(margin) for n, margin in zip(inner, margins, strict=True)]
    codes = torch.empty((*outer, *wide), dtype=torch.uint8, device=values.device)
    fault = torch.zeros(1, device=values.device)
    step, shift, planes = by_plane(values, scale, zero_point)
    if margins:
        planes = math.prod(outer)
        size, padded = three(1, inner), three(1, wide)
        before = three(0, [first for first, _ in margins])
    else:
        size = padded = (1, 1, values.numel() // max(1, planes))
        before = (0, 0, 0)
    with cuda_device(values.device) as stream:
        from torchapprox.kernels.quantise.quantise_cuda import quantise_cuda  # noqa: PLC0415

        of, by, plus = map(device_array, (values.view(-1), step, shift))
        out, report = map(device_array, (codes.view(-1), fault))
        places: dict[str, Any] = {"size": size, "padded": padded, "before": before}
        quantise_cuda(of, by, plus, limits, out, report, **places, stream=stream)
    return codes, fault


def fake_quantise_on_cuda(
    values: Tensor, scale: Tensor, zero_point: Tensor, limits: Limits
) -> Tensor:
    """Return ``scale * (q - zero_point)``, at least float32, shape of ``values``."""
    values = at_least_float32(values).contiguous()
    reals = torch.empty_like(values)
    step, shift, planes = by_plane(values, scale, zero_point)
    with cuda_device(values.device) as stream:
        from torchapprox.kernels.quantise.quantise_cuda import fake_quantise_cuda  # noqa: PLC0415

        of, by, plus, out = map(device_array, (values.view(-1), step, shift, reals.view(-1)))
        fake_quantise_cuda(of, by, plus, limits, out, planes=planes, stream=stream)
    return reals


def clip_gradient_on_cuda(
    gradient: Tensor, values: Tensor, scale: Tensor, zero_point: Tensor, limits: Limits
) -> Tensor:
    """Return a gradient, 0 where ``values`` were clipped."""
    values = at_least_float32(values).contiguous()
    # Numba has no type for one of PyTorch's halves.
    wide = gradient.float() if gradient.dtype in _HALVES else gradient
    wide = wide.contiguous()
    clipped = torch.empty_like(wide)
    step, shift, planes = by_plane(values, scale, zero_point)
    with cuda_device(values.device) as stream:
        from torchapprox.kernels.quantise.quantise_cuda import clip_gradient_cuda  # noqa: PLC0415

        of, by, plus = map(device_array, (values.view(-1), step, shift))
        source, out = map(device_array, (wide.view(-1), clipped.view(-1)))
        clip_gradient_cuda(of, by, plus, limits, source, out, planes=planes, stream=stream)
    return clipped.to(gradient.dtype)
