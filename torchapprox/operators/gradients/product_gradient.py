"""What an operator needs to know of its gradient."""

from typing import Protocol

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
