"""Codes of a convolution's activations with their padding, in one pass on a CUDA device."""

from collections.abc import Sequence

import torch
from torch import Tensor

from torchapprox.operators.affine.affine_quantiser import AffineQuantiser
from torchapprox.operators.affine.quantise_on_cuda import quantise_on_cuda
from torchapprox.operators.convolution.padding import Margins, pad_codes
from torchapprox.operators.library_op import library_op


def padded_codes_and_fault(
    values: Tensor, quantiser: AffineQuantiser, margins: Margins
) -> tuple[Tensor, Tensor]:
    """Return activation codes in a margin of the zero point's code, without waiting for a device.

    Args:
        values: Floating point `(B, C, *size)`.
        quantiser: Of one scale.
        margins: Elements to add before and after each axis of ``size``.

    Returns:
        uint8 `(B, C, *padded)`, contiguous, and float32 `(1,)`: 0, or NaN if a value is not finite.

    Examples:
        >>> quantiser = AffineQuantiser(torch.tensor(0.5), torch.tensor(7), (0, 255))
        >>> padded_codes_and_fault(torch.tensor([[[1.0, 2.0]]]), quantiser, [(1, 2)])
        (tensor([[[ 7,  9, 11,  7,  7]]], dtype=torch.uint8), tensor([0.]))
    """
    flat = [side for margin in margins for side in margin]
    codes, fault = torch.ops.torchapprox.quantise_padded(
        values, quantiser.scale, quantiser.zero_point, *quantiser.limits, flat
    )
    return codes, fault


@library_op("quantise_padded")
def _quantise_padded(
    values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int, margins: Sequence[int]
) -> tuple[Tensor, Tensor]:
    codes, fault = AffineQuantiser(scale, zero_point, (low, high)).codes_and_fault(values)
    return pad_codes(codes, zero_point.view(1), _pairs(margins), "zeros"), fault


@_quantise_padded.register_kernel("cuda")
def _(
    values: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int, margins: Sequence[int]
) -> tuple[Tensor, Tensor]:
    if len(margins) > 2 * 3:  # more axes than the kernel knows
        anywhere = _quantise_padded.kernels["default"]
        codes, fault = anywhere(values, scale, zero_point, low, high, margins)
        return codes, fault
    return quantise_on_cuda(values, scale, zero_point, (low, high), _pairs(margins))


@_quantise_padded.register_fake
def _(
    values: Tensor,
    scale: Tensor,  # noqa: ARG001
    zero_point: Tensor,  # noqa: ARG001
    low: int,  # noqa: ARG001
    high: int,  # noqa: ARG001
    margins: Sequence[int],
) -> tuple[Tensor, Tensor]:
    size = [n + sum(m) for n, m in zip(values.shape[2:], _pairs(margins), strict=True)]
    codes = torch.empty((*values.shape[:2], *size), dtype=torch.uint8, device=values.device)
    return codes, torch.empty(1, device=values.device)


def _pairs(margins: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(margins[::2], margins[1::2], strict=True))
