"""What an operator needs to know of its gradient."""

from typing import Any, Protocol

import torch
from torch import Tensor

from torchapprox.operators.gradients.product_form import ProductForm


class ProductGradient(Protocol):
    """Makes the gradients of a product by its real operands, before the quantisers' clip masks."""

    def gradients(
        self, form: ProductForm, grad: Tensor, needed: tuple[bool, bool]
    ) -> tuple[Tensor | None, ...]:
        """Return the gradients by both operands.

        Args:
            form: The operands.
            grad: Gradient of the product's output, without the bias.
            needed: Whether the gradients by x and by w are needed.

        Returns:
            Gradient by x and by w, None where it is not needed.
        """


def estimated_gradients(
    estimate: ProductGradient,
    form: ProductForm,
    grad: Tensor,
    operands: tuple[Tensor, Tensor],
    needed: tuple[bool, bool],
) -> tuple[Tensor | None, ...]:
    """Return the gradients by both operands, which are not differentiated again.

    Args:
        estimate: Makes them.
        form: The operands' codes.
        grad: Gradient of the product's output, without the bias.
        operands: What the codes were made of.
        needed: Whether the gradients by x and by w are needed.

    Returns:
        As of `ProductGradient.gradients`; their own derivatives are refused.
    """
    with torch.no_grad():
        made = estimate.gradients(form, grad, needed)
    if not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return made
    return tuple(
        each if each is None else _NotAgain.apply(each, grad, *operands)  # type: ignore[no-untyped-call]
        for each in made
    )


class _NotAgain(torch.autograd.Function):
    """A gradient that depends on tensors in a way which is not known."""

    @staticmethod
    def forward(made: Tensor, *_: Tensor) -> Tensor:
        return made.view_as(made)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        raise NotImplementedError(
            "second derivatives must be those of the exact product: set the layers' 'gradient' to "
            "StraightThrough(), an estimated gradient has none of its own"
        )
