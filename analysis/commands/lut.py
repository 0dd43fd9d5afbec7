"""`torchapprox lut`: a netlist into a characterised product table."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.commands.arguments import add_reading, png, reading
from analysis.commands.lines import aligned
from analysis.user_error import UserError, mendable
from multipliers.whole_file import write_whole

if TYPE_CHECKING:
    from multipliers import Multiplier

HELP = "turn a multiplier's file into a characterised product table"
DESCRIPTION = (
    "Simulate a multiplier's netlist for all operand pairs, or read its table, print its error "
    "figures and save its product table."
)
WORST_SHOWN = 3


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="netlist (.v .sv .blif .cgp .chr .aag .aig) or table (.npz .npy .csv .txt .bin .h)",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help="where to save the table: .npz .csv .txt .h, or .npy .bin for the table alone",
    )
    command.add_argument(
        "--output-order",
        choices=("xw", "wx"),
        help="operand whose code is the row of a .bin that is written, then the column's",
    )
    command.add_argument("--plot", metavar="PNG", type=png, help="draw the error map")
    command.add_argument(
        "--plots",
        metavar="DIR",
        type=Path,
        help="draw every plot of the multiplier, at the width of a paper's column",
    )
    add_reading(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Load a multiplier, describe it and save its table.

    Raises:
        UserError: If a file cannot be read, understood or written.
    """
    from analysis.plots.multiplier_plots import column_plots
    from analysis.plots.result_plots import plot_error_map
    from analysis.plots.style import PAPER, render_png
    from analysis.reports.tables import multiplier_table
    from multipliers import (
        characterise,
        likelier_signs,
        load,
        save,
        table_structure,
        worst_cases,
    )

    try:
        multiplier = mendable(lambda: load(arguments.file, **reading(arguments)))
    except UserError as error:
        if isinstance(error.__cause__, IsADirectoryError):
            raise UserError(
                f"{error}; 'torchapprox characterise {arguments.file}' compares all that are in it"
            ) from error
        if isinstance(error.__cause__, NotImplementedError):
            raise UserError(
                f"{error}; 'torchapprox characterise {arguments.file}' gives the figures of wider "
                "multipliers, of which there is no table"
            ) from error
        raise
    yield str(multiplier)
    table = multiplier_table(mendable(lambda: characterise(multiplier)))
    columns = zip(table["figure"], table["value"], table["meaning"], strict=True)
    yield from aligned([(figure, f"{value:.6g}", meaning) for figure, value, meaning in columns])
    structure = table_structure(multiplier)
    yield f"rank of the products {structure.product_rank}, of the errors {structure.error_rank}"
    yield f"products equal in both orders: {structure.symmetric_share:.1%}"
    yield from (f"worst: {case}" for case in worst_cases(multiplier, WORST_SHOWN))
    likelier = likelier_signs(multiplier)
    if likelier is not None:
        yield (
            f"are the signs right? as {likelier.x_port} x {likelier.w_port}, mae would be "
            f"{characterise(likelier).mae:.6g} (--signs {_letters(likelier)})"
        )
    mendable(lambda: save(multiplier, arguments.output, order=arguments.output_order))
    yield f"table: {arguments.output}"
    if arguments.plot is not None:
        picture = render_png(lambda: plot_error_map(multiplier))
        mendable(lambda: write_whole(arguments.plot, picture))
        yield f"error map: {arguments.plot}"
    if arguments.plots is not None:
        mendable(lambda: arguments.plots.mkdir(parents=True, exist_ok=True))
        for stem, plot in column_plots(multiplier).items():
            picture = render_png(plot, theme=PAPER)
            path = arguments.plots / f"{stem}.png"
            mendable(partial(write_whole, path, picture))
            yield f"plot: {path}"


def _letters(multiplier: Multiplier) -> str:
    return "".join("su"[not port.signed] for port in (multiplier.x_port, multiplier.w_port))
