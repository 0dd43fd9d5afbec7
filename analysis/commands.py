"""The commands of the command line: generators of the lines that they print."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from analysis.demo import load_multiplier, run_demo
from analysis.files import write_whole
from analysis.plots import plot_error_map
from analysis.report import write_report
from analysis.style import render_png
from analysis.tables import multiplier_table
from analysis.user_error import mendable
from multipliers import characterise, load, save


def lut(arguments: argparse.Namespace) -> Iterator[str]:
    """Load a multiplier, describe it and save its table.

    Args:
        arguments: `file`, `signed`, `top`, `output` and `plot`.

    Yields:
        The lines to print.

    Raises:
        UserError: If a file cannot be read, understood or written.
    """
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


def demo(arguments: argparse.Namespace) -> Iterator[str]:
    """Run the demo and write its report.

    Args:
        arguments: `multiplier`, `output`, `seed` and `quiet`.

    Yields:
        The lines to print.

    Raises:
        UserError: If the multiplier does not load or does not fit, or the report cannot be written.
    """
    # The folder first: a minute of work must not be lost to a path that cannot be written.
    mendable(lambda: arguments.output.mkdir(parents=True, exist_ok=True))
    multiplier = mendable(lambda: load_multiplier(arguments.multiplier))
    yield str(multiplier)
    results = mendable(lambda: run_demo(multiplier, seed=arguments.seed, quiet=arguments.quiet))
    yield from aligned(
        [(row.stage, f"{100 * row.share:.1f} %", row.meaning) for row in results.accuracies]
    )
    page = mendable(lambda: write_report(results, arguments.output, quiet=arguments.quiet))
    yield f"report: {page}"


def aligned(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """Lay out name, figure (aligned right) and remark in columns.

    Examples:
        >>> aligned([("mae", "12.5", "mean"), ("wce", "130", "worst")])
        ['mae  12.5  mean', 'wce   130  worst']
    """
    names, figures = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"{name:{names}}  {figure:>{figures}}  {remark}" for name, figure, remark in rows]
