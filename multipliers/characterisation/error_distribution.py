"""The probability of each error that a multiplier makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multipliers.characterisation.population import Weights, population
from multipliers.multiplier import Multiplier


@dataclass(frozen=True, slots=True, eq=False)
class ErrorDistribution:
    """Probability mass function of the error, approximate - exact.

    Args:
        errors: The errors that occur, 0 among them where it does, ascending, int64 `(errors,)`.
        probability: Probability of each, float64 `(errors,)`, of sum 1.
    """

    errors: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]


def error_distribution(multiplier: Multiplier, *, weights: Weights = None) -> ErrorDistribution:
    """Return the probability mass function of the error.

    Args:
        multiplier: The multiplier.
        weights: How often each pair of codes occurs, as for `characterise`.

    Returns:
        The errors that occur and their probabilities.

    Raises:
        TypeError: If `weights` holds no numbers.
        ValueError: If `weights` is refused by `characterise`.

    Examples:
        >>> from multipliers import Multiplier, exact_products
        >>> even = error_distribution(Multiplier.from_lut(exact_products(True, True) & ~1))
        >>> even.errors.tolist(), even.probability.tolist()
        ([-1, 0], [0.25, 0.75])
    """
    pairs = population(multiplier, weights=weights)
    occurs = pairs.occurs
    errors, index = np.unique(pairs.error[occurs], return_inverse=True)
    if pairs.weights is None:
        return ErrorDistribution(errors, np.bincount(index) / index.size)
    counts = np.zeros(len(errors), dtype=pairs.weights.dtype)
    np.add.at(counts, index, pairs.weights[occurs])
    return ErrorDistribution(errors, counts / counts.sum())
