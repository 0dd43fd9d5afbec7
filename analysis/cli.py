"""The command line: `torchapprox lut` and `torchapprox demo`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from analysis.user_error import UserError
from analysis.version import package_version


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words after the program's name; those of the process if None.

    Returns:
        0 if all went well, 1 after an error that one line on stderr describes, 130 after an
        interrupt from the keyboard.

    Raises:
        SystemExit: With code 2 for a wrong use, with code 0 after `--help` and `--version`.

    Examples:
        >>> main(["lut", "absent.v", "-o", "absent.npz"])
        1
    """
    parsed = parser().parse_args(arguments)
    # Only now, so that `--help` does not wait for torch.
    commands = import_module("analysis.commands")
    try:
        for line in getattr(commands, parsed.command)(parsed):
            print(line)
    except UserError as error:
        print(f"torchapprox: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """Build the parser; `command` names a function of `analysis.commands`."""
    top = argparse.ArgumentParser(
        prog="torchapprox",
        description="Run, explain and retrain networks on approximate hardware multipliers.",
    )
    top.add_argument("--version", action="version", version=f"torchapprox {package_version()}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    _add_lut(commands.add_parser("lut", help="turn a netlist into a characterised product table"))
    _add_demo(commands.add_parser("demo", help="run a multiplier through a real network"))
    return top


def _add_lut(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Simulate a multiplier's netlist for all operand pairs, print its error figures and save "
        "its product table."
    )
    command.set_defaults(command="lut")
    command.add_argument("file", metavar="FILE", type=Path, help="multiplier: .v, .npz or .npy")
    command.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help="where to save the table: .npz, or .npy for the table alone",
    )
    command.add_argument("--plot", metavar="PNG", type=_png, help="draw the error map")
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


def _add_demo(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Train a small network on handwritten digits, run it on an approximate multiplier, "
        "compare predicted with measured errors, retrain, and write a report."
    )
    command.set_defaults(command="demo")
    command.add_argument(
        "--multiplier",
        metavar="FILE",
        type=Path,
        help="multiplier: .v, .npz or .npy (default: one that ships with the package)",
    )
    command.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("report"),
        help="folder of the report (default: report)",
    )
    command.add_argument(
        "--seed",
        metavar="N",
        type=_seed,
        default=0,
        help="equal seeds give equal results (default: 0)",
    )
    command.add_argument("--quiet", action="store_true", help="show no progress bars")


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"must be 0..{2**31 - 1}, got '{text}'")
    return int(text)


def _png(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != ".png":
        raise argparse.ArgumentTypeError(f"the suffix must be .png, got '{path.suffix}'")
    return path


if __name__ == "__main__":
    sys.exit(main())
