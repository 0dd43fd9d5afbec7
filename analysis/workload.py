"""A model and its data, as the command line names them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from analysis.digits import load_digits
from analysis.digits_models import DIGITS_MODELS


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """A model with batches to predict from and others to measure on.

    Attributes:
        model: Float, or already converted.
        calibration: Batches that calibrate the quantisers and are traced.
        evaluation: Other batches. Where all of them are pairs of an input and int64 class labels
            `(B,)`, accuracies are counted on them.
        name: What the user calls it.
    """

    model: nn.Module
    calibration: list[Any]
    evaluation: list[Any]
    name: str

    @property
    def labelled(self) -> bool:
        """Whether all batches to measure on carry class labels."""
        return all(_has_labels(batch) for batch in self.evaluation)

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of the model's parameters and buffers, and of each list of batches."""
        return {
            "model, SHA-256": _digest(self.model.state_dict()),
            "calibration data, SHA-256": _digest(self.calibration),
            "evaluation data, SHA-256": _digest(self.evaluation),
        }


def load_workload(source: str, *, seed: int = 0) -> Workload:
    """Make the model and the data that a word of the command line names.

    Args:
        source: ``CNN``, ``ViT`` or ``LSTM`` for a network that is trained on handwritten digits
            now; else ``file.py:function`` or ``package.module:function``. The function takes
            nothing and returns a `Workload`, or a model and two iterables of batches, to calibrate
            and to measure on.
        seed: Chooses split, initial weights and order of the digits; also PyTorch's global seed
            while the function runs.

    Raises:
        ImportError: If the file or module cannot be imported.
        LookupError: If there is no such network or function.
        TypeError: If the function returns something else.
        ValueError: If it returns no batch.

    Examples:
        >>> load_workload("MLP")
        Traceback (most recent call last):
        LookupError: no network 'MLP'; there are CNN, ViT, LSTM, or name a file.py:function
    """
    if source in DIGITS_MODELS:
        digits = load_digits(seed)
        return Workload(
            model=DIGITS_MODELS[source].trained(digits, seed=seed),
            calibration=[batch.images for batch in digits.train.batches(128)],
            evaluation=[(batch.images, batch.labels) for batch in digits.test.batches(128)],
            name=source,
        )
    place, colon, attribute = source.rpartition(":")
    if not colon:
        known = ", ".join(DIGITS_MODELS)
        raise LookupError(f"no network '{source}'; there are {known}, or name a file.py:function")
    function = _function(place, attribute)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _checked(function(), source)


def _function(place: str, attribute: str) -> Callable[[], Any]:
    if place.endswith(".py"):
        spec = spec_from_file_location(Path(place).stem, place)
        if spec is None or spec.loader is None or not Path(place).is_file():
            raise ImportError(f"{place}: there is no such Python file")
        module = module_from_spec(spec)
        sys.modules.setdefault(spec.name, module)
        spec.loader.exec_module(module)
    else:
        module = import_module(place)
    function = getattr(module, attribute, None)
    if not callable(function):
        raise LookupError(f"{place}: there is no function '{attribute}'")
    found: Callable[[], Any] = function
    return found


def _checked(made: Any, source: str) -> Workload:
    if isinstance(made, Workload):
        parts: tuple[Any, ...] = (made.model, made.calibration, made.evaluation)
    else:
        parts = tuple(made) if isinstance(made, (tuple, list)) else ()
    if (
        len(parts) != 3
        or not isinstance(parts[0], nn.Module)
        or not all(isinstance(part, Iterable) for part in parts[1:])
    ):
        raise TypeError(
            f"{source} must return a model and two iterables of batches, to calibrate and to "
            f"measure on, got {type(made).__name__}"
        )
    model, calibration, evaluation = parts
    workload = Workload(model, list(calibration), list(evaluation), source)
    for name in ("calibration", "evaluation"):
        if not getattr(workload, name):
            raise ValueError(f"{source} must return at least one batch of {name} data, got none")
    return workload


def _has_labels(batch: Any) -> bool:
    return (
        isinstance(batch, (tuple, list))
        and len(batch) == 2
        and isinstance(batch[1], Tensor)
        and batch[1].dim() == 1
        and batch[1].dtype == torch.int64
    )


def _digest(value: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in _tensors("", value):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(
            tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        )
    return digest.hexdigest()


def _tensors(name: str, value: Any) -> Iterable[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(f"{name}.{key}", item)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _tensors(f"{name}.{number}", item)
