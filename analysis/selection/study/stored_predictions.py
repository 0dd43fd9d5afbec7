"""What choices are predicted from, looked up in a store first and put there as it is found out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from tqdm import tqdm

from analysis.error_models import DEFAULT_MODEL
from analysis.measurement.tracing import trace_batches
from analysis.progress import hidden
from analysis.selection import (
    ErrorVariances,
    Sensitivity,
    learn_tolerances,
    measure_sensitivities,
    own_predictions,
    relative_error_variances,
)
from analysis.selection.sensitivity import VARIANCES
from analysis.sweeps.prepared_workload import PreparedWorkload
from analysis.sweeps.results_store import ResultsStore
from multipliers import Multiplier

TRACED_ROWS = 64
DRAWS = 2
NOISE_WEIGHT = 0.1
"""Worth of noise when tolerances are learned; matching scales them anyway."""


def stored_error_variances(
    prepared: PreparedWorkload,
    multipliers: Sequence[Multiplier],
    store: ResultsStore,
    *,
    seed: int,
    quiet: bool,
) -> ErrorVariances:
    """Predict the error of every layer on every multiplier; see `relative_error_variances`.

    Args:
        prepared: Model and data.
        multipliers: Each of another name.
        store: Where the errors on each multiplier are looked up and put.
        seed: Chooses the rows that the trace samples.
        quiet: Show no progress bar.

    Raises:
        ValueError: As `relative_error_variances`.
    """
    inputs = [
        _inputs(
            prepared, "calibration", seed, prediction="relative error variances",
            model_of_error=DEFAULT_MODEL, rows=TRACED_ROWS, table_sha256=multiplier.digest,
        )
        for multiplier in multipliers
    ]  # fmt: skip
    # Several multipliers may have one table.
    different = {
        multiplier.digest: each for multiplier, each in zip(multipliers, inputs, strict=True)
    }
    known = sum(store.get(each) is not None for each in different.values())
    traces = None
    with tqdm(total=len(different), initial=known, desc="errors", unit="multiplier",
              disable=hidden(quiet)) as bar:  # fmt: skip
        for multiplier, each in zip(multipliers, inputs, strict=True):
            if store.get(each) is not None:
                continue
            if traces is None:
                model, batches = prepared.workload.model, prepared.workload.calibration
                traces = trace_batches(model, batches, rows=TRACED_ROWS, seed=seed)
            store.add(each, _column(relative_error_variances(traces, [multiplier])))
            bar.update()
    columns = [_stored(store, each) for each in inputs]
    return ErrorVariances(
        layers=tuple(columns[0]["layers"]),
        multipliers=tuple(multipliers),
        macs=np.array(columns[0]["macs"], np.int64),
        plain=np.array([column["plain"] for column in columns], np.float64).T,
        folded=np.array([column["folded"] for column in columns], np.float64).T,
    )


def stored_sensitivities(
    prepared: PreparedWorkload, store: ResultsStore, *, seed: int, quiet: bool
) -> dict[str, Sensitivity]:
    """Measure the layers' sensitivities, on the model's own predictions; arguments as above."""
    model, batches = prepared.workload.model, prepared.workload.validation
    inputs = _inputs(
        prepared, "validation", seed, prediction="sensitivities", variances=list(VARIANCES),
        draws=DRAWS,
    )  # fmt: skip

    def measured() -> dict[str, Any]:
        found = measure_sensitivities(
            model, own_predictions(model, batches), variances=VARIANCES, draws=DRAWS, seed=seed,
            quiet=quiet,
        )  # fmt: skip
        return {layer: asdict(each) for layer, each in found.items()}

    found = _remembered(store, inputs, measured)
    # The store has them by name, not in the model's order.
    return {layer: Sensitivity(**_numbers(found[layer])) for layer in prepared.macs()}


def stored_tolerances(
    prepared: PreparedWorkload, store: ResultsStore, *, seed: int
) -> dict[str, float]:
    """Learn the layers' tolerances, on the model's own predictions; arguments as above."""
    model, batches = prepared.workload.model, prepared.workload.calibration
    inputs = _inputs(prepared, "calibration", seed, prediction="tolerances", weight=NOISE_WEIGHT)

    def learned() -> dict[str, Any]:
        targets = own_predictions(model, batches)
        return {**learn_tolerances(model, targets, weight=NOISE_WEIGHT, seed=seed)}

    return dict(_remembered(store, inputs, learned))


def _inputs(
    prepared: PreparedWorkload, data: str, seed: int, **what: str | float | list[float]
) -> dict[str, Any]:
    """Return what a prediction depends on."""
    digests = prepared.digests
    return {
        **what,
        "model": digests["model, SHA-256"],
        "data": digests[f"{data} data, SHA-256"],
        "seed": seed,
    }


def _remembered(
    store: ResultsStore, inputs: Mapping[str, Any], make: Callable[[], Mapping[str, Any]]
) -> Mapping[str, Any]:
    if store.get(inputs) is None:
        store.add(inputs, _plain(make()))
    return _stored(store, inputs)


def _stored(store: ResultsStore, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    found = store.get(inputs)
    if found is None:
        raise LookupError(f"{store.path} lacks what was put there")
    return found


def _column(found: ErrorVariances) -> dict[str, Any]:
    """Return the errors on one multiplier as JSON has them, to the last digit."""
    return {
        "layers": list(found.layers),
        "macs": found.macs.tolist(),
        "plain": found.plain[:, 0].tolist(),
        "folded": found.folded[:, 0].tolist(),
    }


def _plain(value: Any) -> Any:
    """Return nested figures with None where one is not finite, as JSON needs it."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _numbers(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with NaN for None and tuples for lists."""
    return {
        name: tuple(map(_number, item)) if isinstance(item, list) else _number(item)
        for name, item in fields.items()
    }


def _number(value: Any) -> Any:
    return float("nan") if value is None else value
