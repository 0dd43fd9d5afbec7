"""Refinement: an assignment made cheaper step by step, each step checked by a true evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from analysis.progress import hidden
from analysis.selection.acceptance import Accept, Evaluate
from analysis.selection.assignment import Assignment
from analysis.selection.choice_table import Choices, ChoiceTable
from analysis.selection.integer_program import undominated
from multipliers.parameters import check_kind, check_parameter
from multipliers.wording import counted

LEAST_SAVING = 1e-12
"""Relative energy that a step must save, so that rounding is no saving."""

Steps = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and the columns that they get, two of each step, intp `(S, 2)`."""


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
    """Make an assignment cheaper as long as its true quality is good enough.

    A step gives one layer a cheaper multiplier. Where none of these is left, it gives two layers
    other multipliers, which save energy together: mostly one a better, the other a cheaper one.
    Steps are tried in the order of the energy that they save per predicted rise of the loss, and
    the first that is accepted is taken. What is predicted to lose at least as much in every layer
    as an assignment that was not accepted is not tried any more.

    Args:
        table: What there is to choose from.
        start: An assignment that is accepted.
        evaluate: Evaluates an assignment, on a validation split.
        accept: Whether an evaluation is good enough; see `within`.
        distinct: Greatest number of different multipliers.
        evaluations: Greatest number of evaluations.
        title: Label of the progress bar, which counts evaluations.
        quiet: Show no progress bar.

    Returns:
        An accepted assignment of at most the energy of the start.

    Raises:
        LookupError: If the start lacks a layer, or has a multiplier that is not in the table.
        ValueError: If it has more than ``distinct`` multipliers.
    """
    check_kind("table", table, ChoiceTable)
    check_kind("start", start, Assignment)
    check_kind("evaluate", evaluate, Callable)
    check_kind("accept", accept, Callable)
    if distinct is not None:
        distinct = check_parameter("distinct", distinct, 1)
    evaluations = check_parameter("evaluations", evaluations, 0)
    chosen = table.choices(start)
    if distinct is not None and len(start.distinct) > distinct:
        raise ValueError(
            f"'start' must have at most {counted(distinct, 'different multiplier')}, got "
            f"{len(start.distinct)}"
        )
    rows = np.arange(len(chosen))
    rejected = np.empty((0, len(chosen)))
    with tqdm(total=evaluations, desc=title, unit="evaluation", disable=hidden(quiet)) as bar:
        trials = _trials(table, chosen, distinct)
        for _ in range(evaluations):
            promising = (
                trial for trial in trials
                if not (rejected <= table.loss[rows, trial]).all(axis=1).any()
            )  # fmt: skip
            trial = next(promising, None)
            if trial is None:
                bar.total = bar.n
                break
            if accept(evaluate(table.assignment(trial))):
                chosen = trial
                trials = _trials(table, chosen, distinct)
            else:
                rejected = np.vstack([rejected, table.loss[rows, trial]])
            bar.update()
        bar.refresh()
    return table.assignment(chosen)


def _trials(table: ChoiceTable, chosen: Choices, distinct: int | None) -> Iterator[Choices]:
    """Yield what one step from a choice leads to, steps of one layer first, the best one first."""
    for steps in (_of_one_layer, _of_two_layers):
        for rows, columns in zip(*steps(table, chosen, distinct), strict=True):
            trial: Choices = chosen.copy()
            trial[rows] = columns
            if distinct is None or len(np.unique(trial)) <= distinct:
                yield trial


def _of_one_layer(table: ChoiceTable, chosen: Choices, _: int | None) -> Steps:
    saved, risen = _differences(table, chosen)
    row, column = np.nonzero(saved > 0)
    best = _best_first(table, saved[row, column], risen[row, column])
    return np.column_stack([row, row])[best], np.column_stack([column, column])[best]


def _of_two_layers(table: ChoiceTable, chosen: Choices, distinct: int | None) -> Steps:
    saved, risen = _differences(table, chosen)
    # A choice that another one beats in energy and loss is no part of an exchange.
    useful = undominated(
        table.energy, table.loss, np.ones(saved.shape, np.bool_), everywhere=distinct is not None
    )
    useful[np.arange(len(chosen)), chosen] = False
    rows, columns = [np.empty((0, 2), np.intp)], [np.empty((0, 2), np.intp)]
    for pair in zip(*np.triu_indices(len(chosen), 1), strict=True):
        one, other = (np.nonzero(useful[row])[0] for row in pair)
        together = saved[pair[0], one][:, np.newaxis] + saved[pair[1], other]
        first, second = np.nonzero(together > LEAST_SAVING)
        columns.append(np.column_stack([one[first], other[second]]))
        rows.append(np.tile(np.array(pair, np.intp), (len(first), 1)))
    row, column = np.concatenate(rows), np.concatenate(columns)
    best = _best_first(table, saved[row, column].sum(axis=1), risen[row, column].sum(axis=1))
    return row[best], column[best]


def _differences(
    table: ChoiceTable, chosen: Choices
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the energy that each choice saves and how the predicted loss rises, `(L, M)`."""
    rows = np.arange(len(chosen))
    saved = table.energy[rows, chosen][:, np.newaxis] - table.energy
    risen = table.loss - table.loss[rows, chosen][:, np.newaxis]
    return saved, risen


def _best_first(
    table: ChoiceTable, saved: NDArray[np.float64], risen: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return the order of steps by energy saved per rise of the loss, greatest first."""
    smallest = np.abs(table.loss).max() * 1e-9 + np.finfo(float).tiny
    return np.argsort(-saved / np.maximum(risen, smallest), kind="stable")
