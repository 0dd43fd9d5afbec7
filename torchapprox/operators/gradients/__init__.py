"""The backward pass of a layer's product, where it is not the exact product's."""

from torchapprox.operators.gradients.approximate_product import ApproximateProductGradient
from torchapprox.operators.gradients.gradient_tables import TableGradient, table_gradient
from torchapprox.operators.gradients.product_gradient import ProductGradient, estimated_gradients

__all__ = [
    "ApproximateProductGradient",
    "ProductGradient",
    "TableGradient",
    "estimated_gradients",
    "table_gradient",
]
