"""What commands that compare multipliers share: cell table, columns, CSV file and Pareto plot."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.commands.arguments import png
from analysis.user_error import mendable
from multipliers.whole_file import write_whole

if TYPE_CHECKING:
    import pandas as pd

    from analysis.characterisation.data_sheet import DataSheet
    from multipliers import CellTable

SHOWN_COLUMNS = (
    "name", "error_mean", "error_std", "mae", "mae_standard_error", "wce", "mred", "error_rate",
    "live_gates", "area_unit_gates", "energy_unit_gates", "cell_energy", "energy_on_operands",
)  # fmt: skip
"""What is printed; the CSV file has every column."""


def add_comparison(command: argparse.ArgumentParser) -> None:
    """Add the arguments of a comparison."""
    command.add_argument(
        "--cells",
        metavar="CSV",
        type=Path,
        help="your own cell table, with the columns cell, area and energy, beside the unit gates",
    )
    command.add_argument("--csv", metavar="FILE", type=Path, help="write the table as CSV too")
    command.add_argument(
        "--pareto", metavar="PNG", type=png, help="draw error against cost, with the Pareto front"
    )
    command.add_argument(
        "--error", metavar="COLUMN", default="mae", help="error of the Pareto front (default: mae)"
    )
    command.add_argument(
        "--cost",
        metavar="COLUMN",
        default="energy_unit_gates",
        help="cost of the Pareto front (default: energy_unit_gates)",
    )


def cell_table(arguments: argparse.Namespace) -> CellTable | None:
    """Read the user's cell table, if there is one.

    Raises:
        UserError: If it cannot be read.
    """
    from multipliers import read_cells

    return None if arguments.cells is None else mendable(lambda: read_cells(arguments.cells))


def show_comparison(sheets: Sequence[DataSheet], arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of the comparison and write its files.

    Raises:
        UserError: If there is no such column, or a file cannot be written.
    """
    import pandas as pd

    from analysis.characterisation.multiplier_frame import comparison_frame
    from analysis.plots.pareto_plot import plot_pareto
    from analysis.plots.style import PAPER, render_png

    frame = comparison_frame(sheets)
    shown = frame[[column for column in SHOWN_COLUMNS if column in frame]]
    if frame.get("power_unit", pd.Series(dtype=str)).str.contains("published").any():
        shown = shown.join(frame[["power", "power_unit"]])
    yield from shown.to_string(index=False, float_format="{:.6g}".format, na_rep="-").splitlines()
    if arguments.csv is not None:
        mendable(lambda: write_whole(arguments.csv, frame.to_csv(index=False).encode()))
        yield f"table: {arguments.csv}"
    if arguments.pareto is not None:
        comparable, others = _of_one_unit(frame, arguments.cost)
        picture = mendable(
            lambda: render_png(
                lambda: plot_pareto(comparable, error=arguments.error, cost=arguments.cost),
                theme=PAPER,
            )
        )
        mendable(lambda: write_whole(arguments.pareto, picture))
        yield f"plot: {arguments.pareto}"
        if others:
            yield f"not in the plot, as no {arguments.cost} is published: {', '.join(others)}"


def _of_one_unit(frame: pd.DataFrame, cost: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of published cost, where there are such, and the names of the others."""
    unit = frame.get(f"{cost}_unit")
    if unit is None or unit.nunique() < 2:
        return frame, []
    published = unit.str.contains("published", na=False)
    return frame[published], frame.loc[~published, "name"].tolist()
