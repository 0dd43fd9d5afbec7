"""`torchapprox characterise`: multipliers side by side."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from analysis.commands.arguments import png
from analysis.files import write_whole
from analysis.user_error import mendable

HELP = "compare multipliers: error figures and cost"
DESCRIPTION = (
    "Print the error figures of multipliers side by side, with the cost of those whose gates are "
    "known."
)
SHOWN_COLUMNS = (
    "name", "error_mean", "error_std", "mae", "wce", "mred", "error_rate",
    "live_gates", "area_unit_gates", "energy_unit_gates",
)  # fmt: skip
"""What the command prints; its CSV file has every column."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument(
        "multipliers",
        metavar="FILE_OR_NAME",
        nargs="+",
        help="a file, or a name of the package's own library such as drum4 or mul8s_bam_h0_v8",
    )
    command.add_argument("--csv", metavar="FILE", type=Path, help="write the table as CSV too")
    command.add_argument(
        "--pareto", metavar="PNG", type=png, help="draw error against relative energy"
    )


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Compare multipliers, from files or from the package's own library.

    Raises:
        UserError: If a file or name cannot be read, or a file cannot be written.
    """
    from analysis.multiplier_frame import comparison_frame
    from analysis.multiplier_plots import plot_pareto
    from analysis.named_multiplier import named_multiplier
    from analysis.style import render_png
    from multipliers import circuit_cost

    chosen = [mendable(partial(named_multiplier, text)) for text in arguments.multipliers]
    costs = {m.name: circuit_cost(gates) for m, gates in chosen if gates is not None}
    frame = mendable(lambda: comparison_frame([m for m, _ in chosen], costs=costs))
    shown = frame[[column for column in SHOWN_COLUMNS if column in frame]]
    yield from shown.to_string(index=False, float_format="{:.6g}".format, na_rep="-").splitlines()
    if arguments.csv is not None:
        mendable(lambda: write_whole(arguments.csv, frame.to_csv(index=False).encode()))
        yield f"table: {arguments.csv}"
    if arguments.pareto is not None:
        picture = mendable(lambda: render_png(lambda: plot_pareto(frame)))
        mendable(lambda: write_whole(arguments.pareto, picture))
        yield f"plot: {arguments.pareto}"
