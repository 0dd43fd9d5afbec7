"""A converted model and its data in a folder, from which worker processes make them again.

The folder holds tensors, tables and JSON, and no code: `torch.load` reads the model's state and the
batches with ``weights_only``. The architecture comes from where the user's command names it, so a
worker must be able to import that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import torchapprox
from analysis.modes import evaluating
from analysis.workloads.digits_models import DIGITS_MODELS
from analysis.workloads.workload import FOLDING_BATCHES, Workload, load_model, load_workload
from multipliers import Multiplier, load, save
from multipliers.bounded_json import json_bytes, read_json
from multipliers.parameters import check_parameter, check_path
from multipliers.whole_file import write_whole
from torchapprox import get_approx_modules
from torchapprox.batches import run_batch
from torchapprox.conversion.wrapping import float_name
from torchapprox.layers import InferenceMode

FORMAT = "torchapprox workload"
VERSION = 2

_INDEX = "workload.json"
_FITTED = "fitted.npz"
_BATCHES = ("calibration", "validation", "evaluation")


@dataclass(frozen=True, slots=True, eq=False)
class PreparedWorkload:
    """A model that is converted and calibrated, with its data, and the folder that has both.

    Attributes:
        folder: The folder.
        workload: The model in QUANTIZED mode with exact products, and its batches.
        digests: SHA-256 of the model's state and of each list of batches.
        sha256: SHA-256 of the folder's index, which has all of these.
    """

    folder: Path
    workload: Workload
    digests: Mapping[str, str]
    sha256: str

    @property
    def folding(self) -> list[Any]:
        """The batches with which mean errors are folded into biases."""
        return self.workload.calibration[:FOLDING_BATCHES]

    @torch.no_grad()
    def macs(self) -> dict[str, int]:
        """Return the multiplications of each layer for one sample, by name in the float model."""
        model = self.workload.model
        with evaluating(model, InferenceMode.QUANTIZED):
            run_batch(model, self.workload.calibration[0])
        return {float_name(name): layer.opcount for name, layer in get_approx_modules(model)}

    def keep(self, multipliers: Iterable[Multiplier]) -> None:
        """Put tables into the folder, for the workers.

        Raises:
            OSError: If one cannot be written.
        """
        (self.folder / "multipliers").mkdir(exist_ok=True)
        for multiplier in multipliers:
            path = self._table(multiplier.name, multiplier.digest)
            if not path.exists():
                save(multiplier, path)

    def kept(self, name: str, digest: str) -> Multiplier:
        """Return a multiplier that `keep` has put into the folder.

        Raises:
            OSError: If it is not there.
            ValueError: If the file has another table.
        """
        path = self._table(name, digest)
        multiplier = load(path)
        if (multiplier.name, multiplier.digest) != (name, digest):
            raise ValueError(f"{path} must have the table of {name} with the SHA-256 {digest}")
        return multiplier

    def _table(self, name: str, digest: str) -> Path:
        # Names may have characters that file names must not have.
        stem = hashlib.sha256(f"{name} {digest}".encode()).hexdigest()
        return self.folder / "multipliers" / f"{stem}.npz"


def prepare_workload(
    folder: str | Path,
    source: str,
    multiplier: Multiplier,
    *,
    loader: str | None = None,
    seed: int = 0,
    quiet: bool = True,
) -> PreparedWorkload:
    """Make a model, convert and calibrate it and keep it in a folder; or take it up again there.

    Args:
        folder: Made if absent.
        source: Names the model, as `analysis.load_workload` takes it.
        multiplier: What the quantisers shall fit.
        loader: Names the function of the batches, likewise.
        seed: As `analysis.load_workload`.
        quiet: Likewise.

    Raises:
        OSError: If the folder cannot be read or written.
        ValueError: If the folder is something else, was made for another source, loader, seed or
            ports, or the source has returned another model or other data since.
        Exception: Whatever `analysis.load_workload` raises.
    """
    from analysis.reports.model_study import prepare  # noqa: PLC0415  which loads plots

    folder = check_path("folder", folder)
    seed = check_parameter("seed", seed, 0)
    if (folder / _INDEX).exists():
        wanted = {"source": source, "loader": loader, "seed": seed, "ports": _ports(multiplier)}
        _check_request(_index(folder), folder, wanted)
        return open_workload(folder, again=True)
    folder.mkdir(parents=True, exist_ok=True)
    workload = load_workload(source, loader=loader, seed=seed, validation=True, quiet=quiet)
    given = workload.digests
    model = prepare(workload, multiplier)
    torchapprox.approximate(model, None, mode=InferenceMode.QUANTIZED)
    torch.save(model.state_dict(), folder / "model.pt")
    for name in _BATCHES:
        torch.save([_plain(batch) for batch in getattr(workload, name)], folder / f"{name}.pt")
    save(multiplier, folder / _FITTED)
    content = {
        "format": FORMAT, "version": VERSION, "source": source, "loader": loader,
        "seed": seed, "ports": _ports(multiplier), "given": given, "prepared": workload.digests,
    }  # fmt: skip
    # Last, so that a folder that has it has everything.
    write_whole(folder / _INDEX, f"{json.dumps(content, indent=2)}\n".encode())
    return open_workload(folder, workload=workload)


def open_workload(
    folder: str | Path, *, again: bool = False, workload: Workload | None = None
) -> PreparedWorkload:
    """Open a folder that `prepare_workload` has made.

    Args:
        folder: The folder.
        again: Whether to check that the source still returns what it did.
        workload: What the folder holds, if it is at hand.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If the folder is something else or of another version, or the source has
            returned another model or other data.
        Exception: Whatever `analysis.load_workload` raises.
    """
    folder = check_path("folder", folder)
    index = _index(folder)
    if workload is None:
        workload = _restored(folder, index, again=again)
    sha256 = hashlib.sha256((folder / _INDEX).read_bytes()).hexdigest()
    return PreparedWorkload(folder, workload, index["prepared"], sha256)


def _restored(folder: Path, index: Mapping[str, Any], *, again: bool) -> Workload:
    source, seed = index["source"], index["seed"]
    if source in DIGITS_MODELS:
        # Its training is saved.
        made = Workload(DIGITS_MODELS[source].build(seed), [], [], source)
    elif not again:
        made = Workload(load_model(source, seed=seed), [], [], source)
    else:
        made = load_workload(source, loader=index["loader"], seed=seed, validation=True)
        if made.digests != index["given"]:
            changed = [name for name, digest in made.digests.items()
                       if digest != index["given"].get(name)]  # fmt: skip
            raise ValueError(
                f"{source} returns something else than when {folder} was begun: "
                f"{', '.join(changed)}; name another folder"
            )
    torchapprox.approximate(made.model, load(folder / _FITTED), mode=InferenceMode.QUANTIZED)
    torchapprox.approximate(made.model, None, mode=InferenceMode.QUANTIZED)
    made.model.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    calibration, validation, evaluation = (
        torch.load(folder / f"{name}.pt", weights_only=True, mmap=True) for name in _BATCHES
    )
    return Workload(made.model.eval(), calibration, evaluation, source, validation)


def _index(folder: Path) -> dict[str, Any]:
    path = folder / _INDEX
    try:
        index = read_json(json_bytes(path))
    except ValueError as error:
        raise ValueError(f"{path}: not a readable workload: {error}") from error
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        raise ValueError(f"{path}: not a workload; name another folder")
    if index.get("version") != VERSION:
        raise ValueError(
            f"{path}: the workload is of version {index.get('version')}, this program reads "
            f"version {VERSION}; name another folder"
        )
    return index


def _check_request(index: Mapping[str, Any], folder: Path, wanted: Mapping[str, Any]) -> None:
    for name, value in wanted.items():
        if index[name] != value:
            raise ValueError(
                f"{folder} was begun with {name} {index[name]}, got {value}; name another folder"
            )


def _ports(multiplier: Multiplier) -> str:
    return f"{multiplier.x_port} x {multiplier.w_port}"


def _plain(value: Any) -> Any:
    """Return a batch in types that can be read without running code."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_plain(item) for item in value)
    if value is None or isinstance(value, (Tensor, bool, int, float, str)):
        return value
    raise TypeError(
        f"a batch must be made of tensors, numbers, sequences and mappings, got "
        f"{type(value).__name__}"
    )
