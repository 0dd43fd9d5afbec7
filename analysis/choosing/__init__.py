"""One multiplier for each layer, from a prepared model to the report of the choice."""

from analysis.choosing.plots import plot_assignment, plot_energy_front
from analysis.choosing.report import write_selection_report
from analysis.choosing.results import SelectionResults
from analysis.choosing.study import study_selection
from analysis.choosing.wanted import Wanted

__all__ = [
    "SelectionResults",
    "Wanted",
    "plot_assignment",
    "plot_energy_front",
    "study_selection",
    "write_selection_report",
]
