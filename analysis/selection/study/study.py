"""One multiplier for each layer of a prepared model: candidates, their check, the choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.selection import Assignment, Energies, choice_table, sensitivity_frame
from analysis.selection.study.outcome import outcome, percentage_points
from analysis.selection.study.points import Point, energy_of, evaluated_points
from analysis.selection.study.results import SelectionResults
from analysis.selection.study.stored_predictions import (
    stored_error_variances,
    stored_sensitivities,
    stored_tolerances,
)
from analysis.selection.study.wanted import Wanted
from analysis.sweeps.executors import ExecutorSource, open_pool
from analysis.sweeps.prepared_workload import PreparedWorkload
from analysis.sweeps.results_store import ResultsStore
from analysis.sweeps.stored_evaluator import StoredEvaluator
from multipliers import Multiplier, get
from multipliers.multiplier import check_multipliers, check_same_ports
from multipliers.parameters import check_kind, check_parameter
from multipliers.wording import counted


def study_selection(
    prepared: PreparedWorkload,
    multipliers: Sequence[Multiplier],
    *,
    energies: Energies,
    wanted: Wanted,
    store: ResultsStore,
    given: Mapping[str, Assignment] | None = None,
    executor: ExecutorSource | None = None,
    in_flight: int | None = None,
    seed: int = 0,
    quiet: bool = True,
) -> SelectionResults:
    """Choose a multiplier for each layer on the validation split, and verify it on the other.

    Args:
        prepared: Model and data.
        multipliers: The candidates, each of another name, all with the model's ports. If none is
            exact, an exact one is added, with a relative energy of 1.
        energies: Relative energy of a multiplication on each.
        wanted: The bound and the methods.
        store: Where predictions and evaluations are looked up and put, so that an interrupted
            choice goes on.
        given: Assignments to evaluate beside the others, by label; they may be chosen, too.
        executor: Evaluates candidates, as `analysis.sweep` takes it.
        in_flight: Likewise.
        seed: Chooses the rows that the trace samples, the noise, and what a search proposes.
        quiet: Show no progress bars.

    Raises:
        ImportError: If there is to be a search without Optuna.
        LookupError: If an energy or, in a given assignment, a layer is missing.
        ValueError: If nothing keeps the bound, the model has no class labels, two multipliers have
            one name, one does not fit the model, or a search's storage has trials of something
            else.
        SweepError: If an evaluation fails.
    """
    check_kind("prepared", prepared, PreparedWorkload, advice="prepare_workload() makes one")
    check_kind("wanted", wanted, Wanted)
    check_kind("store", store, ResultsStore)
    check_kind("given", given, Mapping | None)
    seed = check_parameter("seed", seed, 0)
    check_multipliers("multipliers", multipliers)
    multipliers = with_exact(multipliers)
    energies = with_exact_energy(energies, multipliers[0].name)
    variances = stored_error_variances(prepared, multipliers, store, seed=seed, quiet=quiet)
    sensitivities = stored_sensitivities(prepared, store, seed=seed, quiet=quiet)
    tolerances = None
    if "matching" in wanted.methods:
        tolerances = stored_tolerances(prepared, store, seed=seed)
    # Given ones may have multipliers of their own.
    known = {m.name: m for one in (given or {}).values() for m in one.distinct}
    known |= {multiplier.name: multiplier for multiplier in multipliers}
    # One pool for all sweeps, so that its processes start once.
    with open_pool(executor) as pool:
        base = StoredEvaluator(
            prepared, tuple(known.values()), energies, prepared.macs(), store,
            executor=None if executor is None else pool, in_flight=in_flight, quiet=quiet,
        )  # fmt: skip
        points: list[Point] = []
        for folded in wanted.folded:
            table = choice_table(variances, sensitivities, energies=energies, folded=folded)
            evaluate = replace(base, fold=folded)
            points += evaluated_points(table, evaluate, wanted, tolerances, given or {}, seed=seed)
        chosen = _chosen(points, wanted)
        return outcome(points, chosen, base, wanted, sensitivity_frame(sensitivities), seed)


def with_exact(multipliers: Sequence[Multiplier]) -> list[Multiplier]:
    """Return the multipliers with one that is exact in front.

    Args:
        multipliers: One of them may be exact; else the package's array multiplier is added, or, for
            ports of different signs, one called "exact".

    Raises:
        ValueError: If there is none, two have one name, or ports differ.

    Examples:
        >>> from multipliers import get
        >>> [multiplier.name for multiplier in with_exact([get("mul8s_tm_k3")])]
        ['mul8s_array', 'mul8s_tm_k3']
    """
    if not multipliers:
        raise ValueError("'multipliers' must hold at least one multiplier, got none")
    first = multipliers[0]
    known = [each for each in multipliers if np.array_equal(each.lut, each.exact)]
    if known:
        exact = known[0]
    elif first.x_port.signed == first.w_port.signed:
        exact = get("mul8s_array" if first.x_port.signed else "mul8u_array")
    else:
        exact = Multiplier("exact", first.exact, first.x_port, first.w_port, "exact products")
    found = [exact, *(each for each in multipliers if each is not exact)]
    names = [multiplier.name for multiplier in found]
    if len(set(names)) < len(names):
        raise ValueError(f"'multipliers' must have different names, got {', '.join(names)}")
    check_same_ports("multipliers", found)
    return found


def with_exact_energy(energies: Energies, exact: str) -> Energies:
    """Add the exact multiplier's energy, unless it is known.

    Args:
        energies: By multiplier, or by layer and multiplier.
        exact: The exact multiplier's name.

    Examples:
        >>> with_exact_energy({"coarse": 0.2}, "exact")
        {'exact': 1.0, 'coarse': 0.2}
    """
    if isinstance(energies, pd.DataFrame):
        return energies if exact in energies else energies.assign(**{exact: 1.0})
    return {exact: 1.0, **energies}


def _chosen(points: Sequence[Point], wanted: Wanted) -> Point:
    """Return the best of the accepted points."""
    accepted = [point for point in points if point.accepted and _few(point, wanted)]
    if not accepted:
        bound = (
            f"a relative energy of {wanted.max_energy:g}"
            if wanted.accuracy_drop is None
            else f"a loss of {percentage_points(wanted.accuracy_drop)}"
        )
        raise ValueError(f"none of {counted(len(points), 'assignment')} keeps {bound}")
    if wanted.accuracy_drop is not None:
        return min(accepted, key=lambda point: (energy_of(point), point.found.loss))
    return max(accepted, key=lambda point: (point.found.accuracy, point.found.certainty))


def _few(point: Point, wanted: Wanted) -> bool:
    return wanted.distinct is None or len(point.candidate.assignment.distinct) <= wanted.distinct
