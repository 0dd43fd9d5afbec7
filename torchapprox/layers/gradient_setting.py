"""The gradient estimator of one layer, and what it makes of the layer's multiplier."""

from typing import Any

import torch

from torchapprox.gradients import (
    ApproximateBackward,
    Estimator,
    GradientTables,
    StraightThrough,
    TableEstimator,
)
from torchapprox.layers.product_table import ProductTable
from torchapprox.operators.gradients import (
    ApproximateProductGradient,
    ProductGradient,
    TableGradient,
)

Ranges = dict[str, tuple[int, int] | None]


class GradientSetting:
    """Keeps tables until multiplier, ranges or estimator change.

    Attributes:
        estimator: The estimator.
    """

    def __init__(self, estimator: Estimator | None = None) -> None:
        estimator = StraightThrough() if estimator is None else estimator
        if not isinstance(estimator, StraightThrough | ApproximateBackward | TableEstimator):
            raise TypeError(
                "'gradient' must be StraightThrough(), WindowDifference(...), Regression(), "
                "GradientTables(...), ApproximateBackward() or have a method 'tables', "
                f"got {estimator!r}"
            )
        self.estimator: Estimator = estimator
        self._made: tuple[Any, TableGradient] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # The table of a copied layer has versions of its own.
        return {"estimator": self.estimator, "_made": None}

    def product_gradient(self, table: ProductTable, ranges: Ranges) -> ProductGradient | None:
        """Return what an operator takes as its ``gradient``.

        None for the straight-through gradient, for estimators on the exact product, which it is
        equal to, and where no gradient is wanted.

        Args:
            table: The layer's multiplier.
            ranges: Least and greatest value of "activation" and "weight", None if unknown.
        """
        estimator = self.estimator
        if isinstance(estimator, StraightThrough) or not torch.is_grad_enabled():
            return None
        if isinstance(estimator, ApproximateBackward):
            return ApproximateProductGradient(table.lut, table.lut_range)
        if table.lut is None and not isinstance(estimator, GradientTables):
            return None
        key = table.version, table.device, ranges.get("activation"), ranges.get("weight")
        if self._made is None or self._made[0] != key:
            tables = estimator.tables(table.multiplier, x_range=key[2], w_range=key[3])  # type: ignore[arg-type]
            self._made = key, TableGradient.of(tables, table.device)
        return self._made[1]
