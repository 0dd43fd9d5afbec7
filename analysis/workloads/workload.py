"""A model and its data, as the command line names them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from analysis.workloads.digits import load_digits
from analysis.workloads.digits_models import DIGITS_MODELS
from analysis.workloads.labelled import Labelled
from analysis.workloads.tensor_digest import tensor_digest


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """A model with batches to predict from and others to measure on.

    Attributes:
        model: Float, or already converted.
        calibration: Batches that calibrate the quantisers and are traced.
        evaluation: Other batches. Where all of them are pairs of an input and int64 class labels
            `(B,)`, accuracies are counted on them.
        name: What the user calls it.
        validation: Batches to choose by, so that `evaluation` has had no say in what it checks;
            empty where nothing is chosen.
    """

    model: nn.Module
    calibration: list[Any]
    evaluation: list[Any]
    name: str
    validation: list[Any] = field(default_factory=list)

    @property
    def labelled(self) -> bool:
        """Whether all batches to measure on carry class labels."""
        return all(_has_labels(batch) for batch in self.evaluation)

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of the model's parameters and buffers, and of each list of batches."""
        parts = {"model": self.model.state_dict(), "calibration data": self.calibration}
        if self.validation:
            parts["validation data"] = self.validation
        parts["evaluation data"] = self.evaluation
        return {f"{name}, SHA-256": tensor_digest(part) for name, part in parts.items()}


def load_workload(source: str, *, seed: int = 0, validation: bool = False) -> Workload:
    """Make the model and the data that a word of the command line names.

    Args:
        source: ``CNN``, ``ViT`` or ``LSTM`` for a network that is trained on handwritten digits
            now; else ``file.py:function`` or ``package.module:function``. The function takes
            nothing and returns a `Workload`; or a model and two or three iterables of batches, to
            calibrate, to choose by (in the middle, optional) and to measure on.
        seed: Chooses split, initial weights and order of the digits; also PyTorch's global seed
            while the function runs.
        validation: Whether to have batches to choose by. A quarter of the digits' training part is
            held out; where a function returns none, every other sample to measure on becomes one.

    Raises:
        ImportError: If the file or module cannot be imported.
        LookupError: If there is no such network or function.
        TypeError: If the function returns something else.
        ValueError: If it returns no batch, or none that can be split.

    Examples:
        >>> load_workload("MLP")
        Traceback (most recent call last):
        LookupError: no network 'MLP'; there are CNN, ViT, LSTM, or name a file.py:function
    """
    if source in DIGITS_MODELS:
        return _digits_workload(source, seed=seed, validation=validation)
    place, colon, attribute = source.rpartition(":")
    if not colon:
        known = ", ".join(DIGITS_MODELS)
        raise LookupError(f"no network '{source}'; there are {known}, or name a file.py:function")
    function = _function(place, attribute)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        workload = _checked(function(), source)
    return _split(workload) if validation and not workload.validation else workload


def _digits_workload(name: str, *, seed: int, validation: bool) -> Workload:
    digits = load_digits(seed, validation=0.25 if validation else 0.0)
    return Workload(
        model=DIGITS_MODELS[name].trained(digits, seed=seed),
        calibration=[batch.images for batch in digits.train.batches(128)],
        evaluation=_pairs(digits.test),
        name=name,
        validation=[] if digits.validation is None else _pairs(digits.validation),
    )


def _pairs(data: Labelled) -> list[Any]:
    return [(batch.images, batch.labels) for batch in data.batches(128)]


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
        parts: tuple[Any, ...] = made.model, made.calibration, made.validation, made.evaluation
    else:
        parts = tuple(made) if isinstance(made, (tuple, list)) else ()
    if len(parts) == 3:
        parts = parts[0], parts[1], (), parts[2]
    if (
        len(parts) != 4
        or not isinstance(parts[0], nn.Module)
        or not all(isinstance(part, Iterable) for part in parts[1:])
    ):
        raise TypeError(
            f"{source} must return a model and two or three iterables of batches, to calibrate, to "
            f"choose by and to measure on, got {type(made).__name__}"
        )
    model, calibration, validation, evaluation = parts
    workload = Workload(model, list(calibration), list(evaluation), source, list(validation))
    for name in ("calibration", "evaluation"):
        if not getattr(workload, name):
            raise ValueError(f"{source} must return at least one batch of {name} data, got none")
    return workload


def _split(workload: Workload) -> Workload:
    """Choose by the samples at even places of each batch, measure on the others."""
    batches = workload.evaluation
    sliceable = workload.labelled and all(isinstance(batch[0], Tensor) for batch in batches)
    if not sliceable or max(len(batch[1]) for batch in batches) < 2:
        raise ValueError(
            f"{workload.name} must return batches to choose by, or pairs of an input tensor and "
            "int64 class labels (B,) to measure on, every other of which can be chosen by"
        )
    even, odd = ([tuple(part[start::2] for part in batch) for batch in batches] for start in (0, 1))
    return replace(workload, validation=even, evaluation=[pair for pair in odd if len(pair[1])])


def _has_labels(batch: Any) -> bool:
    return (
        isinstance(batch, (tuple, list))
        and len(batch) == 2
        and isinstance(batch[1], Tensor)
        and batch[1].dim() == 1
        and batch[1].dtype == torch.int64
    )
