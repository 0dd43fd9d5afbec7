"""An affine quantiser on the CPU: one pass each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import clip_gradient_cpu, fake_quantise_cpu, quantise_cpu
from torchapprox.operators.affine.codes import at_least_float32
from torchapprox.operators.affine.finite import not_finite
from torchapprox.operators.affine.scale_rows import by_plane, three
from torchapprox.operators.remembered import remembered

Limits = tuple[int, int]
Parameters = tuple[NDArray[Any], NDArray[np.int64]]
MOST_AXES = 3
"""Axes that may have a margin."""


def quantise_on_cpu(
    values: Tensor,
    scale: Tensor,
    zero_point: Tensor,
    limits: Limits,
    margins: Sequence[tuple[int, int]] = (),
) -> Tensor:
    """Return codes, perhaps with margins; see `AffineQuantiser`.

    Args:
        values: Floating point `(..., *size)`.
        scale: Positive, of one element, or of ones from some axis on where there is no margin.
        zero_point: Integers, of the shape of ``scale``.
        limits: Least and greatest q.
        margins: Elements of the zero point's code before and after each axis of ``size``, at most
            `MOST_AXES` axes.

    Returns:
        uint8 `(..., *padded)`, contiguous.

    Raises:
        ValueError: A value is NaN or infinite.
    """
    values = at_least_float32(values)
    return codes_of(values, _parameters(values, scale, zero_point), limits, margins)


def codes_of(
    values: Tensor,
    parameters: Parameters,
    limits: Limits,
    margins: Sequence[tuple[int, int]] = (),
) -> Tensor:
    """Return codes, perhaps with margins; see `quantise_on_cpu`.

    Args:
        values: float32 or float64 `(..., *size)`.
        parameters: Scale and zero point by plane of values.
        limits: Least and greatest q.
        margins: As there.

    Returns:
        uint8 `(..., *padded)`, contiguous.

    Raises:
        ValueError: A value is NaN or infinite.
    """
    shape = values.shape
    places: dict[str, Any] = {}
    if margins:
        shape, places = _padded(shape, tuple(margins))
    codes = torch.empty(shape, dtype=torch.uint8)
    finite = quantise_cpu(
        _flat(values), *parameters, limits, codes.numpy().reshape(-1),
        threads=torch.get_num_threads(), **places,
    )  # fmt: skip
    if not finite:
        raise not_finite(values, "the operands")
    return codes


def _found_padded(
    shape: torch.Size, margins: tuple[tuple[int, int], ...]
) -> tuple[torch.Size, dict[str, Any]]:
    """Return the shape of codes with their margins, and where values stand among them."""
    outer, inner = shape[: -len(margins)], shape[-len(margins) :]
    wide = [n + first + last for n, (first, last) in zip(inner, margins, strict=True)]
    places = {
        "size": three(1, inner),
        "padded": three(1, wide),
        "before": three(0, [first for first, _ in margins]),
    }
    return torch.Size((*outer, *wide)), places


_padded = remembered(_found_padded)


def fake_quantise_on_cpu(
    values: Tensor, scale: Tensor, zero_point: Tensor, limits: Limits
) -> Tensor:
    """Return ``scale * (q - zero_point)``, at least float32, shape of ``values``."""
    values = at_least_float32(values)
    reals = torch.empty(values.shape, dtype=values.dtype)
    fake_quantise_cpu(
        _flat(values), *_parameters(values, scale, zero_point), limits, _flat(reals),
        threads=torch.get_num_threads(),
    )  # fmt: skip
    return reals


def clip_gradient_on_cpu(
    gradient: Tensor, values: Tensor, scale: Tensor, zero_point: Tensor, limits: Limits
) -> Tensor:
    """Return a gradient, 0 where ``values`` were clipped."""
    values = at_least_float32(values)
    clipped = torch.empty(values.shape, dtype=gradient.dtype)
    clip_gradient_cpu(
        _flat(values), *_parameters(values, scale, zero_point), limits,
        _flat(gradient), _flat(clipped), threads=torch.get_num_threads(),
    )  # fmt: skip
    return clipped


def _parameters(values: Tensor, scale: Tensor, zero_point: Tensor) -> Parameters:
    step, shift, _ = by_plane(values, scale, zero_point)
    return step.detach().numpy(), shift.detach().numpy().astype(np.int64)


def _flat(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().contiguous().numpy().reshape(-1)
