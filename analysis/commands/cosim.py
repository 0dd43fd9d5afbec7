"""`torchapprox cosim`: a netlist in an RTL simulator."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from analysis.commands.arguments import add_reading, add_seed, positive, reading
from analysis.user_error import UserError, mendable
from multipliers.wording import counted

HELP = "check a netlist in an RTL simulator"
DESCRIPTION = (
    "Write stimulus, expected products and a self-checking Verilog test bench for a netlist, and "
    "run them with Icarus Verilog."
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument("netlist", metavar="NETLIST", type=Path, help="Verilog file, .v or .sv")
    command.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="folder of the test bench"
    )
    command.add_argument(
        "--table",
        metavar="FILE",
        type=Path,
        help="multiplier whose products are expected; signedness and --order are then the "
        "table's (default: our simulation of the netlist)",
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
    add_seed(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Write a test bench for a netlist and run it.

    Raises:
        UserError: If a file cannot be read or written, Icarus Verilog is missing or fails, or a
            product differs.
    """
    import numpy as np

    from analysis.cosimulation.cosim import run_icarus, write_cosim
    from analysis.cosimulation.operand_stream import OperandStream
    from multipliers import load

    stated = reading(arguments)
    if arguments.table is None:
        multiplier = mendable(lambda: load(arguments.netlist, **stated))
    else:
        of_table = {"signed": stated["signed"], "order": stated["order"]}
        multiplier = mendable(lambda: load(arguments.table, **of_table))
    if arguments.operands is None:
        generator = np.random.default_rng(arguments.seed)
        stream = OperandStream(
            *(generator.choice(codes, arguments.random) for codes in multiplier.valid)
        )
    else:
        stream = mendable(lambda: OperandStream.load(arguments.operands))
    bench = mendable(
        lambda: write_cosim(
            arguments.netlist,
            multiplier,
            stream,
            arguments.output,
            top=arguments.top,
            synthesise=arguments.synthesise,
        )
    )
    yield f"test bench: {bench}"
    if not arguments.run:
        return
    result = mendable(lambda: run_icarus(bench, arguments.netlist))
    yield from map(str, result.examples)
    mismatches = counted(result.mismatches, "mismatch", "mismatches")
    summary = f"{counted(result.checked, 'product')} checked, {mismatches}"
    if result.mismatches:
        raise UserError(summary)
    yield summary
