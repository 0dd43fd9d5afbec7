"""`torchapprox lut`: a netlist into a characterised product table."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from analysis.commands.arguments import add_reading, png
from analysis.commands.lines import aligned
from analysis.files import write_whole
from analysis.user_error import mendable

HELP = "turn a netlist into a characterised product table"
DESCRIPTION = (
    "Simulate a multiplier's netlist for all operand pairs, print its error figures and save its "
    "product table."
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument("file", metavar="FILE", type=Path, help="multiplier: .v, .npz or .npy")
    command.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help="where to save the table: .npz, or .npy for the table alone",
    )
    command.add_argument("--plot", metavar="PNG", type=png, help="draw the error map")
    add_reading(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Load a multiplier, describe it and save its table.

    Raises:
        UserError: If a file cannot be read, understood or written.
    """
    from analysis.plots import plot_error_map
    from analysis.style import render_png
    from analysis.tables import multiplier_table
    from multipliers import characterise, load, save

    multiplier = mendable(lambda: load(arguments.file, signed=arguments.signed, top=arguments.top))
    yield str(multiplier)
    table = multiplier_table(mendable(lambda: characterise(multiplier)))
    columns = zip(table["figure"], table["value"], table["meaning"], strict=True)
    yield from aligned([(figure, f"{value:.6g}", meaning) for figure, value, meaning in columns])
    mendable(lambda: save(multiplier, arguments.output))
    yield f"table: {arguments.output}"
    if arguments.plot is not None:
        picture = render_png(lambda: plot_error_map(multiplier))
        mendable(lambda: write_whole(arguments.plot, picture))
        yield f"error map: {arguments.plot}"
