"""The operand pairs over which a multiplier's errors are counted, and how often each occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from multipliers.multiplier import Multiplier, check_multiplier

Int64Array = npt.NDArray[np.int64]
Weights = npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike] | None
"""How often operand codes occur: jointly `(256, 256)`, or one `(256,)` per operand where they are
independent, as counts or as probabilities; None for all pairs alike."""

_PORT_NAMES = ("x_port", "w_port")


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Every pair of values that a multiplier's ports accept.

    Args:
        x: Values of the first operand, int64 `(X,)`, in the order of their bit patterns.
        w: Values of the second operand, int64 `(W,)`.
        exact: Exact products, int64 `(X, W)`.
        error: Approximate minus exact products, int64 `(X, W)`.
        weights: How often each pair occurs, `(X, W)`: int64 counts, or float64 probabilities of
            sum 1; None for every pair once.
    """

    x: Int64Array
    w: Int64Array
    exact: Int64Array
    error: Int64Array
    weights: npt.NDArray[Any] | None

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """Probability of each pair, float64 `(X, W)`, of sum 1."""
        if self.weights is None:
            return np.full(self.error.shape, 1 / self.error.size)
        return np.asarray(self.weights / self.weights.sum(), dtype=np.float64)

    @property
    def occurs(self) -> npt.NDArray[np.bool_]:
        """Whether each pair occurs at all, bool `(X, W)`."""
        if self.weights is None:
            return np.ones(self.error.shape, dtype=np.bool_)
        return self.weights > 0


def population(multiplier: Multiplier, *, weights: Weights = None) -> Population:
    """Return the operand pairs of a multiplier with their errors and weights.

    Args:
        multiplier: The multiplier.
        weights: How often each pair of 8-bit codes occurs, counts or probabilities, integers or
            floats: `(256, 256)`, row = code of x, such as a trace's `joint_counts`; or a tuple of
            two `(256,)`, one for x and one for w, of which the pairs' probabilities are the
            products. None weighs all pairs alike.

    Returns:
        The pairs.

    Raises:
        TypeError: If `weights` holds no numbers.
        ValueError: If `weights` has another shape, is negative, not finite or zero everywhere, or
            weighs a code whose value the multiplier's port does not accept.

    Examples:
        >>> from multipliers import Multiplier, array_multiplier
        >>> multiplier = Multiplier.from_netlist(array_multiplier(signed=True, width=2))
        >>> population(multiplier).exact.tolist()
        [[0, 0, 0, 0], [0, 1, -2, -1], [0, -2, 4, 2], [0, -1, 2, 1]]
    """
    check_multiplier("multiplier", multiplier)
    rows, columns = 1 << multiplier.x_port.width, 1 << multiplier.w_port.width
    exact = multiplier.exact[:rows, :columns].astype(np.int64)
    return Population(
        multiplier.x_port.values,
        multiplier.w_port.values,
        exact,
        multiplier.lut[:rows, :columns] - exact,
        None if weights is None else _pair_weights(multiplier, weights),
    )


def _pair_weights(multiplier: Multiplier, weights: Weights) -> npt.NDArray[Any]:
    if isinstance(weights, tuple):
        if len(weights) != 2:
            raise ValueError(f"'weights' must be a table or two marginals, got {len(weights)}")
        x, w = (_checked(marginal, (256,)).astype(np.float64) for marginal in weights)
        table: npt.NDArray[Any] = np.multiply.outer(x / x.sum(), w / w.sum())
    else:
        table = _checked(weights, (256, 256))
    own: npt.NDArray[Any] = table[np.ix_(*multiplier.valid)]
    for axis, (name, codes) in enumerate(zip(_PORT_NAMES, multiplier.valid, strict=True)):
        foreign = np.delete(table.sum(axis=1 - axis), codes)
        if foreign.any():
            raise ValueError(
                f"'weights' must be 0 for values that '{name}' does not accept, "
                f"{getattr(multiplier, name)}; got {np.count_nonzero(foreign)} other codes"
            )
    if np.issubdtype(own.dtype, np.integer):
        return own.astype(np.int64)
    return np.asarray(own / own.sum(), dtype=np.float64)


def _checked(weights: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.asarray(weights)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"'weights' must be integers or floats {shape}, got {array.dtype}")
    if array.shape != shape:
        raise ValueError(
            "'weights' must be (256, 256) or a tuple of two (256,), "
            f"got {array.dtype} {array.shape} where {shape} was due"
        )
    if not np.isfinite(array).all() or (array < 0).any() or not array.any():
        raise ValueError("'weights' must be finite, not negative and not all 0")
    if float(array.sum(dtype=np.float64)) >= 2.0**62:
        raise ValueError("'weights' must sum to less than 2^62; divide them by their sum")
    return array
