"""`torchapprox library`: a checkout of EvoApproxLib or the package's own, listed or more."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.commands.arguments import add_quiet
from analysis.commands.comparison import add_comparison, cell_table, show_comparison
from analysis.user_error import UserError, mendable
from multipliers.wording import counted

if TYPE_CHECKING:
    from analysis.characterisation.data_sheet import DataSheet
    from multipliers import Library
    from multipliers.library import Verification

HELP = "list the package's own multipliers; list, compare or verify a checkout of EvoApproxLib"
DESCRIPTION = (
    "List the 8-bit multipliers that the package itself has, by the names that other commands "
    "take. With DIR, list those of a checkout of EvoApproxLib or evoapprox8b; with --csv or "
    "--pareto compare them, at their published cost; with --verify compare their published figures "
    "with those of the circuits."
)
_FEWEST_RANKED = 3
_ROW = "{:20}  {:18}  {:>14}  {:>14}  {}"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument("folder", metavar="DIR", type=Path, nargs="?", help="the checkout")
    command.add_argument(
        "--verify",
        action="store_true",
        help="print published beside computed figures; exit code 1 if one is not the circuit's",
    )
    command.add_argument(
        "--widest",
        metavar="BITS",
        type=int,
        choices=range(8, 13),
        default=8,
        help="widest operand that is verified, 8 to 12 bits (default: 8; 12 take seconds each)",
    )
    command.add_argument(
        "--library-version",
        metavar="VERSION",
        help="v1 or v2022 of EvoApproxLib, which no file in it states (default: as the folder's "
        "name says)",
    )
    add_comparison(command)
    add_quiet(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """List, compare or verify a library of multipliers.

    Raises:
        UserError: If the folder cannot be read, or a published figure is not that of the circuit.
    """
    from multipliers import read_library

    if arguments.folder is None:
        yield from _own(arguments)
        return
    library = mendable(lambda: read_library(arguments.folder, version=arguments.library_version))
    if arguments.verify:
        yield from _verify(library, arguments)
    elif arguments.csv is not None or arguments.pareto is not None:
        yield from _compare(library, arguments)
    else:
        yield from (f"{entry.key.version}  {entry.name}" for entry in library)
        yield counted(len(library), "multiplier")


def _own(arguments: argparse.Namespace) -> Iterator[str]:
    from multipliers import info, names

    if arguments.verify or arguments.csv is not None or arguments.pareto is not None:
        raise UserError(
            "--verify, --csv and --pareto need the folder of a checkout; for the package's own "
            "multipliers there is torchapprox characterise"
        )
    yield from (str(info(name)) for name in names())
    yield (
        f"{len(names())} multipliers; torchapprox characterise NAME gives the figures of one, "
        "docs/families.md in the source their definitions"
    )


def _verify(library: Library, arguments: argparse.Namespace) -> Iterator[str]:
    from tqdm import tqdm

    from analysis.progress import hidden
    from multipliers.library import verify

    verified = wrong = 0
    yield _ROW.format("multiplier", "figure", "published", "computed", "")
    for result in tqdm(
        verify(library, widest=arguments.widest),
        total=len(library),
        unit="multiplier",
        disable=hidden(arguments.quiet),
    ):
        verified += not result.skipped
        wrong += not result.ok
        with tqdm.external_write_mode():
            yield from _verification_lines(result)
    summary = f"{verified} of {len(library)} multipliers verified, {wrong} with wrong figures"
    if wrong:
        raise UserError(summary)
    yield summary


def _verification_lines(result: Verification) -> Iterator[str]:
    if result.problem:
        yield f"{result.entry.name}  {result.problem}"
    for row in result.figures:
        published, computed = f"{row.published:.8g}", f"{row.computed:.8g}"
        mark = "ok" if row.ok else "WRONG"
        yield _ROW.format(result.entry.name, row.figure, published, computed, mark)


def _rank_correlation(sheets: Sequence[DataSheet]) -> Iterator[str]:
    """Say how well the relative energy ranks the circuits whose power is published."""
    from scipy.stats import spearmanr

    costs = [sheet.cost for sheet in sheets if sheet.cost is not None]
    pairs = [
        (cost.energy_unit_gates, cost.published_power_mw)
        for cost in costs
        if cost.published_power_mw is not None
    ]
    if len(set(pairs)) >= _FEWEST_RANKED:
        energies, powers = zip(*pairs, strict=True)
        correlation = spearmanr(energies, powers).statistic
        yield (
            f"rank correlation of relative energy and published power: {correlation:.3f} "
            f"(Spearman, {len(pairs)} multipliers)"
        )


def _compare(library: Library, arguments: argparse.Namespace) -> Iterator[str]:
    from tqdm import tqdm

    from analysis.characterisation.data_sheet import Conditions, data_sheet
    from analysis.progress import hidden

    cells = cell_table(arguments)
    sheets, problems = [], []
    for entry in tqdm(library, unit="multiplier", disable=hidden(arguments.quiet)):
        conditions = Conditions(mred=entry.figures.mred_convention, cells=cells)
        try:
            sheets.append(
                data_sheet(
                    entry.read(),
                    signed=entry.signed,
                    published=entry.figures,
                    conditions=conditions,
                )
            )
        except (LookupError, NotImplementedError, OSError, ValueError) as error:
            problems.append(f"{entry.name}  {error}")
    if sheets:
        yield from show_comparison(sheets, arguments)
        yield from _rank_correlation(sheets)
    yield from problems
    if problems:
        raise UserError(f"{len(problems)} of {len(library)} multipliers are left out")
