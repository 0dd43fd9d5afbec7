"""Sums over operand pairs from which every error figure follows, exact where they are integers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

_GREATEST = 1 << 40
_HALF_BITS = 20  # errors are squared in two halves of 20 bits, whose products fit int64 sums
_MAXIMA = ("worst", "worst_relative")


@dataclass(frozen=True, slots=True)
class ErrorSums:
    """Sums over pairs of e = approximate - exact, d = abs(e) and r = d / abs(exact).

    Without weights or with integer ones, `total` to `square_of_zeros` are Python integers and
    exact. Sums of blocks of pairs add up with ``+``.

    Args:
        total: Sum of the weights, or number of pairs.
        error: Sum of e.
        distance: Sum of d.
        square: Sum of d^2.
        wrong: Weight of the pairs with e != 0.
        zeros: Weight of the pairs whose exact product is 0.
        distance_of_zeros: Sum of d over these.
        square_of_zeros: Sum of d^2 over these.
        cube: Sum of e^3.
        fourth: Sum of e^4.
        relative: Sum of r over the other pairs.
        relative_square: Sum of r^2 over the other pairs.
        worst: Greatest d.
        worst_relative: Greatest r over the other pairs, nan if there are none.
    """

    total: int | float
    error: int | float
    distance: int | float
    square: int | float
    wrong: int | float
    zeros: int | float
    distance_of_zeros: int | float
    square_of_zeros: int | float
    cube: float
    fourth: float
    relative: float
    relative_square: float
    worst: int
    worst_relative: float

    def __add__(self, other: ErrorSums) -> ErrorSums:
        def joined(name: str) -> Any:
            pair = getattr(self, name), getattr(other, name)
            return np.fmax(*pair).item() if name in _MAXIMA else sum(pair)

        return ErrorSums(**{field.name: joined(field.name) for field in fields(self)})


def error_sums(
    exact: npt.NDArray[np.int64],
    error: npt.NDArray[np.int64],
    *,
    weights: npt.NDArray[Any] | None = None,
) -> ErrorSums:
    """Return the sums over some pairs.

    Args:
        exact: Exact products, int64, any shape, at most 2^22 elements.
        error: Approximate minus exact products, int64, shaped as `exact`.
        weights: How often each pair occurs, int64 or float64, shaped as `exact`, of a sum below
            2^62; pairs of weight 0 have no part in the maxima. None for every pair once.

    Returns:
        The sums.

    Raises:
        ValueError: If an error reaches 2^40.

    Examples:
        >>> sums = error_sums(np.array([0, 4, -6]), np.array([1, 0, -3]))
        >>> sums.error, sums.square, sums.worst_relative
        (-2, 10, 0.5)
    """
    exact, error = exact.ravel(), error.ravel()
    if weights is not None:
        occurs = np.flatnonzero(weights)
        exact, error, weights = exact[occurs], error[occurs], weights.ravel()[occurs]
    distance = np.abs(error)
    worst = int(distance.max(initial=0))
    if worst >= _GREATEST:
        raise ValueError(f"errors must be less than 2^40 in size, got {worst}")
    zero = exact == 0
    relative = np.divide(distance, np.abs(exact), out=np.zeros(exact.shape), where=~zero)
    deviation = error.astype(np.float64)
    squared = deviation * deviation
    on_zeros = distance * zero
    return ErrorSums(
        total=error.size if weights is None else weights.sum().item(),
        error=_dot(error, weights),
        distance=_dot(distance, weights),
        square=_dot_of_squares(distance, weights),
        wrong=_dot(error != 0, weights),
        zeros=_dot(zero, weights),
        distance_of_zeros=_dot(on_zeros, weights),
        square_of_zeros=_dot_of_squares(on_zeros, weights),
        cube=float(_dot(squared * deviation, weights)),
        fourth=float(_dot(squared * squared, weights)),
        relative=float(_dot(relative, weights)),
        relative_square=float(_dot(relative * relative, weights)),
        worst=worst,
        worst_relative=float("nan") if zero.all() else float(relative.max()),
    )


def _dot(values: npt.NDArray[Any], weights: npt.NDArray[Any] | None) -> int | float:
    """Return the weighted sum; exact if both are integers."""
    if weights is None:
        return values.sum().item()  # type: ignore[no-any-return]
    if values.dtype.kind == weights.dtype.kind == "i":  # sums of a bool are within those of 2^62
        bound = int(np.abs(values).max(initial=0)) * int(weights.sum())
        if bound >= 1 << 63:
            return int(values.astype(object) @ weights.astype(object))
    return (values @ weights).item()  # type: ignore[no-any-return]


def _dot_of_squares(distance: npt.NDArray[np.int64], weights: npt.NDArray[Any] | None) -> Any:
    high, low = distance >> _HALF_BITS, distance & ((1 << _HALF_BITS) - 1)
    total = _dot(low * low, weights)
    if high.any():
        total += 2 * _dot(high * low, weights) * (1 << _HALF_BITS)
        total += _dot(high * high, weights) * (1 << 2 * _HALF_BITS)
    return total
