"""Padding of operand codes: with the zero point's code, or with other activations."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
Margins = Sequence[tuple[int, int]]


def flat_margins(margins: Margins) -> list[int]:
    """Return margins as one list, as operators of PyTorch take them.

    Examples:
        >>> flat_margins([(1, 2), (0, 3)])
        [1, 2, 0, 3]
    """
    return [side for margin in margins for side in margin]


def paired_margins(sides: Sequence[int]) -> list[tuple[int, int]]:
    """Return what `flat_margins` was made of.

    Examples:
        >>> paired_margins([1, 2, 0, 3])
        [(1, 2), (0, 3)]
    """
    return list(zip(sides[::2], sides[1::2], strict=True))


def padded_size(size: Sequence[int], margins: Margins) -> tuple[int, ...]:
    """Return a size with its margins.

    Examples:
        >>> padded_size((4, 5), [(1, 2), (0, 3)])
        (7, 8)
    """
    return tuple(n + sum(margin) for n, margin in zip(size, margins, strict=True))


def pad_codes(codes: Tensor, zero_point: Tensor, margins: Margins, mode: str) -> Tensor:
    """Pad codes as hardware does that holds activations only as codes.

    "zeros" stands for the real number 0, whose code is the zero point's. The other modes repeat
    activations, as `torch.nn.functional.pad` does.

    Args:
        codes: uint8 `(B, C, *size)`.
        zero_point: Zero point of the activations, int64 `(1,)`.
        margins: Elements to add before and after each axis of ``size``.
        mode: One of `PADDING_MODES`.

    Returns:
        uint8 `(B, C, *padded)`, contiguous.

    Examples:
        >>> codes = torch.tensor([[[1, 2, 3]]], dtype=torch.uint8)
        >>> pad_codes(codes, torch.tensor([-1]), [(1, 2)], "zeros")
        tensor([[[255,   1,   2,   3, 255, 255]]], dtype=torch.uint8)
        >>> pad_codes(codes, torch.tensor([-1]), [(1, 2)], "reflect")
        tensor([[[2, 1, 2, 3, 2, 1]]], dtype=torch.uint8)
    """
    if not any(map(any, margins)):
        return codes.contiguous()
    if mode != "zeros":
        # By index, since PyTorch's CUDA kernels for these modes take floating point only.
        for axis, margin in enumerate(margins, start=2):
            if any(margin):
                source = _sources(codes.shape[axis], margin, mode, codes.device)
                codes = codes.index_select(axis, source)
        return codes.contiguous()
    # A tensor instead of F.pad's number, so that a zero point on a device is not waited for.
    sizes = list(codes.shape[2:])
    padded = zero_point.to(torch.int16).to(torch.uint8).view([1] * codes.dim())
    padded = padded.repeat(*codes.shape[:2], *padded_size(sizes, margins))
    inner = [slice(before, before + n) for n, (before, _) in zip(sizes, margins, strict=True)]
    padded[(slice(None), slice(None), *inner)] = codes
    return padded


def check_margins(size: Iterable[int], margins: Margins, mode: str) -> None:
    """Raise ValueError where an axis has too few elements for its padding."""
    for axis, (n, margin) in enumerate(zip(size, margins, strict=True)):
        most = {"zeros": None, "replicate": None, "reflect": n - 1, "circular": n}[mode]
        if n == 0 and mode != "zeros" and any(margin):
            raise ValueError(f"padding_mode {mode!r} needs an input, got size 0 along axis {axis}")
        if most is not None and max(margin) > most:
            raise ValueError(
                f"padding_mode {mode!r} takes a padding of at most {most} for an input of size {n} "
                f"along axis {axis}, got {max(margin)}"
            )


def pad_reals(x: Tensor, margins: Margins, mode: str) -> Tensor:
    """Pad floating-point activations `(B, C, *size)` as PyTorch does; zeros are real zeros."""
    flat = flat_margins(margins[::-1])
    return F.pad(x, flat, "constant" if mode == "zeros" else mode)


def pad_adjoint(grad: Tensor, size: Sequence[int], margins: Margins, mode: str) -> Tensor:
    """Return the gradient by the input of `pad_reals` from the gradient by its result.

    Args:
        grad: Floating point `(B, C, *padded)`.
        size: Size of the input along each axis.
        margins: As `pad_reals` took them.
        mode: Likewise.
    """
    for axis, (n, margin) in enumerate(zip(size, margins, strict=True), start=2):
        if not any(margin):
            continue
        if mode == "zeros":
            grad = grad.narrow(axis, margin[0], n)
        else:
            shape = [*grad.shape[:axis], n, *grad.shape[axis + 1 :]]
            source = _sources(n, margin, mode, grad.device)
            grad = grad.new_zeros(shape).index_add(axis, source, grad)
    return grad


def _sources(n: int, margin: tuple[int, int], mode: str, device: torch.device) -> Tensor:
    """Return for each padded element the index of the element that it repeats."""
    index = torch.arange(-margin[0], n + margin[1], device=device)
    if mode == "replicate":
        return index.clamp(0, n - 1)
    if mode == "circular":
        return index % n
    return n - 1 - (n - 1 - index.abs()).abs()
