"""The error that fits make small, and how much each pair of operands counts."""

import numpy as np
import numpy.typing as npt

from multipliers import Multiplier
from multipliers.characterisation.population import Weights, population

_UNIFORM_SHARE = 1e-6


def weighted_error(
    multiplier: Multiplier, weights: Weights
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the error of every pair and how much it counts, by the ports' bit patterns.

    Args:
        multiplier: The multiplier.
        weights: As `multipliers.characterise` takes them; pairs that do not occur count a
            millionth, so that what is fitted is reasonable there too.

    Returns:
        Errors and probabilities, float64, row = activation.
    """
    pairs = population(multiplier, weights=weights)
    probabilities = np.asarray(pairs.probabilities, np.float64)
    if weights is not None:
        uniform = _UNIFORM_SHARE / probabilities.size
        probabilities = (1 - _UNIFORM_SHARE) * probabilities + uniform
    return pairs.error.astype(np.float64), probabilities
