"""What an assignment really does: the model runs on it, on labelled batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

import torchapprox
from analysis.modes import evaluating
from analysis.selection.assignment import Assignment
from analysis.selection.energies import Energies
from analysis.selection.quality import Loss, measure_quality
from multipliers import Multiplier
from multipliers.multiplier import check_multipliers
from multipliers.parameters import check_kind
from torchapprox import get_approx_modules
from torchapprox.batches import several
from torchapprox.conversion.wrapping import float_name
from torchapprox.layers import InferenceMode


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an assignment costs, and what the model does on it.

    Attributes:
        accuracy: Share of the samples classified correctly, 0..1; NaN without class labels.
        loss: Mean loss of a sample.
        certainty: Mean probability of the right class, 0..1; NaN without class labels.
        relative_energy: Energy of the multiplications relative to exact ones; NaN if the energies
            are not known.
    """

    accuracy: float
    loss: float
    certainty: float
    relative_energy: float


class Evaluator:
    """Evaluates assignments by simulation; a value that processes can send one another.

    Args:
        model: A converted and calibrated model; the evaluator works on a copy.
        batches: Pairs of input and target.
        multipliers: The multipliers that assignments may name.
        energies: Relative energy of a multiplication; see `analysis.relative_energies`. Not known
            if None.
        fold: Inputs with which the mean error of every channel is folded into the biases before an
            assignment is evaluated (`torchapprox.fold_mean_error`); not folded if None.
        loss: Mean loss of a batch, of output and target; a function that can be pickled, if the
            evaluator is to be.

    Attributes:
        layers: Names of the layers in the float model.
        macs: Multiplications of each layer for one sample, by name.
        multipliers: The multipliers by name.

    Raises:
        ValueError: If the model has no approximate layer, there is no batch, or two multipliers
            have one name.

    Examples:
        >>> from multipliers import get
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> x = torch.randn(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> evaluate = Evaluator(
        ...     model, [(x, model(x).argmax(dim=1))], multipliers=[get("mul8s_tm_k4")],
        ...     energies={"mul8s_tm_k4": 0.2},
        ... )
        >>> evaluate.exact.accuracy, evaluate.exact.relative_energy
        (1.0, 1.0)
        >>> found = evaluate({"0": "mul8s_tm_k4", "2": "mul8s_tm_k4"})
        >>> found.accuracy < 1, found.relative_energy
        (True, 0.2)
    """

    def __init__(
        self,
        model: nn.Module,
        batches: Iterable[Any],
        *,
        multipliers: Sequence[Multiplier],
        energies: Energies | None = None,
        fold: Iterable[Any] | None = None,
        loss: Loss = F.cross_entropy,
    ) -> None:
        check_kind("model", model, nn.Module)
        check_multipliers("multipliers", multipliers)
        check_kind("loss", loss, Callable)
        self._model = copy.deepcopy(model)
        self._batches = list(several(batches))
        self._fold = None if fold is None else list(several(fold, "fold"))
        self._energies = energies
        self._loss = loss
        self.multipliers: dict[str, Multiplier] = {
            multiplier.name: multiplier for multiplier in multipliers
        }
        if len(self.multipliers) < len(multipliers):
            raise ValueError(
                "'multipliers' must have different names, got "
                + ", ".join(multiplier.name for multiplier in multipliers)
            )
        self.layers: tuple[str, ...] = tuple(
            float_name(name) for name, _ in get_approx_modules(self._model)
        )
        # One run, so that every layer knows the size of its input.
        with torch.no_grad(), evaluating(self._model, InferenceMode.QUANTIZED):
            quality = measure_quality(self._model, self._batches, loss=loss)
        self.exact: Evaluation = Evaluation(quality.accuracy, quality.loss, quality.certainty, 1.0)
        self.macs: dict[str, int] = {
            float_name(name): layer.opcount for name, layer in get_approx_modules(self._model)
        }

    def assignment(self, names: Mapping[str, str | Multiplier]) -> Assignment:
        """Return the assignment of multipliers given by name.

        Args:
            names: Multiplier, or its name, by layer.

        Raises:
            LookupError: If there is no multiplier of a name.
        """
        return Assignment({layer: self._known(choice) for layer, choice in names.items()})

    def __call__(self, assignment: Mapping[str, str | Multiplier]) -> Evaluation:
        """Evaluate an assignment.

        Args:
            assignment: Multiplier, or its name, by layer; every layer must be named.

        Raises:
            LookupError: If there is no layer or no multiplier of a name, or a layer is missing.
            ValueError: If a multiplier's ports do not take the ranges of a layer's quantisers.
        """
        assigned = self.assignment(assignment)
        torchapprox.unfold_mean_error(self._model)
        torchapprox.approximate(self._model, assigned)
        if self._fold is not None:
            torchapprox.fold_mean_error(self._model, self._fold)
        quality = measure_quality(self._model, self._batches, loss=self._loss)
        return Evaluation(
            accuracy=quality.accuracy,
            loss=quality.loss,
            certainty=quality.certainty,
            relative_energy=self._energy(assigned),
        )

    def _energy(self, assignment: Assignment) -> float:
        if self._energies is None:
            return float("nan")
        return assignment.relative_energy(self._energies, self.macs)

    def _known(self, choice: str | Multiplier) -> Multiplier:
        if isinstance(choice, Multiplier):
            return choice
        if choice not in self.multipliers:
            raise LookupError(
                f"no multiplier {choice!r} is known; there are {', '.join(self.multipliers)}"
            )
        return self.multipliers[choice]
