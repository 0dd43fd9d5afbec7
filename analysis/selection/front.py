"""Energy against accuracy: chosen on a validation split, verified on a test split."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from analysis.selection.acceptance import Evaluate
from analysis.selection.validation import Candidate
from multipliers.parameters import check_kind


def energy_front(
    candidates: Iterable[Candidate], validate: Evaluate, *, verify: Evaluate | None = None
) -> pd.DataFrame:
    """Evaluate candidates, and find those that none beats in energy and accuracy.

    Uniform candidates (`analysis.uniform_candidates`) are evaluated beside the others and have a
    front of their own.

    Args:
        candidates: What there is to choose from; see `analysis.bounded_candidates`.
        validate: Evaluates an assignment on the validation split, which decides about the front.
        verify: Evaluates on the test split; only members of a front.

    Returns:
        One row per candidate, by ascending energy: `method`, `bound`, `assignment` (the value),
        `relative_energy`, `validation_accuracy`, `validation_loss`, `on_front`, and with
        ``verify`` `test_accuracy` and `test_loss`, NaN off the fronts.

    Raises:
        ValueError: If there is no candidate.

    Examples:
        >>> from analysis.selection import Assignment, Evaluation
        >>> from multipliers import get
        >>> found = {"mul8s_tm_k1": (0.9, 0.1, 0.9, 0.7), "mul8s_tm_k2": (0.8, 0.1, 0.8, 0.5)}
        >>> found["mul8s_drum4"] = (0.7, 0.1, 0.7, 0.6)
        >>> frame = energy_front(
        ...     [Candidate("milp", 0.1, Assignment({"conv": get(name)})) for name in found],
        ...     lambda one: Evaluation(*found[one["conv"].name]),
        ... )
        >>> frame["on_front"].tolist(), frame["relative_energy"].tolist()
        ([True, False, True], [0.5, 0.6, 0.7])
    """
    check_kind("validate", validate, Callable)
    check_kind("verify", verify, Callable | None)
    rows = []
    for candidate in candidates:
        found = validate(candidate.assignment)
        rows.append(
            {
                "method": candidate.method,
                "bound": candidate.bound,
                "assignment": candidate.assignment,
                "relative_energy": found.relative_energy,
                "validation_accuracy": found.accuracy,
                "validation_loss": found.loss,
            }
        )
    if not rows:
        raise ValueError("'candidates' must hold at least one candidate, got none")
    frame = pd.DataFrame(rows).sort_values("relative_energy", kind="stable", ignore_index=True)
    frame["on_front"] = on_front(frame)
    if verify is not None:
        tested = {row: verify(frame["assignment"][row]) for row in frame.index[frame["on_front"]]}
        for name in ("accuracy", "loss"):
            frame[f"test_{name}"] = pd.Series(
                {row: getattr(found, name) for row, found in tested.items()}, dtype=float
            )
    return frame


def on_front(points: pd.DataFrame) -> list[bool]:
    """Return which assignments no other one beats in energy and accuracy.

    Args:
        points: `method`, `relative_energy`, `validation_accuracy`. Uniform ones are compared with
            one another, and the others likewise.

    Examples:
        >>> on_front(pd.DataFrame({
        ...     "method": ["milp", "milp", "uniform"], "relative_energy": [0.3, 0.4, 0.5],
        ...     "validation_accuracy": [0.9, 0.8, 0.7],
        ... }))
        [True, False, True]
    """
    from analysis.characterisation.multiplier_frame import pareto_front  # noqa: PLC0415  which loads plots

    errors = points.assign(error=1 - points["validation_accuracy"])
    fronts = [
        pareto_front(part, "error", "relative_energy")
        for _, part in errors.groupby(points["method"] == "uniform")
    ]
    found: list[bool] = points.index.isin(pd.concat(fronts).index).tolist()
    return found
