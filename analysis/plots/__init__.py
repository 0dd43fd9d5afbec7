"""Plots of multipliers, layers and error models; `analysis.plots.style` has how all look."""

from analysis.plots.error_model_plots import plot_layer_errors, plot_model_scatter
from analysis.plots.multiplier_plots import (
    column_plots,
    plot_error_probability,
    plot_error_profile,
    plot_relative_error_map,
)
from analysis.plots.pareto_plot import plot_pareto
from analysis.plots.result_plots import (
    plot_error_histogram,
    plot_error_map,
    plot_operands,
    plot_predictions,
)

__all__ = [
    "column_plots",
    "plot_error_histogram",
    "plot_error_map",
    "plot_error_probability",
    "plot_error_profile",
    "plot_layer_errors",
    "plot_model_scatter",
    "plot_operands",
    "plot_pareto",
    "plot_predictions",
    "plot_relative_error_map",
]
