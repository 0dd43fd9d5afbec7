"""Affine arithmetic: the exact integer corrections for zero points, and the way back to floats.

With real = scale * (q - zero_point) for both operands,

    sum_k (x - zx) * (w - zw) = sum_k x * w - zx * sum_k w - zw * sum_k x + K * zx * zw.

The hardware computes the first sum, approximately; the others are exact integers.
"""

import torch
from torch import Tensor

from torchapprox.operators.cuda_arrays import on_cuda


def subtract_zero_points(
    sums: Tensor,
    *,
    x_sums: Tensor | None,
    w_sums: Tensor,
    depth: int,
    x_zero_point: Tensor,
    w_zero_point: Tensor,
) -> Tensor:
    """Return ``sums - zw * x_sums - zx * w_sums + depth * zx * zw``.

    The tensors are of any shapes that broadcast to that of ``sums``.

    Args:
        sums: Sums of the approximate products, integer or floating point.
        x_sums: Sums of the activations over k, int64; None where every ``zw`` is zero.
        w_sums: Sums of the weights over k, int64.
        depth: Number of products in a sum, K.
        x_zero_point: Zero point of the activations, int64.
        w_zero_point: Zero points of the weights, int64.

    Returns:
        int64 for integer ``sums``, else float64: both hold every correction exactly.
    """
    wide = torch.float64 if sums.is_floating_point() else torch.int64
    corrected = sums.to(wide) - x_zero_point * (w_sums - depth * w_zero_point)
    return corrected if x_sums is None else corrected - x_sums * w_zero_point


def needs_x_sums(w_zero_point: Tensor, w_centred: bool | None) -> bool:
    """Whether `subtract_zero_points` needs the activations' sums.

    On a CUDA device the answer is yes unless it is known, since looking would wait for the device,
    and so it is in a compiled graph, which looking would break.

    Args:
        w_zero_point: Zero points of the weights.
        w_centred: Whether they are known to be all zero, or known not to be; None if not known.
    """
    if w_centred is not None:
        return not w_centred
    return torch.compiler.is_compiling() or on_cuda(w_zero_point) or bool(w_zero_point.any())


def dequantise(accumulators: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Return ``scale * accumulators`` of type ``dtype``.

    Computed in float64 for float64 and in float32 for everything narrower.

    Args:
        accumulators: Corrected sums, integer or floating point.
        scale: Product of the operands' scales, broadcastable to ``accumulators``.
        dtype: Floating-point type of the result.
    """
    wide = torch.promote_types(dtype, torch.float32)
    return (accumulators.to(wide) * scale.to(wide)).to(dtype)
