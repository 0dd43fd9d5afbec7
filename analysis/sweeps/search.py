"""Search on true accuracy: Optuna proposes assignments, and a sweep evaluates them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd
from tqdm import tqdm

from analysis.characterisation.multiplier_frame import pareto_front
from analysis.selection import Assignment, Energies
from analysis.selection.energies import energy_matrix
from analysis.sweeps.executors import ExecutorSource
from analysis.sweeps.results_store import ResultsStore, content_key
from analysis.sweeps.study import (
    Sampler,
    enqueue,
    finished,
    imported_optuna,
    new_sampler,
    open_study,
)
from analysis.sweeps.sweep import Evaluate, sweep
from multipliers import Multiplier

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True, slots=True, eq=False)
class SearchResult:
    """What a search has tried.

    Attributes:
        frame: One row per finished trial of the storage: `trial`, `accuracy`, `relative_energy`,
            `assignment_sha256` and `front`, whether no other trial beats it.
        assignments: By number of the trial.
    """

    frame: pd.DataFrame
    assignments: Mapping[int, Assignment]

    @property
    def front(self) -> list[Assignment]:
        """The assignments that no other one beats, each once, by ascending energy."""
        rows = self.frame[self.frame["front"]].sort_values("relative_energy")
        rows = rows.drop_duplicates("assignment_sha256")
        return [self.assignments[trial] for trial in rows["trial"]]


def search(
    evaluate: Evaluate,
    layers: Sequence[str],
    multipliers: Sequence[Multiplier],
    *,
    energies: Energies,
    macs: Mapping[str, int],
    store: ResultsStore,
    context: Mapping[str, Any],
    storage: str | Path,
    trials: int,
    sampler: Sampler = "nsga2",
    population: int = 24,
    start: Iterable[Assignment] = (),
    executor: ExecutorSource | None = None,
    in_flight: int | None = None,
    seed: int = 0,
    quiet: bool = True,
) -> SearchResult:
    """Search for assignments of least energy and greatest accuracy, as simulation finds it.

    The storage keeps all trials, so that a search goes on where it stopped, and several processes
    and machines may search on one storage, each with another ``seed``. Equal arguments and an empty
    storage give equal trials. What the results store has is not evaluated again.

    Args:
        evaluate: As `analysis.sweep` takes it; its results must have an `accuracy`.
        layers: Names of the layers in the float model.
        multipliers: The candidates for each layer.
        energies: Relative energy of a multiplication.
        macs: Multiplications of each layer.
        store: Where the results of the evaluations go.
        context: As `analysis.sweep` takes it.
        storage: File of the trials: ``.db`` for SQLite, any other suffix for a journal, which also
            serves processes on a network's file system; or the URL of a database.
        trials: How many finished trials the storage shall have in the end.
        sampler: "nsga2", a genetic algorithm, or "tpe", tree-structured Parzen estimators.
        population: Trials of a generation of NSGA-II; they are evaluated side by side.
        start: Assignments to try first, such as those that `analysis.select` finds.
        executor: As `analysis.sweep` takes it.
        in_flight: Likewise. TPE proposes so many trials at a time, one without an executor.
        seed: Chooses the proposals.
        quiet: Show no progress bar.

    Raises:
        ImportError: If Optuna is not installed.
        LookupError: If an assignment of ``start`` has other layers or multipliers.
        ValueError: If the storage has trials of another model, data or candidates, or there are no
            layers, two multipliers have one name, or a number is less than 1.
        SweepError: If an evaluation fails.

    References:
        K. Deb et al. (2002), "A fast and elitist multiobjective genetic algorithm: NSGA-II".
        J. Bergstra et al. (2011), "Algorithms for hyper-parameter optimization" (TPE).
    """
    candidates = {multiplier.name: multiplier for multiplier in multipliers}
    _check(layers, multipliers, candidates, trials=trials, population=population, sampler=sampler)
    identity = content_key(
        {
            "layers": list(layers),
            "tables": {name: multiplier.digest for name, multiplier in candidates.items()},
            "energies": energy_matrix(energies, layers, list(candidates)).tolist(),
            "macs": [macs[layer] for layer in layers],
            "context": dict(context),
        }
    )
    with imported_optuna() as optuna:
        study = open_study(storage, identity=identity)
        done = len(finished(study))
        study.sampler = new_sampler(sampler, population=population, seed=seed, done=done)
        for assignment in start:
            enqueue(study, _names(assignment, layers, candidates))
        choices = optuna.distributions.CategoricalDistribution(list(candidates))
        batch = population if sampler == "nsga2" else 1 if executor is None else in_flight or 2
        bar = tqdm(total=trials, initial=done, desc="search", unit="trial", disable=quiet)
        with bar:
            while (left := trials - len(finished(study))) > 0:
                asked = [study.ask(dict.fromkeys(layers, choices)) for _ in range(min(batch, left))]
                proposed = {
                    f"trial {trial.number}": _assignment(trial.params, layers, candidates)
                    for trial in asked
                }
                try:
                    frame = sweep(
                        evaluate, proposed, store=store, context=context, executor=executor,
                        in_flight=in_flight,
                    )  # fmt: skip
                    accuracies = _accuracies(frame)
                except BaseException:
                    for trial in asked:
                        study.tell(trial, state=optuna.trial.TrialState.FAIL)
                    raise
                for trial, one, accuracy in zip(asked, proposed.values(), accuracies, strict=True):
                    study.tell(trial, [accuracy, one.relative_energy(energies, macs)])
                    bar.update()
        return _result(study, layers, candidates)


def _accuracies(frame: pd.DataFrame) -> list[float]:
    if "accuracy" not in frame or frame["accuracy"].isna().any():
        raise ValueError("'evaluate' must return an 'accuracy' that is a number")
    return [float(accuracy) for accuracy in frame["accuracy"]]


def _result(
    study: optuna.Study, layers: Sequence[str], candidates: Mapping[str, Multiplier]
) -> SearchResult:
    trials = finished(study)
    assignments = {trial.number: _assignment(trial.params, layers, candidates) for trial in trials}
    frame = pd.DataFrame(
        [
            {
                "trial": trial.number,
                "accuracy": trial.values[0],
                "relative_energy": trial.values[1],
                "assignment_sha256": assignments[trial.number].digest,
            }
            for trial in trials
        ]
    )
    front = pareto_front(frame.assign(error=1 - frame["accuracy"]), "error", "relative_energy")
    frame["front"] = frame.index.isin(front.index)
    return SearchResult(frame, assignments)


def _assignment(
    names: Mapping[str, str], layers: Sequence[str], candidates: Mapping[str, Multiplier]
) -> Assignment:
    return Assignment({layer: candidates[names[layer]] for layer in layers})


def _names(
    assignment: Assignment, layers: Sequence[str], candidates: Mapping[str, Multiplier]
) -> dict[str, str]:
    """Return names by layer, of an assignment of these layers and candidates."""
    for layer in layers:
        if layer not in assignment:
            raise LookupError(f"an assignment of 'start' lacks layer {layer!r}")
        multiplier = assignment[layer]
        known = candidates.get(multiplier.name)
        if known is None or known.digest != multiplier.digest:
            raise LookupError(
                f"an assignment of 'start' has {multiplier.name!r} in layer {layer!r}, which is "
                "not among the multipliers"
            )
    return {layer: assignment[layer].name for layer in layers}


def _check(
    layers: Sequence[str],
    multipliers: Sequence[Multiplier],
    candidates: Mapping[str, Multiplier],
    *,
    trials: int,
    population: int,
    sampler: str,
) -> None:
    if not layers:
        raise ValueError("'layers' must hold at least one layer, got none")
    if len(candidates) < len(multipliers) or not candidates:
        names = ", ".join(multiplier.name for multiplier in multipliers)
        raise ValueError(f"'multipliers' must have different names, got {names or 'none'}")
    if sampler not in get_args(Sampler):
        known = ", ".join(get_args(Sampler))
        raise ValueError(f"'sampler' must be one of {known}, got {sampler!r}")
    for name, value, least in (("trials", trials, 1), ("population", population, 2)):
        if value < least:
            raise ValueError(f"{name!r} must be at least {least}, got {value}")
