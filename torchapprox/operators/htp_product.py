"""A layer's product through an HTP model: ordinary layer functions on integer-valued floats."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from htp import HtpCallable, HtpModel, accurate_model
from torchapprox.operators.affine import needs_x_sums, subtract_zero_points

_FLOAT32_EXACT = 2**24
_LARGEST_PRODUCT = 2**16
_ACCURATE = accurate_model()


def accurate_htp_model() -> HtpModel:
    """Return the model that stands in where a layer has neither table nor model."""
    return _ACCURATE


def htp_product(
    model: HtpCallable,
    base_func: Callable[..., Tensor],
    x: Tensor,
    w: Tensor,
    kwargs: Mapping[str, Any],
    *,
    x_zero_point: Tensor,
    w_zero_point: Tensor,
) -> Tensor:
    """Return a layer's sums of products, corrected for the zero points.

    The model computes in float32 where K products below 2^16 (for the accurate model: below the
    product of the operands' largest magnitudes) cannot add up to more than 2^24, else in float64,
    so that integers stay exact. Autocast is off inside.

    Args:
        model: The model.
        base_func: ``F.linear`` or ``F.conv2d``.
        x: Activations as the port sees them, int8 or uint8, padded.
        w: Weights as the port sees them, int8 or uint8, output channels first.
        kwargs: Further arguments of ``base_func``; ``groups`` counts the groups.
        x_zero_point: int64, one element.
        w_zero_point: int64, one element per output channel, shaped to broadcast over the result.

    Returns:
        float64, the shape that ``base_func`` gives.
    """
    depth = w[0].numel()
    bound = _largest_exact_product(x, w) if model is _ACCURATE else _LARGEST_PRODUCT
    dtype = torch.float32 if depth * bound <= _FLOAT32_EXACT else torch.float64
    with torch.autocast(x.device.type, enabled=False):
        x_q, w_q = x.to(dtype), w.to(dtype)
        sums = model(base_func, x_q, w_q, kwargs)
        x_sums = None
        if needs_x_sums(w_zero_point):
            groups = kwargs.get("groups", 1)
            one_channel_each = torch.ones_like(w_q[:groups])
            x_sums = base_func(x_q, one_channel_each, **kwargs).to(torch.int64)
            if groups > 1:
                x_sums = x_sums.repeat_interleave(len(w) // groups, dim=1)
    return subtract_zero_points(
        sums,
        x_sums=x_sums,
        w_sums=w.sum(dim=tuple(range(1, w.dim())), dtype=torch.int64).view_as(w_zero_point),
        depth=depth,
        x_zero_point=x_zero_point,
        w_zero_point=w_zero_point,
    )


def _largest_exact_product(x: Tensor, w: Tensor) -> int:
    largest = {torch.uint8: 255, torch.int8: 128}
    return largest[x.dtype] * largest[w.dtype]
