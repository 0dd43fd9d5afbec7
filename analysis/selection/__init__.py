"""Which multiplier belongs in which layer: tolerances, sensitivities, choices and their check."""

from analysis.selection.assignment import Assignment
from analysis.selection.energies import Energies

__all__ = ["Assignment", "Energies"]
