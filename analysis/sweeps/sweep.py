"""Evaluating many assignments, on many workers, into a store that an interrupted sweep resumes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pandas as pd
from tqdm import tqdm

from analysis.progress import hidden
from analysis.selection import Assignment
from analysis.sweeps.executors import ExecutorSource, usable_cores
from analysis.sweeps.job_loop import JobError, run_jobs
from analysis.sweeps.results_store import ResultsStore, check_context
from multipliers.parameters import check_kind, check_parameter

Evaluate = Callable[[Mapping[str, str]], Any]
"""What evaluates an assignment, given the names of its multipliers by layer: returns a dataclass or
a mapping of numbers."""


class SweepError(RuntimeError):
    """Some jobs have failed; the results of all others are in the store."""


def sweep(
    evaluate: Evaluate,
    assignments: Mapping[str, Assignment],
    *,
    store: ResultsStore,
    context: Mapping[str, Any],
    executor: ExecutorSource | None = None,
    in_flight: int | None = None,
    retries: int = 1,
    most_failures: int = 10,
    arrived: Callable[[], object] | None = None,
    quiet: bool = True,
) -> pd.DataFrame:
    """Evaluate assignments that have no result in a store yet, and put each result there at once.

    What has been stored stays stored, whatever happens: to resume, call this again. Assignments
    that are equal are evaluated once. Jobs whose worker dies are submitted again; see
    `analysis.run_jobs`.

    Args:
        evaluate: Called in the workers with the multipliers' names by layer, such as an
            `analysis.Evaluator`, or an `analysis.WorkerEvaluator`, which travels light.
        assignments: By the label that tables and plots give them.
        store: Where the results go; only this process writes.
        context: Whatever else the results depend on, as JSON can say it: digests of model and data,
            options. Results with another context do not count.
        executor: An executor or a function that makes one, such as `analysis.process_pool(2)` or
            Dask's ``client.get_executor``; this thread if None.
        in_flight: How many jobs are submitted and not yet done; if None, twice the cores of this
            machine, which is too few for larger clusters.
        retries: How often a job is submitted again after its worker died with no other job in
            flight.
        most_failures: After so many jobs that failed no more are started.
        arrived: Called after each result that was stored.
        quiet: Show no progress bar.

    Returns:
        One row per label: `label`, what ``evaluate`` returned, and `assignment_sha256`.

    Raises:
        SweepError: If a job raised an error or killed its workers; all others are done first, up
            to ``most_failures``.
        RuntimeError: If the executor is broken for good.
        ValueError: If a result is not for JSON, or the store was damaged meanwhile.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from multipliers import get
        >>> pair = {name: Assignment.uniform(["conv"], get(name)) for name in ("tm_k2", "drum4")}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = ResultsStore(Path(folder, "results.jsonl"))
        ...     frame = sweep(lambda names: {"loss": 0.5}, pair, store=store, context={"model": 1})
        >>> frame[["label", "loss"]]
           label  loss
        0  tm_k2   0.5
        1  drum4   0.5
    """
    check_kind("evaluate", evaluate, Callable)
    _check_assignments(assignments)
    check_kind("store", store, ResultsStore)
    check_context(context)
    most_failures = check_parameter("most_failures", most_failures, 0)
    inputs = {label: _inputs(one, context) for label, one in assignments.items()}
    jobs: dict[str, str] = {}
    for label, one in assignments.items():
        if store.get(inputs[label]) is None:
            jobs.setdefault(one.digest, label)
    labels = list(jobs.values())
    distinct = len({one.digest for one in assignments.values()})
    results = run_jobs(
        evaluate,
        [assignments[label].names for label in labels],
        executor=executor,
        in_flight=in_flight or (1 if executor is None else 2 * usable_cores()),
        retries=retries,
    )
    failures: dict[str, JobError] = {}
    bar = tqdm(
        results, desc="sweep", unit="job", total=distinct, initial=distinct - len(labels),
        disable=hidden(quiet), smoothing=0,
    )  # fmt: skip
    with closing(results), bar:
        for number, result in bar:
            if not isinstance(result, JobError):
                store.add(inputs[labels[number]], plain_result(result))
                if arrived is not None:
                    arrived()
                continue
            failures[labels[number]] = result
            if len(failures) == most_failures:
                break
    if failures:
        raise _failed(failures) from next(iter(failures.values()))
    return sweep_frame(assignments, store=store, context=context)


def sweep_frame(
    assignments: Mapping[str, Assignment], *, store: ResultsStore, context: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the results that a store has of assignments; arguments and columns as `sweep`."""
    _check_assignments(assignments)
    check_kind("store", store, ResultsStore)
    check_kind("context", context, Mapping)
    rows = []
    for label, one in assignments.items():
        result = store.get(_inputs(one, context))
        if result is not None:
            rows.append({"label": label, **result, "assignment_sha256": one.digest})
    return pd.DataFrame(rows)


def plain_result(result: Any) -> dict[str, Any]:
    """Return a dataclass or mapping as JSON has it, where a number that is not finite is None.

    Examples:
        >>> plain_result({"accuracy": 0.5, "loss": float("inf")})
        {'accuracy': 0.5, 'loss': None}
    """
    items = dict(result) if isinstance(result, Mapping) else dataclasses.asdict(result)
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in items.items()
    }


def _check_assignments(assignments: Mapping[str, Assignment]) -> None:
    check_kind("assignments", assignments, Mapping)
    for one in assignments.values():
        check_kind("assignments", one, Assignment, advice="Assignment(...) makes one of a mapping")


def _inputs(assignment: Assignment, context: Mapping[str, Any]) -> dict[str, Any]:
    tables = {multiplier.name: multiplier.digest for multiplier in assignment.distinct}
    return {"assignment": assignment.names, "tables_sha256": tables, "context": dict(context)}


def _failed(failures: Mapping[str, JobError]) -> SweepError:
    several = f"{len(failures)} jobs have" if len(failures) > 1 else "a job has"
    lines = "; ".join(f"{label!r}: {error}" for label, error in failures.items())
    return SweepError(
        f"{several} failed: {lines}. All results so far are stored; the next run does the rest"
    )
