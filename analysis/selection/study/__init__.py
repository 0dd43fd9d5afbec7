"""One multiplier for each layer, from a prepared model to the report of the choice."""

from analysis.selection.study.plots import plot_assignment, plot_energy_front
from analysis.selection.study.report import write_selection_report
from analysis.selection.study.results import SelectionResults
from analysis.selection.study.study import study_selection
from analysis.selection.study.wanted import SearchSettings, Wanted

__all__ = [
    "SearchSettings",
    "SelectionResults",
    "Wanted",
    "plot_assignment",
    "plot_energy_front",
    "study_selection",
    "write_selection_report",
]
