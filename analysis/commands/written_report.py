"""How commands end that explain a multiplier in a network: accuracies, and the report's files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.commands.lines import aligned
from analysis.user_error import mendable

if TYPE_CHECKING:
    from analysis.reports import Results


def add_report(command: argparse.ArgumentParser) -> None:
    """Add the folder of the report."""
    command.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("report"),
        help="folder of the report (default: report)",
    )


def written_report(results: Results, arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the accuracies, write the report and yield its path.

    Raises:
        UserError: If a file cannot be written.
    """
    from analysis.reports.report import write_report

    results = results.with_provenance({"command line": arguments.command_line})
    yield from aligned(
        [(row.stage, f"{100 * row.share:.1f} %", row.meaning) for row in results.accuracies]
    )
    page = mendable(lambda: write_report(results, arguments.output, quiet=arguments.quiet))
    yield f"report: {page}"
