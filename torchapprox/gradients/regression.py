"""One slope for each code of the other operand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multipliers import Multiplier
from torchapprox.gradients.operand_values import differentiate
from torchapprox.gradients.tables import GradientTables, Range, Table


@dataclass(frozen=True, slots=True)
class Regression:
    """Gradients of the straight line through the products of each code.

    dLUT/dx of weight code w is the slope of the least-squares line through the products of w with
    all activations, and dLUT/dw of activation code x that of the line through the products of x
    with all weights. Each table depends on one operand only, so that the backward pass stays two
    ordinary matrix products, as fast as with the straight-through gradient.

    Examples:
        >>> from multipliers import get
        >>> tables = Regression().tables(get("mul8s_tm_k3"))
        >>> float(tables.by_x[3, 20].round(2)), bool((tables.by_x[3] == tables.by_x[90]).all())
        (15.98, True)
    """

    def tables(
        self, multiplier: Multiplier, *, x_range: Range | None = None, w_range: Range | None = None
    ) -> GradientTables:
        """Return the gradient tables of a multiplier.

        Args:
            multiplier: The multiplier.
            x_range: Least and greatest activation that occurs; the port's range if None.
            w_range: Likewise of the weights.

        Raises:
            ValueError: A range does not lie in its port.
        """
        ranged = differentiate(multiplier, _slopes, x_range, w_range)
        # Beyond the range of its own operand, too, a table depends on the other one only.
        x = (x_range or (multiplier.x_port.low,))[0] % 256
        w = (w_range or (multiplier.w_port.low,))[0] % 256
        return GradientTables(
            by_x=np.tile(ranged.by_x[x], (256, 1)),
            by_w=np.tile(ranged.by_w[:, [w]], (1, 256)),
        )


def _slopes(products: Table, values: NDArray[np.int64]) -> Table:
    centred = values - values.mean()
    slope = centred @ products / np.sum(centred**2)
    return np.tile(slope, (len(values), 1))
