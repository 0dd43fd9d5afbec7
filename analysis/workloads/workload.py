"""A model and its data, as the command line names them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from analysis.workloads.digits import load_digits
from analysis.workloads.digits_models import DIGITS_MODELS
from analysis.workloads.labelled import Labelled
from analysis.workloads.named_function import call_named
from analysis.workloads.tensor_digest import tensor_digest
from multipliers.parameters import check_flag, check_kind, check_parameter

FOLDING_BATCHES = 4
"""Of those to calibrate, with which mean errors are folded into biases."""


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


def load_workload(
    source: str,
    *,
    loader: str | None = None,
    seed: int = 0,
    validation: bool = False,
    quiet: bool = True,
) -> Workload:
    """Make the model and the data that words of the command line name.

    Args:
        source: ``CNN``, ``ViT`` or ``LSTM`` for a network that is trained on handwritten digits
            now; else ``file.py:function`` or ``package.module:function``. The function takes
            nothing and returns a `Workload`; or a model and two or three iterables of batches, to
            calibrate, to choose by (in the middle, optional) and to measure on; with a loader, the
            model alone.
        loader: Likewise a function, which returns two or three iterables of batches: to calibrate
            (optional; else the first ones of the next), to choose by and to measure on.
        seed: Chooses split, initial weights and order of the digits; also PyTorch's global seed
            while each function runs.
        validation: Whether to have batches to choose by. A quarter of the digits' training part is
            held out; where a function returns none, every other sample to measure on becomes one.
        quiet: Show no progress bar while a network is trained.

    Raises:
        ImportError: If the file or module cannot be imported.
        LookupError: If there is no such network or function.
        TypeError: If a function returns something else.
        ValueError: If a function raises an error, returns no batch or none that can be split, or
            a loader is given for the digits.

    Examples:
        >>> load_workload("MLP")
        Traceback (most recent call last):
        LookupError: no network 'MLP'; there are CNN, ViT, LSTM, or name a file.py:function
    """
    check_kind("source", source, str, advice="the name of a network, or file.py:function")
    check_kind("loader", loader, str | None, advice="file.py:function")
    seed = check_parameter("seed", seed, 0)
    check_flag("validation", validation)
    if source in DIGITS_MODELS:
        if loader is not None:
            raise ValueError(f"{source} brings its own batches; a loader goes with your own model")
        return _digits_workload(source, seed=seed, validation=validation, quiet=quiet)
    made = _called(source, seed)
    if loader is None:
        workload = _checked(made, source)
    else:
        if not isinstance(made, nn.Module):
            raise TypeError(
                f"{source} must return a model alone, as {loader} returns the batches, got "
                f"{_what(made)}"
            )
        workload = _loaded(made, source, _called(loader, seed), loader)
    return _split(workload) if validation and not workload.validation else workload


def load_model(source: str, *, seed: int = 0) -> nn.Module:
    """Make the model that a word names; arguments and errors as `load_workload`."""
    if source in DIGITS_MODELS:
        return load_workload(source, seed=seed).model
    made = _called(source, seed)
    return made if isinstance(made, nn.Module) else _checked(made, source).model


def _digits_workload(name: str, *, seed: int, validation: bool, quiet: bool) -> Workload:
    digits = load_digits(seed, validation=0.25 if validation else 0.0)
    return Workload(
        model=DIGITS_MODELS[name].trained(digits, seed=seed, quiet=quiet),
        calibration=[batch.images for batch in digits.train.batches(128)],
        evaluation=_pairs(digits.test),
        name=name,
        validation=[] if digits.validation is None else _pairs(digits.validation),
    )


def _pairs(data: Labelled) -> list[Any]:
    return [(batch.images, batch.labels) for batch in data.batches(128)]


def _called(source: str, seed: int) -> Any:
    if ":" not in source:
        known = ", ".join(DIGITS_MODELS)
        raise LookupError(f"no network '{source}'; there are {known}, or name a file.py:function")
    return call_named(source, seed=seed, read=_read)


def _read(made: Any) -> Any:
    """Take the batches out of iterables, as part of the function that returns them."""
    if isinstance(made, Workload):
        return made.model, made.calibration, made.validation, made.evaluation
    if not isinstance(made, (tuple, list)):
        return made
    return tuple(
        list(part) if isinstance(part, Iterable) and not isinstance(part, nn.Module) else part
        for part in made
    )


def _checked(made: Any, source: str) -> Workload:
    parts = made if isinstance(made, tuple) else ()
    if len(parts) == 3:
        parts = parts[0], parts[1], [], parts[2]
    if (
        len(parts) != 4
        or not isinstance(parts[0], nn.Module)
        or not all(isinstance(part, list) for part in parts[1:])
    ):
        alone = " alone; a loader can return the batches" if isinstance(made, nn.Module) else ""
        raise TypeError(
            f"{source} must return a model and two or three iterables of batches, to calibrate, to "
            f"choose by and to measure on, got {_what(made)}{alone}"
        )
    model, calibration, validation, evaluation = parts
    return _filled(Workload(model, calibration, evaluation, source, validation), source)


def _loaded(model: nn.Module, source: str, made: Any, loader: str) -> Workload:
    parts = made if isinstance(made, tuple) else ()
    if len(parts) not in (2, 3) or not all(isinstance(part, list) for part in parts):
        raise TypeError(
            f"{loader} must return two or three iterables of batches, to calibrate (optional), to "
            f"choose by and to measure on, got {_what(made)}"
        )
    validation, evaluation = parts[-2:]
    if not validation:
        raise ValueError(f"{loader} must return at least one batch to choose by, got none")
    for batch in (*validation, *evaluation):
        if not (isinstance(batch, (tuple, list)) and len(batch) == 2
                and isinstance(batch[1], Tensor)):  # fmt: skip
            raise TypeError(
                f"{loader} must return batches that are pairs of an input and a tensor of labels, "
                f"to choose by and to measure on, got {_what(batch)}"
            )
    return _filled(Workload(model, parts[0], evaluation, source, validation), loader)


def _filled(workload: Workload, source: str) -> Workload:
    for name in ("calibration", "evaluation"):
        if not getattr(workload, name):
            raise ValueError(f"{source} must return at least one batch of {name} data, got none")
    return workload


def _what(made: Any) -> str:
    kind = type(made).__name__
    return f"a {kind} of {len(made)}" if isinstance(made, (tuple, list)) else kind


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
