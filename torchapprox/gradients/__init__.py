"""Gradients of a multiplier's products, as values: what training takes for dLUT/dx and dLUT/dw."""

from torchapprox.gradients.estimators import (
    ApproximateBackward,
    Estimator,
    StraightThrough,
    TableEstimator,
)
from torchapprox.gradients.regression import Regression
from torchapprox.gradients.state import estimator_from_state, estimator_state
from torchapprox.gradients.tables import GradientTables
from torchapprox.gradients.window_difference import WindowDifference

__all__ = [
    "ApproximateBackward",
    "Estimator",
    "GradientTables",
    "Regression",
    "StraightThrough",
    "TableEstimator",
    "WindowDifference",
    "estimator_from_state",
    "estimator_state",
]
