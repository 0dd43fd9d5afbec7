"""Which multiplier belongs in which layer: tolerances, sensitivities, choices and their check."""

from analysis.selection.acceptance import within
from analysis.selection.assignment import Assignment
from analysis.selection.choice_table import ChoiceTable, choice_table
from analysis.selection.energies import Energies, energies_on_operands, relative_energies
from analysis.selection.error_variances import ErrorVariances, relative_error_variances
from analysis.selection.evaluator import Evaluation, Evaluator
from analysis.selection.front import energy_front
from analysis.selection.measured_choices import measure_choices
from analysis.selection.quality import Quality, measure_quality, own_predictions
from analysis.selection.refinement import refine
from analysis.selection.select import select
from analysis.selection.sensitivity import (
    Sensitivity,
    measure_sensitivities,
    sensitivity_frame,
)
from analysis.selection.tolerance import ToleranceLearning, learn_tolerances
from analysis.selection.validation import (
    Candidate,
    bounded_candidates,
    select_validated,
    uniform_candidates,
)

__all__ = [
    "Assignment",
    "Candidate",
    "ChoiceTable",
    "Energies",
    "ErrorVariances",
    "Evaluation",
    "Evaluator",
    "Quality",
    "Sensitivity",
    "ToleranceLearning",
    "bounded_candidates",
    "choice_table",
    "energies_on_operands",
    "energy_front",
    "learn_tolerances",
    "measure_choices",
    "measure_quality",
    "measure_sensitivities",
    "own_predictions",
    "refine",
    "relative_energies",
    "relative_error_variances",
    "select",
    "select_validated",
    "sensitivity_frame",
    "uniform_candidates",
    "within",
]
