"""Choices that are checked while they are made: by true forward passes on a validation split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.selection.acceptance import Accept, Evaluate
from analysis.selection.assignment import Assignment
from analysis.selection.choice_table import ChoiceTable
from analysis.selection.refinement import refine
from analysis.selection.select import Method, select
from multipliers.parameters import check_flag, check_kind, check_parameter


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
    check_kind("table", table, ChoiceTable)
    count = check_parameter("count", count, 1)
    check_kind("methods", methods, tuple | list)
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
    check_kind("table", table, ChoiceTable)
    return [
        Candidate("uniform", float("nan"), Assignment.uniform(table.layers, multiplier))
        for multiplier in table.multipliers
    ]


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
    check_kind("table", table, ChoiceTable)
    check_kind("evaluate", evaluate, Callable)
    check_kind("accept", accept, Callable)
    check_flag("refined", refined)
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
