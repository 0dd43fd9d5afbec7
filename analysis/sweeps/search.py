"""Search on true accuracy: Optuna proposes assignments, and a sweep evaluates them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd
from tqdm import tqdm

from analysis.progress import hidden
from analysis.selection import Assignment, Energies
from analysis.selection.energies import energy_matrix
from analysis.sweeps.executors import ExecutorSource, open_pool
from analysis.sweeps.results_store import ResultsStore, check_context, content_key
from analysis.sweeps.search_space import SearchSpace
from analysis.sweeps.study import (
    STUDY_NAME,
    Sampler,
    enqueue,
    finished,
    imported_optuna,
    new_sampler,
    open_study,
)
from analysis.sweeps.sweep import Evaluate, sweep
from multipliers import Multiplier
from multipliers.parameters import check_kind, check_parameter
from multipliers.wording import counted, listed

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

    def select(
        self, *, min_accuracy: float | None = None, max_energy: float | None = None
    ) -> Assignment:
        """Choose among the trials, as `analysis.select` does in a table.

        Args:
            min_accuracy: Least accuracy, 0..1; the assignment of least energy is chosen.
            max_energy: Greatest relative energy; the most accurate assignment is chosen.

        Raises:
            ValueError: If not exactly one bound is given, or no trial keeps it.
        """
        if (min_accuracy is None) == (max_energy is None):
            raise ValueError("exactly one of 'min_accuracy' and 'max_energy' must be given")
        front = self.frame[self.frame["front"]].sort_values("relative_energy")
        if min_accuracy is not None:
            kept = front[front["accuracy"] >= min_accuracy]
            best = f"the most accurate one has {front['accuracy'].max():.6g}"
        else:
            # The front rises in accuracy with the energy.
            kept = front[front["relative_energy"] <= max_energy][::-1]
            best = f"the cheapest one has {front['relative_energy'].min():.6g}"
        if kept.empty:
            bound = (
                f"'max_energy' = {max_energy:.6g}"
                if min_accuracy is None
                else f"'min_accuracy' = {min_accuracy:.6g}"
            )
            raise ValueError(f"none of {counted(len(self.frame), 'trial')} keeps {bound}; {best}")
        return self.assignments[kept["trial"].iloc[0]]


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
    distinct: int | None = None,
    study: str = STUDY_NAME,
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
        trials: How many finished trials the study shall have in the end.
        sampler: "nsga2", a genetic algorithm, or "tpe", tree-structured Parzen estimators.
        population: Trials of a generation of NSGA-II; they are evaluated side by side.
        start: Assignments to try first, such as those that `analysis.select` finds.
        distinct: Greatest number of different multipliers in an assignment.
        study: Name of the study in the storage, which may hold several.
        executor: As `analysis.sweep` takes it.
        in_flight: Likewise. TPE proposes so many trials at a time, one without an executor.
        seed: Chooses the proposals.
        quiet: Show no progress bar.

    Raises:
        ImportError: If Optuna is not installed.
        LookupError: If an assignment of ``start`` has other layers or multipliers.
        ValueError: If the study has trials of another model, data or candidates, or there are no
            layers, two multipliers have one name, a number is too small, or an assignment of
            ``start`` has too many multipliers.
        SweepError: If an evaluation fails.

    References:
        K. Deb et al. (2002), "A fast and elitist multiobjective genetic algorithm: NSGA-II".
        J. Bergstra et al. (2011), "Algorithms for hyper-parameter optimization" (TPE).
    """
    check_kind("evaluate", evaluate, Callable)
    check_kind("macs", macs, Mapping)
    check_kind("store", store, ResultsStore)
    check_context(context)
    check_kind("study", study, str)
    start = [*start] if isinstance(start, Iterable) else [start]
    for assignment in start:
        check_kind("start", assignment, Assignment)
    if missing := [layer for layer in layers if layer not in macs]:
        raise LookupError(f"'macs' must hold every layer, lacks {listed(missing)}")
    space = SearchSpace.of(layers, multipliers, distinct=distinct)
    _check_sampler(sampler)
    trials = check_parameter("trials", trials, 1)
    population = check_parameter("population", population, 2)
    seed = check_parameter("seed", seed, 0)
    names = list(space.candidates)
    identity = content_key(
        {
            "layers": list(layers),
            "tables": {name: each.digest for name, each in space.candidates.items()},
            "few": space.few,
            "energies": energy_matrix(energies, layers, names).tolist(),
            "macs": [macs[layer] for layer in layers],
            "context": dict(context),
        }
    )
    batch = population if sampler == "nsga2" else 1 if executor is None else in_flight or 2
    with imported_optuna() as optuna, open_pool(executor) as pool:
        trying = open_study(storage, name=study, identity=identity)
        done = len(finished(trying))
        trying.sampler = new_sampler(sampler, population=population, seed=seed, done=done)
        for assignment in start:
            enqueue(trying, space.parameters(assignment))
        distributions: dict[str, Any] = {**space.distributions()}
        with tqdm(
            total=trials, initial=done, desc=sampler, unit="trial", disable=hidden(quiet)
        ) as bar:
            while (left := trials - len(finished(trying))) > 0:
                asked = [trying.ask(distributions) for _ in range(min(batch, left))]
                proposed = {
                    f"trial {trial.number}": space.assignment(trial.params) for trial in asked
                }
                try:
                    frame = sweep(
                        evaluate, proposed, store=store, context=context,
                        executor=None if executor is None else pool, in_flight=in_flight,
                        arrived=bar.update,
                    )  # fmt: skip
                    accuracies = _accuracies(frame)
                except BaseException:
                    for trial in asked:
                        trying.tell(trial, state=optuna.trial.TrialState.FAIL)
                    raise
                for trial, one, accuracy in zip(asked, proposed.values(), accuracies, strict=True):
                    trying.tell(trial, [accuracy, one.relative_energy(energies, macs)])
                # Those of other processes are among them.
                bar.update(len(finished(trying)) - bar.n)
        return _result(trying, space)


def _accuracies(frame: pd.DataFrame) -> list[float]:
    if "accuracy" not in frame or frame["accuracy"].isna().any():
        raise ValueError("'evaluate' must return an 'accuracy' that is a number")
    return [float(accuracy) for accuracy in frame["accuracy"]]


def _result(study: optuna.Study, space: SearchSpace) -> SearchResult:
    from analysis.characterisation.multiplier_frame import pareto_front  # noqa: PLC0415  which loads plots

    trials = finished(study)
    assignments = {trial.number: space.assignment(trial.params) for trial in trials}
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


def _check_sampler(sampler: str) -> None:
    check_kind("sampler", sampler, str)
    if sampler not in get_args(Sampler):
        known = ", ".join(get_args(Sampler))
        raise ValueError(f"'sampler' must be one of {known}, got {sampler!r}")
