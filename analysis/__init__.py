"""Error statistics, noise, measurements, plots and reports of networks on approximate multipliers.

Names are imported when they are first used, so that the command line answers without loading torch
and matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.comparison import LayerComparison, compare
    from analysis.demo import Budget, run_demo
    from analysis.digits import (
        Digits,
        Labelled,
        accuracy,
        digits_network,
        load_digits,
        train,
    )
    from analysis.measure import MeasuredError, measure_errors, output_error
    from analysis.modes import evaluating, set_mode
    from analysis.moments import ChannelMoments
    from analysis.noise import NoiseParameters, apply_noise, noise_parameters, noisy
    from analysis.plots import (
        plot_error_histogram,
        plot_error_map,
        plot_operands,
        plot_predictions,
    )
    from analysis.report import write_report
    from analysis.results import Accuracy, Results
    from analysis.statistics import (
        PredictedError,
        channel_error_means,
        predict_error,
        predict_errors,
        product_error,
    )

__all__ = [
    "Accuracy",
    "Budget",
    "ChannelMoments",
    "Digits",
    "Labelled",
    "LayerComparison",
    "MeasuredError",
    "NoiseParameters",
    "PredictedError",
    "Results",
    "accuracy",
    "apply_noise",
    "channel_error_means",
    "compare",
    "digits_network",
    "evaluating",
    "load_digits",
    "measure_errors",
    "noise_parameters",
    "noisy",
    "output_error",
    "plot_error_histogram",
    "plot_error_map",
    "plot_operands",
    "plot_predictions",
    "predict_error",
    "predict_errors",
    "product_error",
    "run_demo",
    "set_mode",
    "train",
    "write_report",
]

_HOMES = {
    "comparison": ("LayerComparison", "compare"),
    "demo": ("Budget", "run_demo"),
    "digits": ("Digits", "Labelled", "accuracy", "digits_network", "load_digits", "train"),
    "measure": ("MeasuredError", "measure_errors", "output_error"),
    "modes": ("evaluating", "set_mode"),
    "moments": ("ChannelMoments",),
    "noise": ("NoiseParameters", "apply_noise", "noise_parameters", "noisy"),
    "plots": ("plot_error_histogram", "plot_error_map", "plot_operands", "plot_predictions"),
    "report": ("write_report",),
    "results": ("Accuracy", "Results"),
    "statistics": (
        "PredictedError",
        "channel_error_means",
        "predict_error",
        "predict_errors",
        "product_error",
    ),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"analysis.{home}"), name)
    raise AttributeError(f"module 'analysis' has no attribute '{name}'")
