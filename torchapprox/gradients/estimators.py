"""What every gradient estimator is, and the two that need no table."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from multipliers import Multiplier
from torchapprox.gradients.tables import GradientTables, Range


@runtime_checkable
class TableEstimator(Protocol):
    """Makes gradient tables of a multiplier."""

    def tables(
        self, multiplier: Multiplier, *, x_range: Range | None = None, w_range: Range | None = None
    ) -> GradientTables:
        """Return the gradient tables of a multiplier.

        Args:
            multiplier: The multiplier.
            x_range: Least and greatest activation that occurs; the port's range if None.
            w_range: Likewise of the weights.
        """


@dataclass(frozen=True, slots=True)
class StraightThrough:
    """The gradients of the exact product: ``dLUT/dx = w``, ``dLUT/dw = x``; the default.

    References:
        Y. Bengio, N. Leonard and A. Courville (2013), "Estimating or Propagating Gradients Through
        Stochastic Neurons for Conditional Computation", arXiv 1308.3432.
    """


@dataclass(frozen=True, slots=True)
class ApproximateBackward:
    """The gradients of the exact product, whose own products run on the multiplier, too.

    Training on the approximate hardware itself. With G the gradient of the outputs,

        dX = (G * s_w) W,   dW = (G * s_x)^T X

    are matrix products of 8-bit codes on the forward pass's multiplier. W and X are the codes of
    the forward pass, each in the port that it had there. ``G * s_w`` and ``G * s_x`` enter the
    other port, quantised per tensor and call by their greatest magnitude, rounded to nearest, with
    zero point 0 on a signed port and 128 on an unsigned one (the middle of its codes). Sums and
    zero-point terms are exact integers. What lies outside the two products (the quantisers' clip
    masks, the gradients of bias and scales, the optimiser) is exact.
    """


Estimator = StraightThrough | ApproximateBackward | TableEstimator
"""What a layer's `gradient` may be."""
