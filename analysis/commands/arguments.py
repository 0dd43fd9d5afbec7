"""Arguments that several commands take, and what their words must look like."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_reading(command: argparse.ArgumentParser) -> None:
    """Add what the caller may state about a file: signedness and top module."""
    sign = command.add_mutually_exclusive_group()
    sign.add_argument(
        "--signed",
        action="store_true",
        default=None,
        help="both ports are in two's complement (default: as the file or its name says)",
    )
    sign.add_argument(
        "--unsigned", dest="signed", action="store_false", help="both ports are unsigned"
    )
    command.add_argument("--top", metavar="NAME", help="top module of a netlist with several")


def add_quiet(command: argparse.ArgumentParser) -> None:
    """Add the switch that hides progress bars."""
    command.add_argument("--quiet", action="store_true", help="show no progress bars")


def add_seed(command: argparse.ArgumentParser) -> None:
    """Add the seed of everything random."""
    command.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        default=0,
        help="equal seeds give equal results (default: 0)",
    )


def seed(text: str) -> int:
    """Read a seed, 0..2^31 - 1.

    Examples:
        >>> seed("7")
        7
    """
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"must be 0..{2**31 - 1}, got '{text}'")
    return int(text)


def positive(text: str) -> int:
    """Read a number of at least 1.

    Examples:
        >>> positive("7")
        7
    """
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be at least 1, got '{text}'")
    return int(text)


def png(text: str) -> Path:
    """Read the name of a PNG file.

    Examples:
        >>> png("error.png").name
        'error.png'
    """
    path = Path(text)
    if path.suffix.lower() != ".png":
        raise argparse.ArgumentTypeError(f"the suffix must be .png, got '{path.suffix}'")
    return path
