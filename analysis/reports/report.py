"""The report of a run: one self-contained HTML page, and its figures as CSV and PNG files."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from tqdm import tqdm

from analysis.measurement.comparison import LayerComparison
from analysis.plots.error_model_plots import plot_layer_errors, plot_model_scatter
from analysis.plots.pareto_plot import plot_pareto
from analysis.plots.result_plots import (
    plot_error_histogram,
    plot_error_map,
    plot_operands,
    plot_predictions,
)
from analysis.plots.style import DARK, new_figure, render_both, render_png
from analysis.reports.results import Results
from analysis.reports.tables import all_tables
from multipliers import Multiplier
from multipliers.whole_file import write_whole
from torchapprox import LayerTrace

Plot = tuple[str, str, Callable[[], Axes]]
"""Name, description for those who cannot see it, and what draws it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One plot, drawn for light and for dark pages.

    Attributes:
        name: Stem of the PNG file's name.
        text: What it shows, for those who cannot see it.
        light: PNG on white.
        dark: PNG on a dark ground.
        pdf: On white.
    """

    name: str
    text: str
    light: bytes
    dark: bytes
    pdf: bytes

    @classmethod
    def draw(cls, name: str, text: str, plot: Callable[[], Axes]) -> Self:
        """Draw a plot in both themes."""
        light, pdf = render_both(plot)
        return cls(name, text, light, render_png(plot, theme=DARK), pdf)

    def __html__(self) -> Markup:
        light, dark = (
            "data:image/png;base64," + base64.b64encode(png).decode()
            for png in (self.light, self.dark)
        )
        return Markup(
            '<picture><source media="(prefers-color-scheme: dark)" srcset="{}">'
            '<img alt="{}" src="{}"></picture>'
        ).format(dark, self.text, light)


def write_report(results: Results, directory: Path, *, quiet: bool = True) -> Path:
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
    directory.mkdir(parents=True, exist_ok=True)
    write_tables(all_tables(results), directory)
    pictures = write_pictures(_plots(results), directory, quiet=quiet)
    page = directory / "report.html"
    write_whole(page, render_html(results, pictures).encode())
    return page


def write_tables(tables: Mapping[str, pd.DataFrame], directory: Path) -> None:
    """Write each table as a CSV file of its name, and all of them into `report.json`.

    Raises:
        OSError: If a file cannot be written.
    """
    for name, table in tables.items():
        content = table.to_csv(index=False, lineterminator="\n").encode()
        write_whole(directory / f"{name}.csv", content)
    records = {name: table.to_dict("records") for name, table in tables.items()}
    write_whole(directory / "report.json", _json(records))


def write_pictures(plots: Iterable[Plot], directory: Path, *, quiet: bool) -> dict[str, Picture]:
    """Draw plots in both themes and write each as PNG and PDF.

    Args:
        plots: Name, description and what draws it.
        directory: Where the files go.
        quiet: Show no progress bar.

    Returns:
        The pictures by name.

    Raises:
        OSError: If a file cannot be written.
    """
    pictures: dict[str, Picture] = {}
    for name, text, plot in tqdm(list(plots), desc="drawing", unit="plot", disable=quiet):
        pictures[name] = Picture.draw(name, text, plot)
        write_whole(directory / f"{name}.png", pictures[name].light)
        write_whole(directory / f"{name}.pdf", pictures[name].pdf)
    return pictures


def render_html(results: Results, pictures: dict[str, Picture]) -> str:
    """Fill the template with the tables and the pictures of a run."""
    tables = {name: table.to_dict("records") for name, table in all_tables(results).items()}
    return template("report.html").render(
        results=results,
        explained=results.explanation,
        tables=tables,
        pictures=pictures,
        operand_name=operand_picture_name,
        error_name=error_picture_name,
    )


def template(name: str) -> jinja2.Template:
    """Return a template of a page, with the filters that write figures and names.

    Args:
        name: Of the file.

    Examples:
        >>> template("report.html").name
        'report.html'
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("analysis"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "breakable": breakable}
    return environment.get_template(name)


def _json(records: dict[str, list[dict[Any, Any]]]) -> bytes:
    """Return tables as JSON, which has no NaN: null instead."""

    def plain(value: object) -> object:
        number = value.item() if isinstance(value, np.generic) else value
        return None if isinstance(number, float) and not math.isfinite(number) else number

    tables = {
        name: [{str(key): plain(value) for key, value in row.items()} for row in rows]
        for name, rows in records.items()
    }
    return json.dumps(tables, allow_nan=False).encode()


def number(value: float) -> str:
    """Write a figure with at least four significant digits and a real minus sign.

    Examples:
        >>> number(1234.56), number(0.00012345), number(512.0), number(float("nan"))
        ('1235', '0.0001234', '512', 'n/a')
    """
    if math.isnan(value):
        return "n/a"
    whole = float(value).is_integer() or 1e3 <= abs(value) < 1e9
    text = f"{value:.0f}" if whole else f"{value:#.4g}"
    return text.replace("-", "\N{MINUS SIGN}")


def percent(value: float) -> str:
    """Write a fraction in per cent.

    Examples:
        >>> percent(0.97333)
        '97.3 %'
    """
    return f"{100 * value:.1f} %"


def breakable(name: str) -> Markup:
    """Let a layer's name break after its dots, so that it does not make a table wide.

    Examples:
        >>> breakable("encoder.head<1>")
        Markup('encoder.<wbr>head&lt;1&gt;')
    """
    return Markup(".<wbr>").join(name.split("."))


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
