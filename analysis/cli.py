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
    _add_characterise(
        commands.add_parser("characterise", help="compare multipliers: error figures and cost")
    )
    _add_cosim(commands.add_parser("cosim", help="check a netlist in an RTL simulator"))
    _add_library(commands.add_parser("library", help="list or verify a checkout of EvoApproxLib"))
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
    _add_reading(command)


def _add_reading(command: argparse.ArgumentParser) -> None:
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


def _add_characterise(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Print the error figures of multipliers side by side, with the cost of those whose gates "
        "are known."
    )
    command.set_defaults(command="characterise_many")
    command.add_argument(
        "multipliers",
        metavar="FILE_OR_NAME",
        nargs="+",
        help="a file, or a name of the package's own library such as drum4 or mul8s_bam_h0_v8",
    )
    command.add_argument("--csv", metavar="FILE", type=Path, help="write the table as CSV too")
    command.add_argument(
        "--pareto", metavar="PNG", type=_png, help="draw error against relative energy"
    )


def _add_cosim(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Write stimulus, expected products and a self-checking Verilog test bench for a netlist, "
        "and run them with Icarus Verilog."
    )
    command.set_defaults(command="cosim")
    command.add_argument("netlist", metavar="NETLIST", type=Path, help="Verilog file")
    command.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="folder of the test bench"
    )
    command.add_argument(
        "--table",
        metavar="FILE",
        type=Path,
        help="multiplier whose products are expected (default: our simulation of the netlist)",
    )
    operands = command.add_mutually_exclusive_group()
    operands.add_argument(
        "--operands", metavar="FILE", type=Path, help="operand stream: .npz of OperandStream.save"
    )
    operands.add_argument(
        "--random",
        metavar="N",
        type=_positive,
        default=10_000,
        help="number of random operand pairs (default: 10000)",
    )
    command.add_argument(
        "--no-run", dest="run", action="store_false", help="write the files, run nothing"
    )
    _add_reading(command)


def _add_library(command: argparse.ArgumentParser) -> None:
    command.description = (
        "List the multipliers of a checkout of EvoApproxLib or evoapprox8b, or compare their "
        "published figures with those of the circuits."
    )
    command.set_defaults(command="library")
    command.add_argument("folder", metavar="DIR", type=Path, help="the checkout")
    command.add_argument("--verify", action="store_true", help="exit code 1 on a mismatch")
    command.add_argument("--quiet", action="store_true", help="show no progress bar")


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


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be at least 1, got '{text}'")
    return int(text)


def _png(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != ".png":
        raise argparse.ArgumentTypeError(f"the suffix must be .png, got '{path.suffix}'")
    return path


if __name__ == "__main__":
    sys.exit(main())
