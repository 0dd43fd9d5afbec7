"""Optuna's study of a search: where its trials are kept, and what proposes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from multipliers.parameters import check_path

if TYPE_CHECKING:
    import optuna

Sampler = Literal["nsga2", "tpe"]

STUDY_NAME = "torchapprox"
"""Name of a study that nobody has named."""


def check_optuna() -> None:
    """Find out whether there can be a search, before anything else is done.

    Raises:
        ImportError: If Optuna is not installed.
    """
    with imported_optuna():
        pass


@contextmanager
def imported_optuna() -> Iterator[Any]:
    """Import Optuna, and have it say nothing below a warning meanwhile.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import optuna  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError("the search needs Optuna: pip install 'torchapprox[search]'") from error
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(verbosity)


def open_study(storage: str | Path, *, name: str, identity: str) -> optuna.Study:
    """Open a study of a storage, or begin it; accuracy is to rise and energy to fall.

    Args:
        storage: File, ``.db`` for SQLite, of any other suffix for a journal; or a database's URL.
        name: Of the study.
        identity: What all trials of the study must share.

    Raises:
        ValueError: If the study has trials of something else, or the file is no journal.
    """
    import optuna  # noqa: PLC0415

    try:
        study = optuna.create_study(
            storage=_place(storage),
            study_name=name,
            load_if_exists=True,
            directions=["maximize", "minimize"],
            pruner=optuna.pruners.NopPruner(),
        )
    except (KeyError, json.JSONDecodeError) as error:  # a line of a file is no record of a journal
        raise ValueError(f"{storage}: not a journal of trials; name another storage") from error
    known = study.user_attrs.get("identity")
    if known is None:
        study.set_user_attr("identity", identity)
    elif known != identity:
        raise ValueError(
            f"{storage} has trials of another model, other data, multipliers or energies, or of "
            "another number of them; name another storage"
        )
    return study


def new_sampler(
    name: Sampler, *, population: int, seed: int, done: int
) -> optuna.samplers.BaseSampler:
    """Return what proposes trials.

    Args:
        name: "nsga2" or "tpe".
        population: Trials of a generation of NSGA-II.
        seed: Chooses the proposals.
        done: Trials that are there, so that those after an interruption are not the same again.
    """
    import optuna  # noqa: PLC0415

    number = int(np.random.SeedSequence([seed, done]).generate_state(1)[0])
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(population_size=population, seed=number)
    return optuna.samplers.TPESampler(seed=number)


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Return the trials that have values, of all processes."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]


def enqueue(study: optuna.Study, names: Mapping[str, str]) -> None:
    """Have parameters tried next, unless a trial has finished or waits with them."""
    for trial in study.get_trials(deepcopy=False):
        waits = trial.state.name == "WAITING"
        given = trial.system_attrs.get("fixed_params") if waits else trial.params
        if given == names and (waits or trial.state.name == "COMPLETE"):
            return
    study.enqueue_trial(dict(names))


def _place(storage: str | Path) -> str | optuna.storages.JournalStorage:
    from optuna.storages import JournalStorage  # noqa: PLC0415
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    if isinstance(storage, str) and "://" in storage:
        return storage
    path = check_path("storage", storage)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".db":
        return f"sqlite:///{path}"
    return JournalStorage(JournalFileBackend(str(path)))
