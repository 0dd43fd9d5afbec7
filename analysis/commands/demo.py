"""`torchapprox demo`: a multiplier in a real network, explained."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from analysis.commands.arguments import add_quiet, add_reading, add_seed, reading
from analysis.commands.written_report import add_report, written_report
from analysis.user_error import mendable

HELP = "run a multiplier through a real network"
DESCRIPTION = (
    "Train a small network on handwritten digits, run it on an approximate multiplier, compare "
    "predicted with measured errors, retrain, and write a report."
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument(
        "--multiplier",
        metavar="FILE",
        type=Path,
        help="multiplier: a netlist or a table (default: one that ships with the package)",
    )
    add_reading(command)
    add_report(command)
    add_seed(command)
    add_quiet(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Run the demo and write its report.

    Raises:
        UserError: If the multiplier does not load or does not fit, or the report cannot be written.
    """
    from analysis.characterisation.sources import Reading, file_multiplier
    from analysis.reports.demo import run_demo
    from multipliers import demo_netlist

    # The folder first: a minute of work must not be lost to a path that cannot be written.
    mendable(lambda: arguments.output.mkdir(parents=True, exist_ok=True))
    stated = Reading(**reading(arguments))
    path = arguments.multiplier or demo_netlist()
    multiplier, gates = mendable(lambda: file_multiplier(path, reading=stated))
    yield str(multiplier)
    results = mendable(
        lambda: run_demo(multiplier, netlist=gates, seed=arguments.seed, quiet=arguments.quiet)
    )
    yield from written_report(results, arguments)
