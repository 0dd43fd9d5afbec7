"""Error statistics, noise, measurements, plots and reports of networks on approximate multipliers.

Names are imported when they are first used, so that the command line answers without loading torch
and matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.characterisation import Conditions, DataSheet, data_sheet
    from analysis.comparison import LayerComparison, compare, compare_layers, ratio_quantiles
    from analysis.cosim import CosimResult, Mismatch, run_icarus, write_cosim
    from analysis.demo import Budget, run_demo
    from analysis.digits import Digits, digits_network, load_digits
    from analysis.digits_models import DIGITS_MODELS, DigitsModel
    from analysis.error_models import (
        LayerError,
        predict_error,
        predict_errors,
        product_error,
    )
    from analysis.explanation import Explanation, explain
    from analysis.htp_models import model_frame, plot_model_calls
    from analysis.labelled import Labelled
    from analysis.measure import MeasuredError, measure_errors, measure_many, output_error
    from analysis.model_study import study
    from analysis.modes import evaluating, set_mode
    from analysis.moments import ChannelMoments
    from analysis.multiplier_frame import comparison_frame, pareto_front
    from analysis.multiplier_plots import (
        column_plots,
        plot_error_probability,
        plot_error_profile,
        plot_relative_error_map,
    )
    from analysis.noise import NoiseParameters, NoiseProfile, apply_noise, noise_parameters, noisy
    from analysis.operand_stream import OperandStream, record_stream
    from analysis.pareto_plot import plot_pareto
    from analysis.plots import (
        plot_error_histogram,
        plot_error_map,
        plot_operands,
        plot_predictions,
    )
    from analysis.report import write_report
    from analysis.results import Accuracy, Results
    from analysis.selection import (
        Assignment,
        Candidate,
        ChoiceTable,
        ErrorVariances,
        Evaluation,
        Evaluator,
        Quality,
        Sensitivity,
        ToleranceLearning,
        bounded_candidates,
        choice_table,
        energies_on_operands,
        energy_front,
        learn_tolerances,
        measure_choices,
        measure_quality,
        measure_sensitivities,
        own_predictions,
        refine,
        relative_energies,
        relative_error_variances,
        select,
        select_validated,
        sensitivity_frame,
        uniform_candidates,
        within,
    )
    from analysis.stream_energy import operand_energy
    from analysis.sweeps import (
        JobError,
        LostJobError,
        PreparedWorkload,
        ResultsStore,
        SearchResult,
        SweepError,
        WorkerEvaluator,
        content_key,
        evaluation_context,
        layer_assignments,
        open_workload,
        prepare_workload,
        process_pool,
        run_jobs,
        search,
        sweep,
        sweep_frame,
        worker_evaluator,
    )
    from analysis.tracing import trace_batches
    from analysis.training import accuracy, train
    from analysis.workload import Workload, load_workload

__all__ = [
    "DIGITS_MODELS",
    "Accuracy",
    "Assignment",
    "Budget",
    "Candidate",
    "ChannelMoments",
    "ChoiceTable",
    "Conditions",
    "CosimResult",
    "DataSheet",
    "Digits",
    "DigitsModel",
    "ErrorVariances",
    "Evaluation",
    "Evaluator",
    "Explanation",
    "JobError",
    "Labelled",
    "LayerComparison",
    "LayerError",
    "LostJobError",
    "MeasuredError",
    "Mismatch",
    "NoiseParameters",
    "NoiseProfile",
    "OperandStream",
    "PreparedWorkload",
    "Quality",
    "Results",
    "ResultsStore",
    "SearchResult",
    "Sensitivity",
    "SweepError",
    "ToleranceLearning",
    "WorkerEvaluator",
    "Workload",
    "accuracy",
    "apply_noise",
    "bounded_candidates",
    "choice_table",
    "column_plots",
    "compare",
    "compare_layers",
    "comparison_frame",
    "content_key",
    "data_sheet",
    "digits_network",
    "energies_on_operands",
    "energy_front",
    "evaluating",
    "evaluation_context",
    "explain",
    "layer_assignments",
    "learn_tolerances",
    "load_digits",
    "load_workload",
    "measure_choices",
    "measure_errors",
    "measure_many",
    "measure_quality",
    "measure_sensitivities",
    "model_frame",
    "noise_parameters",
    "noisy",
    "open_workload",
    "operand_energy",
    "output_error",
    "own_predictions",
    "pareto_front",
    "plot_error_histogram",
    "plot_error_map",
    "plot_error_probability",
    "plot_error_profile",
    "plot_model_calls",
    "plot_operands",
    "plot_pareto",
    "plot_predictions",
    "plot_relative_error_map",
    "predict_error",
    "predict_errors",
    "prepare_workload",
    "process_pool",
    "product_error",
    "ratio_quantiles",
    "record_stream",
    "refine",
    "relative_energies",
    "relative_error_variances",
    "run_demo",
    "run_icarus",
    "run_jobs",
    "search",
    "select",
    "select_validated",
    "sensitivity_frame",
    "set_mode",
    "study",
    "sweep",
    "sweep_frame",
    "trace_batches",
    "train",
    "uniform_candidates",
    "within",
    "worker_evaluator",
    "write_cosim",
    "write_report",
]

_HOMES = {
    "comparison": ("LayerComparison", "compare", "compare_layers", "ratio_quantiles"),
    "cosim": ("CosimResult", "Mismatch", "run_icarus", "write_cosim"),
    "characterisation": ("Conditions", "DataSheet", "data_sheet"),
    "demo": ("Budget", "run_demo"),
    "digits": ("Digits", "digits_network", "load_digits"),
    "digits_models": ("DIGITS_MODELS", "DigitsModel"),
    "error_models": ("LayerError", "predict_error", "predict_errors", "product_error"),
    "explanation": ("Explanation", "explain"),
    "htp_models": ("model_frame", "plot_model_calls"),
    "labelled": ("Labelled",),
    "measure": ("MeasuredError", "measure_errors", "measure_many", "output_error"),
    "modes": ("evaluating", "set_mode"),
    "moments": ("ChannelMoments",),
    "multiplier_frame": ("comparison_frame", "pareto_front"),
    "multiplier_plots": (
        "column_plots",
        "plot_error_probability",
        "plot_error_profile",
        "plot_relative_error_map",
    ),
    "noise": ("NoiseParameters", "NoiseProfile", "apply_noise", "noise_parameters", "noisy"),
    "stream_energy": ("operand_energy",),
    "operand_stream": ("OperandStream", "record_stream"),
    "plots": ("plot_error_histogram", "plot_error_map", "plot_operands", "plot_predictions"),
    "pareto_plot": ("plot_pareto",),
    "report": ("write_report",),
    "results": ("Accuracy", "Results"),
    "selection": (
        "Assignment",
        "Candidate",
        "ChoiceTable",
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
    ),
    "model_study": ("study",),
    "sweeps": (
        "JobError",
        "LostJobError",
        "PreparedWorkload",
        "ResultsStore",
        "SearchResult",
        "SweepError",
        "WorkerEvaluator",
        "content_key",
        "evaluation_context",
        "layer_assignments",
        "open_workload",
        "prepare_workload",
        "process_pool",
        "run_jobs",
        "search",
        "sweep",
        "sweep_frame",
        "worker_evaluator",
    ),
    "tracing": ("trace_batches",),
    "training": ("accuracy", "train"),
    "workload": ("Workload", "load_workload"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"analysis.{home}"), name)
    raise AttributeError(f"module 'analysis' has no attribute '{name}'")
