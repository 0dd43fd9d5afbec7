"""`torchapprox characterise`: multipliers side by side."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

from analysis.commands.arguments import add_quiet, add_reading, add_seed, positive, reading
from analysis.commands.comparison import add_comparison, cell_table, show_comparison
from analysis.user_error import UserError, mendable

HELP = "compare multipliers: error figures and cost"
DESCRIPTION = (
    "Print the error figures of multipliers side by side, with the cost of those whose gates are "
    "known. Operands of up to 8 bits are all tried, wider ones up to 24 bits together; above that "
    "a random sample is drawn, and standard errors are given."
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument(
        "multipliers",
        metavar="MULTIPLIER",
        nargs="+",
        help="a file, a folder of netlists and .npz tables, or a name of the package's own "
        "library such as drum4 or mul8s_bam_h0_v8",
    )
    command.add_argument(
        "--operands",
        metavar="NPZ",
        type=Path,
        help="operand stream of a layer, of OperandStream.save: weighs the errors, and gives the "
        "energy of these operands in their order",
    )
    command.add_argument(
        "--mred",
        choices=("skip-zero", "max-one", "zero-counts"),
        default="skip-zero",
        help="what the mean relative error does where the exact product is 0 (default: skip-zero)",
    )
    command.add_argument(
        "--samples",
        metavar="N",
        type=positive,
        help="random operand pairs for ports wider than 8 bits (default: all up to 24 bits "
        "together, else 2^22)",
    )
    add_reading(command)
    add_comparison(command)
    add_seed(command)
    add_quiet(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Compare multipliers, from files or from the package's own library.

    Raises:
        UserError: If a file or name cannot be read, or a file cannot be written; after the table of
            the others.
    """
    from tqdm import tqdm

    from analysis.characterisation.data_sheet import Conditions
    from analysis.characterisation.sources import Reading, expand_sources, source_sheet
    from analysis.cosimulation.operand_stream import OperandStream
    from analysis.progress import hidden

    stream = None
    if arguments.operands is not None:
        stream = mendable(lambda: OperandStream.load(arguments.operands))
    conditions = Conditions(
        mred=arguments.mred,
        stream=stream,
        cells=cell_table(arguments),
        samples=arguments.samples,
        seed=arguments.seed,
    )
    sources = mendable(lambda: expand_sources(arguments.multipliers))
    stated = Reading(**reading(arguments))
    sheets, problems = [], []
    silent = hidden(arguments.quiet or len(sources) == 1)
    for source in tqdm(sources, unit="multiplier", disable=silent):
        with pair_bar(quiet=arguments.quiet) as progress:
            step = partial(
                source_sheet, source, reading=stated, conditions=conditions, progress=progress
            )
            try:
                sheets.append(mendable(step))
            except UserError as error:
                problems.append(error)
    if problems and not sheets:
        raise problems[0]
    yield from show_comparison(sheets, arguments)
    if problems:
        yield from map(str, problems)
        raise UserError(f"{len(problems)} of {len(sources)} multipliers are left out")


@contextmanager
def pair_bar(*, quiet: bool) -> Iterator[Callable[[int, int], object]]:
    """Yield what shows how many operand pairs are done, once there are any to report."""
    from tqdm import tqdm

    from analysis.progress import hidden

    bar: tqdm[NoReturn] = tqdm(
        unit="pair", unit_scale=True, leave=False, disable=hidden(quiet), delay=1
    )

    def progress(done: int, pairs: int) -> None:
        bar.total = pairs
        bar.update(done - bar.n)

    with bar:
        yield progress
