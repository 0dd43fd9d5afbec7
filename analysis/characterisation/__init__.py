"""Data sheets of multipliers and of their models, and tables that compare them."""

from analysis.characterisation.data_sheet import Conditions, DataSheet, data_sheet
from analysis.characterisation.htp_models import model_frame, plot_model_calls
from analysis.characterisation.multiplier_frame import comparison_frame, pareto_front

__all__ = [
    "Conditions",
    "DataSheet",
    "comparison_frame",
    "data_sheet",
    "model_frame",
    "pareto_front",
    "plot_model_calls",
]
