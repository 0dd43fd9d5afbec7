"""The candidates of one way of folding, evaluated, and the best of each method refined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.selection import (
    Assignment,
    Candidate,
    ChoiceTable,
    Evaluation,
    bounded_candidates,
    measure_choices,
    refine,
    select,
    uniform_candidates,
    within,
)
from analysis.selection.acceptance import Accept
from analysis.selection.study.searched import searched
from analysis.selection.study.wanted import Wanted
from analysis.sweeps.stored_evaluator import StoredEvaluator


@dataclass(frozen=True, slots=True)
class Point:
    """An assignment that was evaluated."""

    candidate: Candidate
    folded: bool
    found: Evaluation
    accepted: bool


def evaluated_points(
    table: ChoiceTable,
    evaluate: StoredEvaluator,
    wanted: Wanted,
    tolerances: Mapping[str, float] | None,
    given: Mapping[str, Assignment],
    *,
    seed: int,
) -> list[Point]:
    """Evaluate the candidates of one way of folding, and refine the best of each method.

    Args:
        table: What there is to choose from; the first multiplier is exact.
        evaluate: Evaluates on the validation split.
        wanted: The bound and the methods.
        tolerances: For matching.
        given: Assignments to evaluate beside the others, by label.
        seed: Of a search.

    Raises:
        ImportError: If there is to be a search without Optuna.
        LookupError: If a given assignment lacks a layer.
        ValueError: If there are no class labels, or a search's storage has something else.
    """
    exact = evaluate(Assignment.uniform(table.layers, table.multipliers[0]))
    if not np.isfinite(exact.accuracy):
        raise ValueError("the model must return class scores and the data have class labels")
    drop = np.inf if wanted.accuracy_drop is None else wanted.accuracy_drop
    accept = within(exact, accuracy_drop=drop)

    def acceptable(found: Evaluation) -> bool:
        energy = wanted.max_energy
        return accept(found) and (energy is None or found.relative_energy <= energy + 1e-9)

    if wanted.measured:
        table = _measured(table, evaluate)
    candidates = uniform_candidates(table)
    for label, assignment in given.items():
        missing = [layer for layer in table.layers if layer not in assignment]
        if missing:
            raise LookupError(f"{label} must name every layer, lacks {', '.join(missing)}")
        candidates.append(Candidate(label, float("nan"), assignment))
    candidates += bounded_candidates(
        table, methods=wanted.of_table, count=wanted.count, distinct=wanted.distinct,
        tolerances=tolerances,
    )  # fmt: skip
    if wanted.max_energy is not None:
        candidates += _within_energy(table, wanted, tolerances)
    predicted = {one.assignment for one in candidates if one.method in wanted.of_table}
    for sampler in wanted.samplers:
        found = searched(table, evaluate, wanted, sampler, seed=seed)
        # A search starts from predicted choices.
        candidates += [one for one in found if one.assignment not in predicted]
    evaluations = evaluate.each([candidate.assignment for candidate in candidates])
    points = [
        Point(candidate, evaluate.fold, evaluation, acceptable(evaluation))
        for candidate, evaluation in zip(candidates, evaluations, strict=True)
    ]
    if wanted.refined and wanted.accuracy_drop is not None:
        for method in wanted.methods:
            own = [point for point in points if point.accepted and point.candidate.method == method]
            if own:
                points.append(_refined(table, evaluate, min(own, key=energy_of), accept, wanted))
    return points


def _measured(table: ChoiceTable, evaluate: StoredEvaluator) -> ChoiceTable:
    """Measure every choice alone, on the executor, by the loss on labels."""
    start = table.assignment(table.loss.argmin(axis=1).astype(np.intp))
    alone = [start.with_layer(layer, m) for layer in table.layers for m in table.multipliers]
    evaluate.each([start, *alone])
    return measure_choices(table, evaluate)


def _within_energy(
    table: ChoiceTable, wanted: Wanted, tolerances: Mapping[str, float] | None
) -> list[Candidate]:
    """Choose by each method that can keep the energy."""
    found = []
    for method in wanted.of_table:
        try:
            chosen = select(
                table, max_energy=wanted.max_energy, method=method, distinct=wanted.distinct,
                tolerances=tolerances,
            )  # fmt: skip
        except ValueError:
            # Another method may; if none does, there is an error in the end.
            continue
        found.append(Candidate(method, float("nan"), chosen))
    return found


def _refined(
    table: ChoiceTable, evaluate: StoredEvaluator, start: Point, accept: Accept, wanted: Wanted
) -> Point:
    method = start.candidate.method
    end = refine(
        table, start.candidate.assignment, evaluate, accept, distinct=wanted.distinct,
        evaluations=wanted.refine_evaluations, title=f"refining {method}", quiet=evaluate.quiet,
    )  # fmt: skip
    candidate = Candidate(f"{method}, refined", float("nan"), end)
    return Point(candidate, evaluate.fold, evaluate(end), True)


def energy_of(point: Point) -> float:
    """Return a point's relative energy."""
    return point.found.relative_energy
