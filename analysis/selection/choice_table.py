"""What each multiplier costs and loses in each layer: all that a choice is made from.

Energies and losses of the layers add up. That the losses do is an assumption, good for small
errors; `analysis.Evaluator` checks an assignment by simulation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.selection.assignment import Assignment
from analysis.selection.energies import Energies, energy_matrix
from analysis.selection.error_variances import ErrorVariances
from analysis.selection.sensitivity import Sensitivity
from multipliers import Multiplier
from multipliers.parameters import check_flag, check_kind

Choices = NDArray[np.intp]
"""Column of the multiplier of each layer, `(L,)`."""


@dataclass(frozen=True, slots=True, eq=False)
class ChoiceTable:
    """Energy and predicted loss of layers (rows) on multipliers (columns).

    Attributes:
        layers: Names of the layers in the float model.
        multipliers: The multipliers.
        energy: Each choice's part of the relative energy of the network's multiplications: the
            layer's share of the multiplications times their relative energy, float64 `(L, M)`.
        loss: Predicted rise of the loss by each choice alone, float64 `(L, M)`.
        error_variance: Predicted relative error variance of each choice, float64 `(L, M)`.

    Raises:
        ValueError: If shapes differ or a figure is not finite.
    """

    layers: tuple[str, ...]
    multipliers: tuple[Multiplier, ...]
    energy: NDArray[np.float64]
    loss: NDArray[np.float64]
    error_variance: NDArray[np.float64]

    def __post_init__(self) -> None:
        check_kind("layers", self.layers, tuple)
        check_kind("multipliers", self.multipliers, tuple)
        shape = len(self.layers), len(self.multipliers)
        for name in ("energy", "loss", "error_variance"):
            values = getattr(self, name)
            check_kind(name, values, np.ndarray)
            if values.shape != shape:
                raise ValueError(
                    f"'{name}' must have a row per layer and a column per multiplier, {shape}, "
                    f"got {values.shape}"
                )
            if not np.isfinite(values).all():
                raise ValueError(f"'{name}' must be finite")

    def relative_energy(self, assignment: Mapping[str, Multiplier]) -> float:
        """Return the energy of an assignment relative to exact multiplications.

        Raises:
            LookupError: If a layer is missing, or a multiplier is not in the table.
        """
        return self.total(self.energy, self.choices(assignment))

    def predicted_loss(self, assignment: Mapping[str, Multiplier]) -> float:
        """Return the predicted rise of the loss of an assignment; errors as `relative_energy`."""
        return self.total(self.loss, self.choices(assignment))

    def assignment(self, choices: Choices) -> Assignment:
        """Return the assignment of a column to each layer."""
        return Assignment(
            [(layer, self.multipliers[c]) for layer, c in zip(self.layers, choices, strict=True)]
        )

    def choices(self, assignment: Mapping[str, Multiplier]) -> Choices:
        """Return the column of each layer's multiplier; errors as `relative_energy`."""
        columns = {multiplier.digest: c for c, multiplier in enumerate(self.multipliers)}
        found = []
        for layer in self.layers:
            if layer not in assignment:
                raise LookupError(f"the assignment must name every layer, lacks {layer!r}")
            multiplier = assignment[layer]
            if multiplier.digest not in columns:
                raise LookupError(f"multiplier {multiplier.name!r} is not in the table")
            found.append(columns[multiplier.digest])
        return np.array(found, np.intp)

    @staticmethod
    def total(values: NDArray[np.float64], choices: Choices) -> float:
        """Add up one value of each row."""
        return float(values[np.arange(len(choices)), choices].sum())


def choice_table(
    variances: ErrorVariances,
    sensitivities: Mapping[str, Sensitivity],
    *,
    energies: Energies,
    folded: bool = False,
) -> ChoiceTable:
    """Put energies and predicted losses of all choices together.

    The loss is predicted as the layer's sensitivity times the relative error variance.

    Args:
        variances: Predicted errors; see `analysis.relative_error_variances`.
        sensitivities: By layer; see `analysis.measure_sensitivities`.
        energies: Relative energy of a multiplication, by multiplier or by layer and multiplier;
            see `analysis.relative_energies`.
        folded: Whether the mean error will be folded into the biases.

    Returns:
        The table; layers count by their multiplications.

    Raises:
        LookupError: If a layer lacks its sensitivity, or an energy is missing.
        ValueError: If an energy is negative or not finite.

    Examples:
        >>> from multipliers import get
        >>> variances = ErrorVariances(
        ...     ("conv",), (get("mul8s_array"), get("mul8s_tm_k3")), np.array([90]),
        ...     plain=np.array([[0.0, 0.5]]), folded=np.array([[0.0, 0.1]]),
        ... )
        >>> conv = Sensitivity.fit("conv", [0.1, 0.2], [0.2, 0.4], [0.0, 0.0])
        >>> energies = {"mul8s_array": 1.0, "mul8s_tm_k3": 0.35}
        >>> table = choice_table(variances, {"conv": conv}, energies=energies, folded=True)
        >>> table.loss.round(3), table.energy
        (array([[0. , 0.2]]), array([[1.  , 0.35]]))
    """
    check_kind("variances", variances, ErrorVariances)
    check_kind("sensitivities", sensitivities, Mapping)
    check_flag("folded", folded)
    missing = [layer for layer in variances.layers if layer not in sensitivities]
    if missing:
        raise LookupError(f"'sensitivities' must hold every layer, lacks {', '.join(missing)}")
    error = variances.folded if folded else variances.plain
    names = [multiplier.name for multiplier in variances.multipliers]
    share = variances.macs / variances.macs.sum()
    return ChoiceTable(
        layers=variances.layers,
        multipliers=variances.multipliers,
        energy=share[:, np.newaxis] * energy_matrix(energies, variances.layers, names),
        loss=np.stack(
            [
                sensitivities[layer].loss_rise(row)
                for layer, row in zip(variances.layers, error, strict=True)
            ]
        ),
        error_variance=error,
    )
