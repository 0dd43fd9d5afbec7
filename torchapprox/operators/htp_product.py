"""A layer's product through an HTP model: ordinary layer functions on integer-valued floats."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from htp import HtpCallable, HtpModel, accurate_model
from multipliers import Port
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.affine.zero_points import needs_x_sums, subtract_zero_points
from torchapprox.operators.exact_floats import exact_floats

_FLOAT32_BITS = 24
_FOREIGN_DEPTH = 1 << (_FLOAT32_BITS - 16)
_ACCURATE = accurate_model()


def accurate_htp_model() -> HtpModel:
    """Return the model that stands in where a layer has neither table nor model."""
    return _ACCURATE


def takes_table(
    lut: Tensor | None, model: HtpCallable | None, accumulator: Accumulator | None
) -> bool:
    """Whether a layer's products are looked up, rather than computed by an HTP model.

    Raises:
        NotImplementedError: There are a model and an accumulator.
    """
    if model is not None and accumulator is not None:
        raise NotImplementedError(
            "'accumulator' needs every single product, and an HTP model gives their sums only; "
            "use the multiplier's table (htp_model = None) or an exact accumulator (None)"
        )
    return model is None and (lut is not None or accumulator is not None)


def htp_product(
    model: HtpCallable,
    base_func: Callable[..., Tensor],
    x: Tensor,
    w: Tensor,
    kwargs: Mapping[str, Any],
    *,
    x_zero_point: Tensor,
    w_zero_point: Tensor,
    w_centred: bool | None = None,
) -> Tensor:
    """Return a layer's sums of products, corrected for the zero points.

    Args:
        model: The model.
        base_func: ``F.linear`` or a convolution.
        x: Activations as the port sees them, int8 or uint8, padded.
        w: Weights as the port sees them, int8 or uint8, output channels first.
        kwargs: Further arguments of ``base_func``; ``groups`` counts the groups.
        x_zero_point: int64, one element.
        w_zero_point: int64, one element per output channel, shaped to broadcast over the result.
        w_centred: Whether every one of them is 0; None if not known.

    Returns:
        float64, the shape that ``base_func`` gives.
    """
    depth = w[0].numel()
    sums = htp_sums(model, base_func, x, w, kwargs, depth=depth)
    x_sums = None
    if needs_x_sums(w_zero_point, w_centred):
        groups, dtype = kwargs.get("groups", 1), _exact_float(model, x, w, depth)
        with exact_floats(x.device):
            one_channel_each = torch.ones_like(w[:groups], dtype=dtype)
            x_sums = base_func(x.to(dtype), one_channel_each, **kwargs).to(torch.int64)
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


def htp_sums(
    model: HtpCallable,
    base_func: Callable[..., Tensor],
    x: Tensor,
    w: Tensor,
    kwargs: Mapping[str, Any],
    *,
    depth: int,
) -> Tensor:
    """Return a layer's sums of products, uncorrected.

    The model computes in float32 where nothing is rounded: by the bound that an `htp.HtpModel`
    proves for itself, or, for any other callable, where ``depth`` products below 2^16 cannot add up
    to more than 2^24. Else it computes in float64. Autocast is off inside.

    Args:
        model: The model.
        base_func: ``F.linear`` or a convolution.
        x: Activations as the port sees them, int8 or uint8.
        w: Weights as the port sees them, int8 or uint8.
        kwargs: Further arguments of ``base_func``.
        depth: Most products in one sum.

    Returns:
        float32 or float64, the shape that ``base_func`` gives.
    """
    dtype = _exact_float(model, x, w, depth)
    with exact_floats(x.device):
        sums: Tensor = model(base_func, x.to(dtype), w.to(dtype), kwargs)
    return sums


def _exact_float(model: HtpCallable, x: Tensor, w: Tensor, depth: int) -> torch.dtype:
    return torch.float32 if depth <= _float32_depth(model, x, w) else torch.float64


def _float32_depth(model: HtpCallable, x: Tensor, w: Tensor) -> int:
    """Return how many products float32 adds up without rounding."""
    if not isinstance(model, HtpModel):
        return _FOREIGN_DEPTH
    x_port, w_port = (Port(8, signed=operand.dtype == torch.int8) for operand in (x, w))
    return model.exact_depth(_FLOAT32_BITS, x_port=x_port, w_port=w_port)
