"""`torchapprox library`: a checkout of EvoApproxLib, listed or verified."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from analysis.commands.arguments import add_quiet
from analysis.user_error import UserError, mendable

HELP = "list or verify a checkout of EvoApproxLib"
DESCRIPTION = (
    "List the multipliers of a checkout of EvoApproxLib or evoapprox8b, or compare their published "
    "figures with those of the circuits."
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument("folder", metavar="DIR", type=Path, help="the checkout")
    command.add_argument("--verify", action="store_true", help="exit code 1 on a mismatch")
    add_quiet(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """List or verify a library of multipliers.

    Raises:
        UserError: If the folder cannot be read, or a published figure is not that of the circuit.
    """
    from tqdm import tqdm

    from multipliers import read_library
    from multipliers.library import verify

    entries = mendable(lambda: read_library(arguments.folder))
    if not arguments.verify:
        yield from (f"{entry.key.version}  {entry.name}" for entry in entries)
        yield f"{len(entries)} multipliers"
        return
    verified = wrong = 0
    bar = tqdm(verify(entries), total=len(entries), unit="circuit", disable=arguments.quiet)
    for result in bar:
        verified += not result.skipped
        wrong += not result.ok
        if result.problem:
            yield f"{result.entry.name}  {result.problem}"
        for row in result.figures:
            mark = "ok" if row.ok else "WRONG"
            yield (
                f"{result.entry.name}  {row.figure:18}  published {row.published:<14.8g}  "
                f"computed {row.computed:<14.8g}  {mark}"
            )
    summary = f"{verified} of {len(entries)} multipliers verified, {wrong} with wrong figures"
    if wrong:
        raise UserError(summary)
    yield summary
