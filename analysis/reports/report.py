"""The report of a run: one self-contained HTML page, and its figures as CSV and PNG files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from analysis.measurement.comparison import LayerComparison
from analysis.plots.error_model_plots import plot_layer_errors, plot_model_scatter
from analysis.plots.pareto_plot import plot_pareto
from analysis.plots.result_plots import (
    plot_error_histogram,
    plot_error_map,
    plot_operands,
    plot_predictions,
)
from analysis.plots.style import new_figure
from analysis.reports.page import template
from analysis.reports.pictures import Picture, Plot, write_pictures
from analysis.reports.results import Results
from analysis.reports.table_files import write_tables
from analysis.reports.tables import all_tables
from multipliers import Multiplier
from multipliers.parameters import check_kind, check_path
from multipliers.whole_file import write_whole
from torchapprox import LayerTrace


def write_report(results: Results, directory: str | Path, *, quiet: bool = True) -> Path:
    """Write `report.html`, all tables as CSV and JSON and all plots as PNG and PDF.

    Equal results give equal files, byte for byte: nothing in them names a time or a place.

    Args:
        results: What a run found out.
        directory: Made if absent; files of the same names are replaced.
        quiet: Show no progress bar.

    Returns:
        Path of the HTML page.

    Raises:
        OSError: If a file cannot be written.

    Examples:
        >>> import tempfile, torch
        >>> from analysis import Workload, study
        >>> from multipliers import get
        >>> data = [torch.rand(64, 4)]
        >>> workload = Workload(torch.nn.Sequential(torch.nn.Linear(4, 3)), data, data, "tiny")
        >>> results = study(workload, get("mul8s_tm_k3"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(results, Path(folder)).name
        'report.html'
    """
    check_kind("results", results, Results, advice="analysis.study() finds some")
    directory = check_path("directory", directory)
    directory.mkdir(parents=True, exist_ok=True)
    write_tables(all_tables(results), directory)
    pictures = write_pictures(_plots(results), directory, quiet=quiet)
    page = directory / "report.html"
    write_whole(page, render_html(results, pictures).encode())
    return page


def render_html(results: Results, pictures: dict[str, Picture]) -> str:
    """Fill the template with the tables and the pictures of a run."""
    tables = {name: table.to_dict("records") for name, table in all_tables(results).items()}
    return template("report.html").render(
        summary=results.summary,
        provenance=results.provenance,
        results=results,
        explained=results.explanation,
        tables=tables,
        pictures=pictures,
        operand_name=operand_picture_name,
        error_name=error_picture_name,
    )


def operand_picture_name(layer: str) -> str:
    """Return the stem of the file with a layer's operand histograms.

    Examples:
        >>> operand_picture_name("features.0.conv")
        'operands_features.0.conv'
    """
    return f"operands_{layer}"


def error_picture_name(layer: str) -> str:
    """Return the stem of the file with a layer's errors.

    Examples:
        >>> error_picture_name("features.0.conv")
        'errors_features.0.conv'
    """
    return f"errors_{layer}"


def _plots(results: Results) -> Iterator[Plot]:
    explanation = results.explanation
    multiplier = explanation.multiplier
    yield (
        "error_map",
        f"Error of every product of {multiplier.name} over the values of both operands",
        partial(plot_error_map, multiplier),
    )
    yield (
        "error_histogram",
        f"Share of products by error, for {multiplier.name}",
        partial(plot_error_histogram, multiplier, joint_counts=results.joint_counts),
    )
    yield (
        "predicted_measured",
        "Predicted and measured mean and standard deviation of each layer's error",
        lambda: plot_predictions(explanation.layers)[0],
    )
    if (explanation.predictions["measured_std"] > 0).any():
        yield (
            "model_scatter",
            "Predicted over measured standard deviation of every error model and layer",
            partial(plot_model_scatter, explanation.predictions),
        )
    if explanation.alternatives["relative_energy"].notna().any():
        yield (
            "pareto",
            "Predicted error on this network against energy, for multipliers with the same ports",
            partial(_pareto, explanation.alternatives),
        )
    for layer in explanation.layers:
        trace = explanation.traces[layer.name]
        yield (
            operand_picture_name(layer.name),
            f"Histograms of the activations and the weights that layer {layer.name} multiplies",
            partial(_first_of_operands, trace),
        )
        yield (
            error_picture_name(layer.name),
            f"Errors that the operands of layer {layer.name} meet, and the errors of its outputs",
            partial(_first_of_errors, multiplier, trace, layer),
        )


def _first_of_operands(trace: LayerTrace) -> Axes:
    return plot_operands(trace)[0]


def _first_of_errors(multiplier: Multiplier, trace: LayerTrace, layer: LayerComparison) -> Axes:
    return plot_layer_errors(multiplier, trace, layer)[0]


def _pareto(alternatives: pd.DataFrame) -> Axes:
    axes = new_figure(9.4, 3.6).add_subplot()
    plot_pareto(alternatives, axes, error="error_to_signal", cost="relative_energy")
    given = alternatives.iloc[:1]
    axes.plot(
        given["relative_energy"], given["error_to_signal"], "*", color="C1", markersize=13,
        label=str(given["name"].iloc[0]),
    )  # fmt: skip
    axes.set_ylabel("error / signal (predicted)")
    axes.set_xlabel("energy of a multiplication / exact")
    return axes
