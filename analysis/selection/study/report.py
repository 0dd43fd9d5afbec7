"""The report of a choice of multipliers: one self-contained HTML page and its files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.reports.page import template
from analysis.reports.pictures import Picture, Plot, write_pictures
from analysis.reports.table_files import write_tables
from analysis.selection.study.plots import plot_assignment, plot_energy_front
from analysis.selection.study.results import SelectionResults
from multipliers.parameters import check_kind, check_path
from multipliers.whole_file import write_whole


def write_selection_report(
    results: SelectionResults, directory: str | Path, *, quiet: bool = True
) -> Path:
    """Write `report.html`, `assignment.json`, all tables as CSV and JSON and the plots.

    Equal results give equal files, byte for byte.

    Args:
        results: What a choice found out.
        directory: Made if absent; files of the same names are replaced.
        quiet: Show no progress bar.

    Returns:
        Path of the HTML page.

    Raises:
        OSError: If a file cannot be written.
    """
    check_kind("results", results, SelectionResults, advice="study_selection() finds some")
    directory = check_path("directory", directory)
    directory.mkdir(parents=True, exist_ok=True)
    results.assignment.save(directory / "assignment.json")
    write_tables(results.tables, directory)
    pictures = write_pictures(_plots(results), directory, quiet=quiet)
    page = directory / "report.html"
    write_whole(page, render_selection(results, pictures).encode())
    return page


def render_selection(results: SelectionResults, pictures: Mapping[str, Picture]) -> str:
    """Fill the template with the tables and pictures of a choice."""
    chosen = results.points[results.points["chosen"]].iloc[0]
    exact = _exact(results, chosen)
    return template("selection.html").render(
        summary=results.summary,
        provenance=results.provenance,
        tables={name: table.to_dict("records") for name, table in results.tables.items()},
        pictures=pictures,
        summary_rows=list(_summary_rows(results, exact, chosen)),
        folded=bool(chosen["folded"]),
        points=partial(_points_lost, exact),
    )


def _summary_rows(
    results: SelectionResults, exact: pd.Series, chosen: pd.Series
) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    yield "exact multipliers", exact.to_dict()
    uniform = results.points[(results.points["method"] == "uniform") & results.points["accepted"]]
    if not uniform.empty:
        best = uniform.iloc[0]
        yield f"best uniform: {best['label']}", best.to_dict()
    yield f"chosen: {chosen['label']}", chosen.to_dict()


def _exact(results: SelectionResults, chosen: pd.Series) -> pd.Series:
    """Return exact multipliers, folded or not as the choice, which makes no difference to them."""
    points = results.points[results.points["exact"]]
    return points.sort_values("folded", ascending=not chosen["folded"], kind="stable").iloc[0]


def _points_lost(exact: pd.Series, row: Mapping[Any, Any]) -> str:
    """Write how much more accurate an assignment is on the test split, in percentage points."""
    change = 100 * (row["test_accuracy"] - exact["test_accuracy"])
    return "n/a" if math.isnan(change) else f"{change:+.2f}".replace("-", "\N{MINUS SIGN}")


def _plots(results: SelectionResults) -> Iterator[Plot]:
    yield (
        "front",
        "Accuracy of the assignments against their energy, uniform ones beside the others",
        partial(plot_energy_front, results.points, chosen=results.chosen),
    )
    yield (
        "assignment",
        "The multiplier of each layer, and each layer's energy with exact and chosen multipliers",
        partial(plot_assignment, results.layers),
    )
