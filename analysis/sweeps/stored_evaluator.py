"""Evaluations of a prepared model that are looked up in a store first, and put there after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.selection import Assignment, Energies, Evaluation
from analysis.sweeps.executors import ExecutorSource
from analysis.sweeps.prepared_workload import PreparedWorkload
from analysis.sweeps.results_store import ResultsStore
from analysis.sweeps.sweep import sweep
from analysis.sweeps.worker_evaluator import (
    Split,
    WorkerEvaluator,
    evaluation_context,
    worker_evaluator,
)
from multipliers import Multiplier


@dataclass(frozen=True, slots=True)
class StoredEvaluator:
    """Evaluates assignments as `analysis.refine` and `analysis.energy_front` take it, by a sweep.

    What a store has is not evaluated again, so that an interrupted choice goes on where it was.

    Args:
        prepared: Model and data.
        multipliers: All that the assignments may name.
        energies: Relative energy of a multiplication.
        macs: Multiplications of each layer.
        store: Where the results go.
        split: The batches to evaluate on.
        fold: Whether mean errors are folded into the biases first.
        executor: As `analysis.sweep` takes it.
        in_flight: Likewise.
        quiet: Show no progress bar.
    """

    prepared: PreparedWorkload
    multipliers: Sequence[Multiplier]
    energies: Energies
    macs: Mapping[str, int]
    store: ResultsStore
    split: Split = "validation"
    fold: bool = False
    executor: ExecutorSource | None = None
    in_flight: int | None = None
    quiet: bool = True

    @property
    def worker(self) -> WorkerEvaluator:
        """What evaluates in a worker, given names."""
        return worker_evaluator(self.prepared, self.multipliers, split=self.split, fold=self.fold)

    @property
    def context(self) -> dict[str, Any]:
        """What the results depend on besides the assignment."""
        return evaluation_context(self.prepared, split=self.split, fold=self.fold)

    def __call__(self, assignment: Mapping[str, Multiplier]) -> Evaluation:
        """Evaluate one assignment; errors as `analysis.sweep`."""
        return self.each([Assignment(assignment)], quiet=True)[0]

    def each(
        self, assignments: Sequence[Assignment], *, quiet: bool | None = None
    ) -> list[Evaluation]:
        """Evaluate several, on the executor; errors as `analysis.sweep`."""
        frame = sweep(
            self.worker,
            {str(number): one for number, one in enumerate(assignments)},
            store=self.store,
            context=self.context,
            executor=self.executor if len(assignments) > 1 else None,
            in_flight=self.in_flight,
            quiet=self.quiet if quiet is None else quiet,
        )
        return [
            Evaluation(
                accuracy=float(row["accuracy"]),
                loss=float(row["loss"]),
                certainty=float(row["certainty"]),
                relative_energy=one.relative_energy(self.energies, self.macs),
            )
            for one, (_, row) in zip(assignments, frame.iterrows(), strict=True)
        ]
