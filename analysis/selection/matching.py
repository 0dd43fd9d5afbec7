"""Matching: in each layer the cheapest multiplier whose predicted error the layer tolerates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analysis.selection.choice_table import Choices, ChoiceTable
from analysis.selection.integer_program import cheapest

_LEAST = np.finfo(float).tiny


def match(
    table: ChoiceTable,
    tolerances: NDArray[np.float64],
    *,
    scale: float = 1.0,
    distinct: int | None = None,
) -> Choices | None:
    """Choose the cheapest multipliers with a relative error of at most the tolerances.

    A layer that tolerates none of the multipliers gets one of least error.

    Args:
        table: The choices.
        tolerances: Relative standard deviation that each layer tolerates, float64 `(L,)`.
        scale: Factor of all tolerances.
        distinct: Greatest number of different multipliers.

    Returns:
        Column of each row; None if so few multipliers cannot serve all layers.
    """
    error = np.sqrt(table.error_variance)
    allowed = error <= scale * tolerances[:, np.newaxis]
    allowed |= error == error.min(axis=1, keepdims=True)
    if distinct is not None:
        return cheapest(
            table.energy, weight=table.error_variance, distinct=distinct, allowed=allowed
        )
    energy = np.where(allowed, table.energy, np.inf)
    # The layers do not depend on one another; of equal energies the least error.
    return np.lexsort((table.error_variance, energy), axis=1)[:, 0]


def match_within(
    table: ChoiceTable,
    tolerances: NDArray[np.float64],
    *,
    within: Callable[[Choices], bool],
    better: Callable[[Choices], float],
    distinct: int | None = None,
) -> Choices | None:
    """Scale all tolerances by the factor that serves best within a bound.

    Args:
        table: The choices.
        tolerances: As `match`.
        within: Whether a choice keeps the bound.
        better: What is to be least.
        distinct: As `match`.

    Returns:
        The best choice over all factors at which a choice changes; None if there is none.
    """
    with np.errstate(over="ignore"):  # no factor makes a layer that tolerates nothing bear an error
        ratios = np.sqrt(table.error_variance) / np.maximum(tolerances, _LEAST)[:, None]
    best: Choices | None = None
    for scale in np.unique(np.append(ratios[np.isfinite(ratios)], 0.0)):
        # Upwards by a rounding error, so that the multiplier whose ratio it is is among them.
        found = match(table, tolerances, scale=float(scale) * (1 + 1e-12), distinct=distinct)
        if found is not None and within(found) and (best is None or better(found) < better(best)):
            best = found
    return best
