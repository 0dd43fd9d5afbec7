"""Quantisation that autograd differentiates, for second derivatives.

The backward pass of a product makes its gradients of the operands' real numbers, and clips them.
Where a graph of the backward pass itself is wanted (``create_graph=True``), both must be part of
it. The straight-through estimator takes rounding for the identity, so that with m = 1 within the
limits and 0 where a value was clipped, and m a constant,

    d reals / d values = m,    d (m * gradient) / d gradient = m.
"""

from typing import Any

import torch
from torch import Tensor

from torchapprox.operators.affine.affine_quantiser import AffineQuantiser


def reals(quantiser: AffineQuantiser, values: Tensor) -> Tensor:
    """Return ``quantiser.reals(values)``, as a part of the graph where there is one."""
    if _in_graph(values):
        made: Tensor = _Reals.apply(values, quantiser)  # type: ignore[no-untyped-call]
        return made
    return quantiser.reals(values)


def clip_gradient(quantiser: AffineQuantiser, gradient: Tensor, values: Tensor) -> Tensor:
    """Return ``quantiser.clip_gradient(gradient, values)``, likewise."""
    if _in_graph(gradient):
        clipped: Tensor = _ClippedGradient.apply(gradient, values, quantiser)  # type: ignore[no-untyped-call]
        return clipped
    return quantiser.clip_gradient(gradient, values)


def _in_graph(tensor: Tensor) -> bool:
    # Compiled backward passes have no graph: PyTorch refuses second derivatives of them.
    recorded = torch.is_grad_enabled() and tensor.requires_grad
    return recorded and not torch.compiler.is_compiling()


class _Reals(torch.autograd.Function):
    """`AffineQuantiser.reals`."""

    @staticmethod
    def forward(values: Tensor, quantiser: AffineQuantiser) -> Tensor:
        return quantiser.reals(values)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004
        values, ctx.quantiser = inputs
        ctx.save_for_backward(values)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return clip_gradient(ctx.quantiser, grad, *ctx.saved_tensors), None


class _ClippedGradient(torch.autograd.Function):
    """`AffineQuantiser.clip_gradient`."""

    @staticmethod
    def forward(gradient: Tensor, values: Tensor, quantiser: AffineQuantiser) -> Tensor:
        return quantiser.clip_gradient(gradient, values)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004
        _, values, ctx.quantiser = inputs
        ctx.save_for_backward(values)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return clip_gradient(ctx.quantiser, grad, *ctx.saved_tensors), None, None
