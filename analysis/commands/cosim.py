"""`torchapprox cosim`: a netlist in an RTL simulator."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from analysis.commands.arguments import add_reading, positive
from analysis.user_error import UserError, mendable

HELP = "check a netlist in an RTL simulator"
DESCRIPTION = (
    "Write stimulus, expected products and a self-checking Verilog test bench for a netlist, and "
    "run them with Icarus Verilog."
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
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
        type=positive,
        default=10_000,
        help="number of random operand pairs (default: 10000)",
    )
    command.add_argument(
        "--no-run", dest="run", action="store_false", help="write the files, run nothing"
    )
    add_reading(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Write a test bench for a netlist and run it.

    Raises:
        UserError: If a file cannot be read or written, Icarus Verilog is missing or fails, or a
            product differs.
    """
    import numpy as np

    from analysis.cosim import run_icarus, write_cosim
    from analysis.operand_stream import OperandStream
    from multipliers import load

    reading = {"signed": arguments.signed, "top": arguments.top}
    if arguments.table is None:
        multiplier = mendable(lambda: load(arguments.netlist, **reading))
    else:
        multiplier = mendable(lambda: load(arguments.table))
    if arguments.operands is None:
        codes = np.random.default_rng(0).integers(0, 256, (2, arguments.random), dtype=np.uint8)
        stream = OperandStream(*codes)
    else:
        stream = mendable(lambda: OperandStream.load(arguments.operands))
    bench = mendable(
        lambda: write_cosim(
            arguments.netlist, multiplier, stream, arguments.output, top=arguments.top
        )
    )
    yield f"test bench: {bench}"
    if not arguments.run:
        return
    result = mendable(lambda: run_icarus(bench, arguments.netlist))
    yield from map(str, result.examples)
    summary = f"{result.checked} products checked, {result.mismatches} mismatches"
    if result.mismatches:
        raise UserError(summary)
    yield summary
