"""The report of a run: one self-contained HTML page, and its figures as CSV and PNG files."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import jinja2
from markupsafe import Markup
from matplotlib.axes import Axes
from tqdm import tqdm

from analysis.files import write_whole
from analysis.plots import plot_error_histogram, plot_error_map, plot_operands, plot_predictions
from analysis.results import Results
from analysis.style import DARK, LIGHT, render_png
from analysis.tables import all_tables
from multipliers import Multiplier
from torchapprox import LayerTrace


@dataclass(frozen=True, slots=True)
class Picture:
    """One plot, drawn for light and for dark pages.

    Attributes:
        name: Stem of the PNG file's name.
        text: What it shows, for those who cannot see it.
        light: PNG on white.
        dark: PNG on a dark ground.
    """

    name: str
    text: str
    light: bytes
    dark: bytes

    @classmethod
    def draw(cls, name: str, text: str, plot: Callable[[], Axes]) -> Self:
        """Draw a plot in both themes."""
        return cls(name, text, render_png(plot, theme=LIGHT), render_png(plot, theme=DARK))

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
    """Write `report.html`, the CSV files of all tables and the PNG files of all plots.

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
        >>> import tempfile
        >>> from analysis.demo import Budget, load_multiplier, run_demo
        >>> results = run_demo(load_multiplier(None), budget=Budget(1, 0, 0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(results, Path(folder)).name
        'report.html'
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, table in all_tables(results).items():
        content = table.to_csv(index=False, lineterminator="\n").encode()
        write_whole(directory / f"{name}.csv", content)
    plots = list(_plots(results))
    pictures: dict[str, Picture] = {}
    for name, text, plot in tqdm(plots, desc="drawing", unit="plot", disable=quiet):
        pictures[name] = Picture.draw(name, text, plot)
        write_whole(directory / f"{name}.png", pictures[name].light)
    page = directory / "report.html"
    write_whole(page, render_html(results, pictures).encode())
    return page


def render_html(results: Results, pictures: dict[str, Picture]) -> str:
    """Fill the template with the tables and the pictures of a run."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("analysis"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent}
    tables = {name: table.to_dict("records") for name, table in all_tables(results).items()}
    return environment.get_template("report.html").render(
        results=results, tables=tables, pictures=pictures, operand_name=operand_picture_name
    )


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


def operand_picture_name(layer: str) -> str:
    """Return the stem of the file with a layer's operand histograms.

    Examples:
        >>> operand_picture_name("features.0.conv")
        'operands_features.0.conv'
    """
    return f"operands_{layer}"


def _plots(results: Results) -> Iterator[tuple[str, str, Callable[[], Axes]]]:
    multiplier: Multiplier = results.multiplier
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
        lambda: plot_predictions(results.layers)[0],
    )
    for name, trace in results.traces.items():
        yield (
            operand_picture_name(name),
            f"Histograms of the activations and the weights that layer {name} multiplies",
            partial(_first_of_operands, trace),
        )


def _first_of_operands(trace: LayerTrace) -> Axes:
    return plot_operands(trace)[0]
