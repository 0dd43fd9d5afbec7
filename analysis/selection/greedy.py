"""Greedy descent from the least loss: again and again the step that saves most energy per loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.selection.choice_table import Choices, ChoiceTable

Floats = NDArray[np.float64]


def descend(
    energy: Floats,
    loss: Floats,
    *,
    max_loss: float = np.inf,
    max_energy: float = -np.inf,
    distinct: int | None = None,
) -> Choices:
    """Take multipliers of less energy, layer by layer, until a bound ends it.

    Starts from the multiplier of least loss of each layer, of few multipliers from the one of least
    loss in all layers. Each step gives one layer another multiplier: the one with the greatest fall
    of energy per rise of the loss, among those that keep the loss within ``max_loss``. Ends when
    there is none, or the energy is at most ``max_energy``.

    Args:
        energy: Energy of each choice, float64 `(L, M)`.
        loss: Loss of each choice, float64 `(L, M)`.
        max_loss: Bound of the sum of the losses.
        max_energy: Sum of the energies that is low enough.
        distinct: Greatest number of different multipliers; it holds after every step.

    Returns:
        Column of each row. The bounds may not be reached.

    Examples:
        >>> energy = np.array([[1.0, 0.5, 0.2], [1.0, 0.5, 0.2]])
        >>> loss = np.array([[0.0, 1.0, 3.0], [0.0, 1.0, 9.0]])
        >>> descend(energy, loss, max_loss=4.0)
        array([2, 1])
    """
    rows = np.arange(len(energy))
    # The tiny weight of the energy decides between choices of equal loss.
    if distinct is None:
        chosen = np.array([np.lexsort((e, r))[0] for e, r in zip(energy, loss, strict=True)])
    else:
        chosen = np.full(len(energy), np.lexsort((energy.sum(axis=0), loss.sum(axis=0)))[0])
    while ChoiceTable.total(energy, chosen) > max_energy:
        saved = energy[rows, chosen][:, np.newaxis] - energy
        risen = loss - loss[rows, chosen][:, np.newaxis]
        total = ChoiceTable.total(loss, chosen)
        candidates = (saved > 0) & ((total + risen <= max_loss) | (risen <= 0))
        if distinct is not None:
            candidates &= few_after(chosen, distinct, energy.shape[1])
        if not candidates.any():
            break
        # A step that saves energy and loss is better than all that cost loss.
        rate = np.where(risen > 0, saved / np.where(risen > 0, risen, 1), np.inf)
        best = np.where(candidates, rate, -np.inf).max()
        row, column = np.argwhere(candidates & (rate == best))[
            saved[candidates & (rate == best)].argmax()
        ]
        chosen[row] = column
    return chosen


def few_after(chosen: Choices, distinct: int, count: int) -> NDArray[np.bool_]:
    """Return which steps leave at most so many different multipliers.

    Args:
        chosen: Column of each row.
        distinct: Greatest number of different columns.
        count: Number of columns.

    Returns:
        Whether giving one row another column is allowed, bool `(L, M)`.

    Examples:
        >>> few_after(np.array([0, 1]), 1, 3)
        array([[False,  True, False],
               [ True, False, False]])
    """
    allowed = np.empty((len(chosen), count), np.bool_)
    for row in range(len(chosen)):
        others = np.unique(np.delete(chosen, row))
        allowed[row] = True if len(others) < distinct else np.isin(np.arange(count), others)
    return allowed
