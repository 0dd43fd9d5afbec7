"""A multiplier's error as a function of one operand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from multipliers.characterisation.population import Weights, population
from multipliers.multiplier import Multiplier
from multipliers.parameters import check_kind

Operand = Literal["x", "w"]
"""The first operand (activation) or the second (weight)."""


@dataclass(frozen=True, slots=True, eq=False)
class ErrorProfile:
    """Error for each value of one operand, over the values of the other.

    Where a value never occurs, its three errors are nan.

    Args:
        operand: The operand.
        values: Its values, ascending, int64 `(values,)`.
        probability: Probability of each value, float64 `(values,)`.
        error_mean: Mean of approximate - exact given the value, float64 `(values,)`.
        mae: Mean absolute error given the value, float64 `(values,)`.
        wce: Greatest absolute error given the value, float64 `(values,)` of whole numbers.
    """

    operand: Operand
    values: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    error_mean: npt.NDArray[np.float64]
    mae: npt.NDArray[np.float64]
    wce: npt.NDArray[np.float64]


def error_profile(
    multiplier: Multiplier, operand: Operand, *, weights: Weights = None
) -> ErrorProfile:
    """Return the error as a function of one operand.

    The expectation of each profile under `probability` is the figure of `characterise`, the
    greatest `wce` that of all pairs.

    Args:
        multiplier: The multiplier.
        operand: ``"x"`` for the first operand (activation), ``"w"`` for the second (weight).
        weights: How often each pair of codes occurs, as for `characterise`.

    Returns:
        The error for each value of the operand.

    Raises:
        TypeError: If `weights` holds no numbers.
        ValueError: If `operand` is neither, or `weights` is refused by `characterise`.

    Examples:
        >>> from multipliers import Multiplier, truncated_multiplier
        >>> tm2 = Multiplier.from_netlist(truncated_multiplier(2, signed=False))
        >>> profile = error_profile(tm2, "x")
        >>> profile.values[3:5].tolist(), profile.mae[3:5].tolist()
        ([3, 4], [382.5, 6.0])
    """
    check_kind("operand", operand, str)
    if operand not in get_args(Operand):
        raise ValueError(f"'operand' must be 'x' or 'w', got {operand!r}")
    pairs = population(multiplier, weights=weights)
    axis = 1 if operand == "x" else 0
    values = pairs.x if operand == "x" else pairs.w
    order = np.argsort(values)
    joint, distance = pairs.probabilities, np.abs(pairs.error)
    probability = joint.sum(axis=axis)
    occurs = probability > 0

    def given_value(quantity: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        expected = (joint * quantity).sum(axis=axis)
        mean = np.full(len(values), np.nan)
        np.divide(expected, probability, out=mean, where=occurs)
        return mean[order]

    worst = np.where(pairs.occurs, distance, 0).max(axis=axis)
    return ErrorProfile(
        operand,
        values[order],
        probability[order],
        given_value(pairs.error),
        given_value(distance),
        np.where(occurs, worst, np.nan)[order],
    )
