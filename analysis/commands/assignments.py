"""What commands take to evaluate assignments: energies, and assignments that are given."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.selection import Assignment
    from multipliers import Multiplier


def add_energies(command: argparse.ArgumentParser) -> None:
    """Add where energies come from, and assignments to evaluate."""
    command.add_argument(
        "--energies",
        metavar="CSV",
        type=Path,
        help="columns multiplier and relative_energy: energy of a multiplication over an exact "
        "one's (default: unit gates and their switching activity)",
    )
    command.add_argument(
        "--on-operands",
        action="store_true",
        help="count the switching of netlists on each layer's own operands",
    )
    command.add_argument(
        "--assignment",
        metavar="JSON",
        type=Path,
        action="append",
        default=[],
        help="evaluate this assignment as well; may be given repeatedly",
    )


def given_assignments(
    paths: Iterable[Path], multipliers: Iterable[Multiplier]
) -> dict[str, Assignment]:
    """Read assignments, by the name of their file.

    Args:
        paths: What `Assignment.save` wrote.
        multipliers: Where the multipliers are looked up first, by name.

    Raises:
        LookupError: If there is no multiplier of a name.
        OSError: If a file cannot be read.
        ValueError: If one is no assignment, or a table is another one.
    """
    from analysis.selection import Assignment

    known = list(multipliers)
    return {str(path): Assignment.load(path, multipliers=known) for path in paths}


def check_layers(given: Mapping[str, Assignment], layers: Sequence[str]) -> None:
    """Refuse assignments that do not name all layers.

    Args:
        given: By the name of their file.
        layers: The model's.

    Raises:
        LookupError: If one lacks a layer.
    """
    for path, assignment in given.items():
        missing = [layer for layer in layers if layer not in assignment]
        if missing:
            raise LookupError(f"{path} must name every layer, lacks {', '.join(missing)}")
