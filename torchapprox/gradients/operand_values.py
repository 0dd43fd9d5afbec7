"""A table of products in the order of its operands' values, and back."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from multipliers import Multiplier, Port
from torchapprox.gradients.tables import GradientTables, Range, Table

Slopes = Callable[[Table, NDArray[np.int64]], Table]


def differentiate(
    multiplier: Multiplier, slopes: Slopes, x_range: Range | None, w_range: Range | None
) -> GradientTables:
    """Return the gradient tables that a rule for one operand gives.

    Where an operand is beyond its range, the gradients are those of the exact product; the rule
    sees no product from there.

    Args:
        multiplier: The multiplier.
        slopes: From products, row by the operand in ascending order, and that operand's values, to
            the slopes in the same places.
        x_range: Least and greatest activation that occurs; the port's range if None.
        w_range: Likewise of the weights.

    Raises:
        ValueError: A range does not lie in its port or holds fewer than two values.
    """
    x = _values("x_range", multiplier.x_port, x_range)
    w = _values("w_range", multiplier.w_port, w_range)
    places = np.ix_(x % 256, w % 256)
    products = multiplier.lut[places].astype(np.float64)
    by_x, by_w = _exact(multiplier)
    by_x[places] = slopes(products, x)
    by_w[places] = slopes(products.T, w).T
    return GradientTables(by_x=by_x, by_w=by_w)


def _exact(multiplier: Multiplier) -> tuple[Table, Table]:
    x, w = np.zeros(256), np.zeros(256)
    for values, port in ((x, multiplier.x_port), (w, multiplier.w_port)):
        own = np.arange(port.low, port.high + 1)
        values[own % 256] = own
    return np.tile(w, (256, 1)), np.tile(x[:, None], (1, 256))


def _values(name: str, port: Port, value_range: Range | None) -> NDArray[np.int64]:
    low, high = value_range or (port.low, port.high)
    if not port.low <= low < high <= port.high:
        raise ValueError(
            f"'{name}' must be two ascending values within {port.low}..{port.high}, the "
            f"multiplier's port, got {low}..{high}"
        )
    return np.arange(low, high + 1, dtype=np.int64)
