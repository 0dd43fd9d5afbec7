"""Choices that are checked while they are made: by true forward passes on a validation split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from analysis.selection.assignment import Assignment
from analysis.selection.choice_table import Choices, ChoiceTable
from analysis.selection.evaluator import Evaluation
from analysis.selection.greedy import few_after
from analysis.selection.select import Method, select
from multipliers import Multiplier

Evaluate = Callable[[Mapping[str, Multiplier]], Evaluation]
"""What evaluates an assignment, such as an `analysis.Evaluator`."""

Accept = Callable[[Evaluation], bool]
"""Whether an evaluation is good enough."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An assignment with where it comes from.

    Attributes:
        method: Method of `analysis.select`, "uniform", or a name of the user's own.
        bound: Bound of the predicted loss; NaN without one.
        assignment: The assignment.
    """

    method: str
    bound: float
    assignment: Assignment


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


def bounded_candidates(
    table: ChoiceTable,
    *,
    methods: Sequence[Method] = ("milp",),
    count: int = 16,
    distinct: int | None = None,
    tolerances: Mapping[str, float] | None = None,
) -> list[Candidate]:
    """Choose within many bounds of the predicted loss.

    The bounds rise geometrically from the greatest loss at which nothing can be saved, or a
    millionth of the loss of the cheapest choice if that is greater, to the latter.

    Args:
        table: What there is to choose from.
        methods: Methods of `analysis.select`.
        count: Number of bounds.
        distinct: Greatest number of different multipliers.
        tolerances: For matching.

    Returns:
        The choices by method and ascending bound, without repetitions of an assignment within a
        method, and without bounds that a method cannot keep.

    Raises:
        LookupError, ValueError: As `analysis.select`.
    """
    rises = table.loss - table.loss.min(axis=1, keepdims=True)
    base, most = float(table.loss.min(axis=1).sum()), float(rises.max(axis=1).sum())
    least = rises[rises > 0].min(initial=most)
    candidates = []
    for method in methods:
        seen: set[Assignment] = set()
        for bound in base + np.geomspace(max(least, 1e-6 * most), most, count) if most else [base]:
            try:
                found = select(
                    table,
                    # Rounding must not lose the last choice.
                    max_loss=float(bound) + 1e-12 * abs(bound),
                    method=method,
                    distinct=distinct,
                    tolerances=tolerances,
                )
            except ValueError:
                if distinct is None and method != "matching":
                    raise
                continue
            if found not in seen:
                seen.add(found)
                candidates.append(Candidate(method, float(bound), found))
    return candidates


def uniform_candidates(table: ChoiceTable) -> list[Candidate]:
    """Give all layers one multiplier, for each multiplier of a table."""
    return [
        Candidate("uniform", float("nan"), Assignment.uniform(table.layers, multiplier))
        for multiplier in table.multipliers
    ]


def refine(
    table: ChoiceTable,
    start: Assignment,
    evaluate: Evaluate,
    accept: Accept,
    *,
    distinct: int | None = None,
    evaluations: int = 200,
    title: str = "refining",
    quiet: bool = True,
) -> Assignment:
    """Give layer after layer a cheaper multiplier as long as the true quality is good enough.

    Tries the steps in the order of the energy that they save per predicted rise of the loss, and
    takes each that is accepted. Where one is not, steps of its layer that are predicted to lose
    more are not tried any more.

    Args:
        table: What there is to choose from.
        start: An assignment that is accepted.
        evaluate: Evaluates an assignment, on a validation split.
        accept: Whether an evaluation is good enough; see `within`.
        distinct: Greatest number of different multipliers.
        evaluations: Greatest number of evaluations.
        title: Label of the progress bar, which counts the choices of the table: each evaluation
            rules out one at least, so that the bar knows the time that remains.
        quiet: Show no progress bar.

    Returns:
        An accepted assignment of at most the energy of the start.

    Raises:
        LookupError: If the start lacks a layer, or has a multiplier that is not in the table.
        ValueError: If it has more than ``distinct`` multipliers.
    """
    chosen = table.choices(start)
    if distinct is not None and len(start.distinct) > distinct:
        raise ValueError(
            f"'start' must have at most {distinct} different multipliers, got {len(start.distinct)}"
        )
    # Predicted loss from which on a layer's steps are known to fail.
    ceiling = np.full(len(chosen), np.inf)
    possible = _cheaper(table, chosen, ceiling, distinct)
    with tqdm(total=int(possible.sum()), desc=title, unit="choice", disable=quiet) as bar:
        for _ in range(evaluations):
            if not possible.any():
                break
            row, column = _best_step(table, chosen, possible)
            trial: Choices = chosen.copy()
            trial[row] = column
            if accept(evaluate(table.assignment(trial))):
                chosen = trial
            else:
                ceiling[row] = min(ceiling[row], table.loss[row, column])
            possible = _cheaper(table, chosen, ceiling, distinct)
            # A multiplier that is no longer used may make others possible again.
            bar.update(max(bar.total - int(possible.sum()) - bar.n, 0))
    return table.assignment(chosen)


def _cheaper(
    table: ChoiceTable, chosen: Choices, ceiling: NDArray[np.float64], distinct: int | None
) -> NDArray[np.bool_]:
    """Return which choices save energy and are not known to fail, bool `(L, M)`."""
    own = table.energy[np.arange(len(chosen)), chosen][:, np.newaxis]
    possible: NDArray[np.bool_] = (table.energy < own) & (table.loss < ceiling[:, np.newaxis])
    if distinct is not None:
        possible &= few_after(chosen, distinct, len(table.multipliers))
    return possible


def _best_step(
    table: ChoiceTable, chosen: Choices, possible: NDArray[np.bool_]
) -> tuple[np.intp, np.intp]:
    """Return layer and multiplier of the step that saves most energy per rise of the loss."""
    rows = np.arange(len(chosen))
    saved = table.energy[rows, chosen][:, np.newaxis] - table.energy
    risen = table.loss - table.loss[rows, chosen][:, np.newaxis]
    smallest = np.abs(table.loss).max() * 1e-9 + np.finfo(float).tiny
    rate = np.where(possible, saved / np.maximum(risen, smallest), -np.inf)
    row, column = np.unravel_index(rate.argmax(), rate.shape)
    return row, column


def select_validated(
    table: ChoiceTable,
    evaluate: Evaluate,
    accept: Accept,
    *,
    method: Method = "milp",
    count: int = 16,
    distinct: int | None = None,
    tolerances: Mapping[str, float] | None = None,
    refined: bool = True,
) -> Assignment:
    """Choose the assignment of least energy whose true quality is good enough.

    Evaluates the choices of `bounded_candidates` from the cheapest on until one is accepted, then
    improves it by `refine`.

    Args:
        table: What there is to choose from.
        evaluate: Evaluates an assignment, on a validation split.
        accept: Whether an evaluation is good enough; see `within`.
        method: Method of `analysis.select`.
        count: Number of bounds.
        distinct: Greatest number of different multipliers.
        tolerances: For matching.
        refined: Whether to `refine`.

    Returns:
        The assignment.

    Raises:
        ValueError: If no choice is accepted.
    """
    candidates = bounded_candidates(
        table, methods=[method], count=count, distinct=distinct, tolerances=tolerances
    )
    candidates.sort(key=lambda candidate: table.relative_energy(candidate.assignment))
    for candidate in candidates:
        if accept(evaluate(candidate.assignment)):
            if not refined:
                return candidate.assignment
            return refine(table, candidate.assignment, evaluate, accept, distinct=distinct)
    raise ValueError(
        f"none of {len(candidates)} choices by {method} is accepted: choose from more accurate "
        "multipliers, or accept more"
    )
