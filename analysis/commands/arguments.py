"""Arguments that several commands take, and what their words must look like."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

SIGNS = {"s": True, "u": False}


def add_reading(command: argparse.ArgumentParser) -> None:
    """Add what the caller may state about a multiplier's file; see `reading`."""
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
    sign.add_argument(
        "--signs",
        dest="signed",
        metavar="XW",
        type=signs,
        help="one letter per port, s or u: us is an unsigned activation and a signed weight",
    )
    command.add_argument("--top", metavar="NAME", help="top module of a netlist with several")
    command.add_argument(
        "--order",
        choices=("xw", "wx"),
        help="operand whose code is the row of a table that does not say so, then the column's: "
        "x the activation, w the weight",
    )
    command.add_argument(
        "--synthesise",
        action="store_true",
        help="turn behavioural Verilog into gates with Yosys first",
    )


def reading(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the caller states about a file, as `multipliers.load` takes it.

    Examples:
        >>> parser = argparse.ArgumentParser()
        >>> add_reading(parser)
        >>> reading(parser.parse_args(["--signs", "us"]))
        {'signed': (False, True), 'top': None, 'order': None, 'synthesise': False}
    """
    return {name: getattr(arguments, name) for name in ("signed", "top", "order", "synthesise")}


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


def add_workload(
    command: argparse.ArgumentParser, *, default: str | None = None, chooses: bool = False
) -> None:
    """Add the model and its data; see `analysis.workloads.workload.load_workload`.

    Args:
        command: Its parser.
        default: The model if none is named, which is an error if None.
        chooses: Whether the command chooses by some batches and measures on others.
    """
    batches = (
        "to choose by (validation) and to measure on (test)"
        if chooses
        else "to calibrate and trace by (training) and to measure on (test)"
    )
    command.add_argument(
        "--model",
        metavar="MODEL",
        required=default is None,
        default=default,
        help="CNN, ViT or LSTM: a small network, trained on handwritten digits now; or "
        "FILE.py:FUNCTION or MODULE:FUNCTION, a function that returns a model, batches to "
        "calibrate with and batches to measure on (inputs, or inputs and class labels), or with "
        "--loader a model alone" + ("" if default is None else f" (default: {default})"),
    )
    command.add_argument(
        "--loader",
        metavar="LOADER",
        help="FILE.py:FUNCTION or MODULE:FUNCTION, a function that returns the batches of your own "
        f"model, pairs of inputs and class labels: {batches}, such as two DataLoaders",
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


def signs(text: str) -> tuple[bool, bool]:
    """Read the signedness of both ports.

    Examples:
        >>> signs("us")
        (False, True)
    """
    if len(text) != 2 or not set(text) <= set(SIGNS):
        raise argparse.ArgumentTypeError(f"must be ss, su, us or uu, got '{text}'")
    return SIGNS[text[0]], SIGNS[text[1]]


def positive(text: str) -> int:
    """Read a number of at least 1.

    Examples:
        >>> positive("7")
        7
    """
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be at least 1, got '{text}'")
    return int(text)


def percentage_points(text: str) -> float:
    """Read percentage points, 0..100.

    Examples:
        >>> percentage_points("0.5")
        0.5
    """
    return _number(text, 100)


def fraction(text: str) -> float:
    """Read a fraction, 0..1.

    Examples:
        >>> fraction("0.25")
        0.25
    """
    return _number(text, 1)


def _number(text: str, most: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= most:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {most}, got '{text}'")
    return value


def picture(text: str) -> Path:
    """Read the name of a PNG or PDF file.

    Examples:
        >>> picture("models.pdf").name
        'models.pdf'
    """
    path = Path(text)
    if path.suffix.lower() not in (".png", ".pdf"):
        raise argparse.ArgumentTypeError(f"the suffix must be .png or .pdf, got '{path.suffix}'")
    return path


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
