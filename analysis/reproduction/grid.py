"""All trials of a table, on any executor, into a store that an interrupted table resumes."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

import pandas as pd
from tqdm import tqdm

from analysis.progress import hidden
from analysis.reproduction.image_data import DIGITS
from analysis.reproduction.methods import METHODS, USUAL
from analysis.reproduction.trial import Evaluate, FloatTrainer, Setting, Trial, exact_multiplier
from analysis.sweeps import ResultsStore, SweepError, run_jobs
from analysis.sweeps.executors import ExecutorSource
from analysis.sweeps.job_loop import JobError
from analysis.workloads.tensor_digest import tensor_digest
from multipliers import Multiplier
from multipliers.multiplier import check_multipliers
from multipliers.parameters import check_kind, check_parameter
from multipliers.wording import counted

EXACT_METHODS = ("none", "lut")
"""What is done on exact products, for comparison: nothing, and the same training."""

FLOAT = "float"
MOST_FAILURES = 10


def reproduce(
    multipliers: Sequence[Multiplier],
    setting: Setting,
    *,
    store: ResultsStore,
    methods: Sequence[str] = USUAL,
    seeds: int = 3,
    executor: ExecutorSource | None = None,
    in_flight: int = 1,
    quiet: bool = True,
) -> pd.DataFrame:
    """Retrain a network on every multiplier by every method, and count its right answers.

    For each seed a network is trained in floating point once, converted with quantisers that are
    calibrated and then frozen, and retrained by each method from there, all with the same images in
    the same order. It is always evaluated on the multiplier's table. Exact products of the same
    ports, as they are and with the same training, show what quantisation costs and what training
    alone gains.

    What has been stored stays stored, whatever happens: to resume, call this again.

    Args:
        multipliers: Of 8-bit operands, with different names.
        setting: What all trials have in common.
        store: Where the results go; the weights of the networks lie beside its file.
        methods: Names of `METHODS`.
        seeds: Number of repetitions, with seeds from 0.
        executor: As for `analysis.sweep`; this thread if None.
        in_flight: How many trials are submitted and not yet done.
        quiet: Show no progress bars.

    Returns:
        One row per trial: `multiplier`, `signed`, `method`, `seed`, `accuracy` and `seconds`; the
        networks in floating point have the multiplier and method "float".

    Raises:
        LookupError: If there is no such method.
        OSError: If images, weights or results cannot be read or written.
        SweepError: If a trial raised an error; all others are done first, up to
            ten of them.
        ValueError: If two multipliers have one name, one has other than 8-bit operands, or the
            images or the setting do not fit.
    """
    check_kind("setting", setting, Setting)
    check_kind("store", store, ResultsStore)
    check_kind("methods", methods, tuple | list)
    check_multipliers("multipliers", multipliers)
    _check(multipliers, setting, methods)
    seeds = check_parameter("seeds", seeds, 1)
    trainer = FloatTrainer(setting, str(store.path.parent))
    digests = [_digest(setting, seed, quiet=quiet) for seed in range(seeds)]
    _train(trainer, digests, store=store, executor=executor, in_flight=in_flight, quiet=quiet)
    trials = _trials(multipliers, methods, digests)
    missing = [trial for trial in trials if store.get(setting.inputs(trial)) is None]
    results = run_jobs(Evaluate(trainer), missing, executor=executor, in_flight=in_flight)
    bar = tqdm(
        results, desc="trials", unit="trial", total=len(trials),
        initial=len(trials) - len(missing), disable=hidden(quiet), smoothing=0,
    )  # fmt: skip
    inputs = [setting.inputs(trial) for trial in missing]
    names = [f"{trial.multiplier.name}, {trial.method}, seed {trial.seed}" for trial in missing]
    _keep(bar, results, inputs, names, store)
    return _frame(trainer, digests, trials, store)


def _check(multipliers: Sequence[Multiplier], setting: Setting, methods: Iterable[str]) -> None:
    if setting.augment and setting.source.place == DIGITS:
        raise ValueError("'augment' mirrors images, which makes no digits of digits")
    for method in methods:
        if method not in METHODS:
            raise LookupError(f"no method {method!r}; there are {', '.join(METHODS)}")
    if not multipliers:
        raise ValueError("'multipliers' must hold at least one multiplier, got none")
    seen: set[str] = set()
    for multiplier in multipliers:
        if multiplier.name in seen:
            raise ValueError(f"two multipliers have the name {multiplier.name!r}")
        if (multiplier.x_port.width, multiplier.w_port.width) != (8, 8):
            raise ValueError(
                f"{multiplier.name} must have 8-bit operands, got {multiplier.x_port.width} x "
                f"{multiplier.w_port.width} bits"
            )
        seen.add(multiplier.name)


def _digest(setting: Setting, seed: int, *, quiet: bool) -> str:
    data = setting.source.load(seed, quiet=quiet)
    parts = (data.train.images, data.train.labels, data.test.images, data.test.labels)
    return tensor_digest(parts)


def _float_inputs(trainer: FloatTrainer, seed: int, digest: str) -> dict[str, Any]:
    return {
        "multiplier": FLOAT, "method": FLOAT, "seed": seed, "data": digest,
        **trainer.setting.in_floating_point,
    }  # fmt: skip


def _train(
    trainer: FloatTrainer,
    digests: Sequence[str],
    *,
    store: ResultsStore,
    executor: ExecutorSource | None,
    in_flight: int,
    quiet: bool,
) -> None:
    """Train what is not in the folder yet."""
    inputs = [_float_inputs(trainer, seed, digest) for seed, digest in enumerate(digests)]
    missing = [
        seed
        for seed in range(len(digests))
        if store.get(inputs[seed]) is None or not trainer.path(seed, digests[seed]).exists()
    ]
    jobs = [(seed, digests[seed]) for seed in missing]
    results = run_jobs(trainer, jobs, executor=executor, in_flight=in_flight)
    bar = tqdm(
        results,
        desc="float networks",
        unit="network",
        total=len(jobs),
        disable=hidden(quiet or not jobs),
    )
    _keep(bar, results, [inputs[seed] for seed in missing], [f"seed {n}" for n in missing], store)


def _keep(
    bar: Iterable[tuple[int, Mapping[str, float] | JobError]],
    results: Generator[Any, None, None],
    inputs: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    store: ResultsStore,
) -> None:
    """Put results into the store as they arrive."""
    failures: dict[str, JobError] = {}
    with closing(results):
        for number, result in bar:
            if isinstance(result, JobError):
                failures[names[number]] = result
                if len(failures) == MOST_FAILURES:
                    break
            else:
                store.add(inputs[number], result)
    if failures:
        lines = "; ".join(f"{name}: {error}" for name, error in failures.items())
        raise SweepError(
            f"{len(failures)} of {counted(len(names), 'trial')} failed: {lines}. All results so "
            "far are stored; the same command does the rest"
        )


def _trials(
    multipliers: Sequence[Multiplier], methods: Sequence[str], digests: Sequence[str]
) -> list[Trial]:
    """Return all trials; those of one seed and signedness follow one another."""
    by_ports: dict[tuple[bool, bool], list[Multiplier]] = {}
    for multiplier in multipliers:
        ports = multiplier.x_port.signed, multiplier.w_port.signed
        by_ports.setdefault(ports, []).append(multiplier)
    return [
        Trial(multiplier, method, seed, digest)
        for seed, digest in enumerate(digests)
        for ports, own in by_ports.items()
        for multiplier, chosen in [
            (exact_multiplier(ports), [method for method in methods if method in EXACT_METHODS]),
            *((each, methods) for each in own),
        ]
        for method in chosen
    ]


def _frame(
    trainer: FloatTrainer, digests: Sequence[str], trials: Sequence[Trial], store: ResultsStore
) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for seed, digest in enumerate(digests):
        found = store.get(_float_inputs(trainer, seed, digest)) or {}
        rows.append({"multiplier": FLOAT, "signed": None, "method": FLOAT, "seed": seed, **found})
    for trial in trials:
        found = store.get(trainer.setting.inputs(trial)) or {}
        rows.append(
            {
                "multiplier": trial.multiplier.name, "signed": trial.multiplier.w_port.signed,
                "method": trial.method, "seed": trial.seed, **found,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
