"""What of an assignment's true quality is good enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from analysis.selection.evaluator import Evaluation
from multipliers import Multiplier

Evaluate = Callable[[Mapping[str, Multiplier]], Evaluation]
"""What evaluates an assignment, such as an `analysis.Evaluator`."""

Accept = Callable[[Evaluation], bool]
"""Whether an evaluation is good enough."""


def within(
    exact: Evaluation,
    *,
    accuracy_drop: float = np.inf,
    certainty_drop: float | None = None,
    loss_rise: float = np.inf,
) -> Accept:
    """Return a function that accepts what falls little behind the exact multiplication.

    The accuracy alone is a poor judge: among many choices there is always one that happens to get
    the few samples right that decide, and fails on others. The certainty, the mean probability of
    the right class, counts every sample by how near it is to being lost, so that it is the same on
    other samples.

    Args:
        exact: Evaluation with exact multiplications.
        accuracy_drop: Greatest fall of the accuracy, as a share: 0.01 is one percentage point.
        certainty_drop: Greatest fall of the certainty; as ``accuracy_drop`` if None.
        loss_rise: Greatest rise of the loss.

    Examples:
        >>> accept = within(Evaluation(0.98, 0.1, 0.95, 1.0), accuracy_drop=0.01)
        >>> accept(Evaluation(0.97, 0.2, 0.95, 0.5)), accept(Evaluation(0.96, 0.2, 0.95, 0.5))
        (True, False)
        >>> accept(Evaluation(0.98, 0.2, 0.91, 0.5))
        False
    """
    if certainty_drop is None:
        certainty_drop = accuracy_drop

    def accept(found: Evaluation) -> bool:
        return all(
            # Accuracies differ by whole samples, up to rounding; NaN counts where it is bounded.
            most == np.inf or fall <= most + 1e-9
            for fall, most in (
                (exact.accuracy - found.accuracy, accuracy_drop),
                (exact.certainty - found.certainty, certainty_drop),
                (found.loss - exact.loss, loss_rise),
            )
        )

    return accept
