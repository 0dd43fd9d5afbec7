"""An evaluation that travels to workers as a few strings and opens a folder there."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from analysis.selection import Evaluator
from analysis.sweeps.prepared_workload import PreparedWorkload, open_workload
from multipliers import Multiplier
from multipliers.multiplier import check_multipliers
from multipliers.parameters import check_flag, check_kind

Split = Literal["validation", "evaluation"]

FIGURES = ("accuracy", "certainty", "loss")
"""What is found out about an assignment; see `analysis.Evaluation`."""

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class WorkerEvaluator:
    """Evaluates assignments on a model that each process opens once.

    Threads of one process take turns, since they share the model.

    Args:
        folder: Where `analysis.prepare_workload` has put model, data and tables; all workers must
            reach it under this name.
        sha256: Of its index.
        tables: Names and digests of the multipliers that may be assigned.
        split: The batches to evaluate on.
        fold: Whether mean errors are folded into the biases first.

    Raises:
        ValueError: When it is called, if the folder has changed since.
    """

    folder: str
    sha256: str
    tables: tuple[tuple[str, str], ...]
    split: Split = "validation"
    fold: bool = False

    def __call__(self, names: Mapping[str, str]) -> dict[str, float]:
        """Return `accuracy`, `certainty` and `loss` of the multipliers' names by layer."""
        with _one_at_a_time:
            found = _opened(self)(names)
        return {name: getattr(found, name) for name in FIGURES}


def worker_evaluator(
    prepared: PreparedWorkload,
    multipliers: Iterable[Multiplier],
    *,
    split: Split = "validation",
    fold: bool = False,
) -> WorkerEvaluator:
    """Keep multipliers for workers, and return what evaluates assignments of them there.

    Args:
        prepared: Model and data.
        multipliers: All that the assignments may name.
        split: The batches to evaluate on.
        fold: Whether mean errors are folded into the biases first.

    Raises:
        OSError: If a table cannot be written.
        ValueError: If two multipliers have one name.
    """
    check_kind("prepared", prepared, PreparedWorkload, advice="prepare_workload() makes one")
    check_flag("fold", fold)
    tables: dict[str, str] = {}
    multipliers = list(multipliers) if isinstance(multipliers, Iterable) else multipliers
    check_multipliers("multipliers", multipliers)
    for multiplier in multipliers:
        if tables.setdefault(multiplier.name, multiplier.digest) != multiplier.digest:
            raise ValueError(f"two multipliers with different tables have the name "
                             f"{multiplier.name!r}")  # fmt: skip
    prepared.keep(multipliers)
    return WorkerEvaluator(
        str(prepared.folder.resolve()), prepared.sha256, tuple(sorted(tables.items())), split, fold
    )


def evaluation_context(
    prepared: PreparedWorkload, *, split: Split = "validation", fold: bool = False
) -> dict[str, Any]:
    """Return what the results depend on besides the assignment, as `analysis.sweep` takes it."""
    check_kind("prepared", prepared, PreparedWorkload, advice="prepare_workload() makes one")
    check_flag("fold", fold)
    digests = prepared.digests
    context: dict[str, Any] = {
        "model": digests["model, SHA-256"],
        "data": digests[f"{split} data, SHA-256"],
        "split": split,
        "fold": fold,
        "figures": list(FIGURES),
    }
    return context | ({"folding": digests["calibration data, SHA-256"]} if fold else {})


@lru_cache(maxsize=4)
def _opened(spec: WorkerEvaluator) -> Evaluator:
    prepared = open_workload(Path(spec.folder))
    if prepared.sha256 != spec.sha256:
        raise ValueError(f"{spec.folder} has changed since the jobs were submitted")
    return Evaluator(
        prepared.workload.model,
        getattr(prepared.workload, spec.split),
        multipliers=[prepared.kept(name, digest) for name, digest in spec.tables],
        fold=prepared.folding if spec.fold else None,
    )
