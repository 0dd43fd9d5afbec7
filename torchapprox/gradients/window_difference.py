"""Differences of a multiplier's products, averaged over a window of operands."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multipliers import Multiplier
from multipliers.parameters import check_parameter
from torchapprox.gradients.operand_values import differentiate
from torchapprox.gradients.tables import GradientTables, Range, Table


@dataclass(frozen=True, slots=True)
class WindowDifference:
    """Gradients that follow the steps of a multiplier's products, smoothed.

    With S(q) the mean of the products over the operands from q - h to q + h, the other operand
    fixed, and C(q) the mean of these operands themselves,

        dLUT/dq = (S(q + 1) - S(q - 1)) / (C(q + 1) - C(q - 1)).

    Windows, and the two neighbours of q, are cut at the ends of the operand's range. In the middle
    the denominator is 2; near the ends it makes the gradients of an exact product exact there, too.

    Attributes:
        half_window: h, operands on either side; 0 takes the difference of the two neighbours.

    Raises:
        ValueError: ``half_window`` is negative.

    Examples:
        >>> from multipliers import get
        >>> tables = WindowDifference(8).tables(get("mul8s_tm_k3"))
        >>> float(tables.by_x[40, 16].round(2)), float(tables.by_w[40, 16].round(2))
        (18.82, 47.06)

    References:
        C. Meng, W. Burleson, W. Qian and G. De Micheli (2025), "Gradient Approximation of
        Approximate Multipliers for High-Accuracy Deep Neural Network Retraining", DATE: smoothing
        by a moving average and central differences. The treatment of the ends is ours.
    """

    half_window: int = 8

    def __post_init__(self) -> None:
        half_window = check_parameter("half_window", self.half_window, 0)
        object.__setattr__(self, "half_window", half_window)

    def tables(
        self, multiplier: Multiplier, *, x_range: Range | None = None, w_range: Range | None = None
    ) -> GradientTables:
        """Return the gradient tables of a multiplier.

        Args:
            multiplier: The multiplier.
            x_range: Least and greatest activation that occurs; the port's range if None.
            w_range: Likewise of the weights.

        Raises:
            ValueError: A range does not lie in its port, or is no longer than the half window.
        """
        return differentiate(multiplier, self._slopes, x_range, w_range)

    def _slopes(self, products: Table, values: NDArray[np.int64]) -> Table:
        count = len(values)
        if self.half_window >= count - 1:
            raise ValueError(
                f"'half_window' must be less than {count - 1} for an operand of {count} values, "
                f"got {self.half_window}"
            )
        index = np.arange(count)
        first = np.maximum(index - self.half_window, 0)
        last = np.minimum(index + self.half_window, count - 1) + 1
        below, above = np.maximum(index - 1, 0), np.minimum(index + 1, count - 1)

        def means(rows: Table) -> Table:
            sums = np.vstack([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
            window_means: Table = (sums[last] - sums[first]) / (last - first)[:, None]
            return window_means

        smooth, centre = means(products), means(values[:, None].astype(np.float64))
        slopes: Table = (smooth[above] - smooth[below]) / (centre[above] - centre[below])
        return slopes
