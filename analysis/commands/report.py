"""`torchapprox report`: a multiplier in a user's model, explained on one page."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from analysis.commands.arguments import add_quiet, add_reading, add_seed, add_workload, reading
from analysis.commands.written_report import add_report, written_report
from analysis.user_error import mendable

HELP = "explain what a multiplier does to a model, on one page"
DESCRIPTION = (
    "Convert a model, predict and measure the error of every layer, and write report.html with all "
    "tables as CSV and JSON and all plots as PNG and PDF beside it."
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument(
        "multiplier", metavar="MULTIPLIER", help="a file, or a name of the package's own library"
    )
    add_workload(command)
    add_report(command)
    add_reading(command)
    add_seed(command)
    add_quiet(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Study a multiplier in a model and write the report.

    Raises:
        UserError: If something cannot be loaded, does not fit, or cannot be written.
    """
    from analysis.characterisation.sources import Reading, source_multiplier
    from analysis.reports.model_study import study
    from analysis.reports.reproducible import single_threaded
    from analysis.workloads.workload import load_workload

    # The folder first: the work must not be lost to a path that cannot be written.
    mendable(lambda: arguments.output.mkdir(parents=True, exist_ok=True))
    stated = Reading(**reading(arguments))
    multiplier, netlist = mendable(lambda: source_multiplier(arguments.multiplier, reading=stated))
    yield str(multiplier)
    with single_threaded():
        workload = mendable(
            lambda: load_workload(
                arguments.model, loader=arguments.loader, seed=arguments.seed, quiet=arguments.quiet
            )
        )
        results = mendable(
            lambda: study(
                workload, multiplier, netlist=netlist, seed=arguments.seed, quiet=arguments.quiet
            )
        )
    yield from written_report(results, arguments)
