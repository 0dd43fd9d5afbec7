"""The commands of the command line: generators of the lines that they print."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from analysis.cosim import run_icarus, write_cosim
from analysis.demo import load_multiplier, run_demo
from analysis.files import write_whole
from analysis.multiplier_frame import comparison_frame
from analysis.multiplier_plots import plot_pareto
from analysis.operand_stream import OperandStream
from analysis.plots import plot_error_map
from analysis.report import write_report
from analysis.style import render_png
from analysis.tables import multiplier_table
from analysis.user_error import UserError, mendable
from multipliers import (
    Multiplier,
    Netlist,
    characterise,
    circuit_cost,
    get,
    get_netlist,
    info,
    load,
    read_library,
    read_netlist,
    save,
)
from multipliers.formats.netlist_files import FLAT, HIERARCHICAL
from multipliers.library import verify

SHOWN_COLUMNS = (
    "name", "error_mean", "error_std", "mae", "wce", "mred", "error_rate",
    "live_gates", "area_unit_gates", "energy_unit_gates",
)  # fmt: skip
"""What `torchapprox characterise` prints; its CSV file has every column."""


def lut(arguments: argparse.Namespace) -> Iterator[str]:
    """Load a multiplier, describe it and save its table.

    Args:
        arguments: `file`, `signed`, `top`, `output` and `plot`.

    Yields:
        The lines to print.

    Raises:
        UserError: If a file cannot be read, understood or written.
    """
    multiplier = mendable(lambda: load(arguments.file, signed=arguments.signed, top=arguments.top))
    yield str(multiplier)
    table = multiplier_table(mendable(lambda: characterise(multiplier)))
    columns = zip(table["figure"], table["value"], table["meaning"], strict=True)
    yield from aligned([(figure, f"{value:.6g}", meaning) for figure, value, meaning in columns])
    mendable(lambda: save(multiplier, arguments.output))
    yield f"table: {arguments.output}"
    if arguments.plot is not None:
        picture = render_png(lambda: plot_error_map(multiplier))
        mendable(lambda: write_whole(arguments.plot, picture))
        yield f"error map: {arguments.plot}"


def demo(arguments: argparse.Namespace) -> Iterator[str]:
    """Run the demo and write its report.

    Args:
        arguments: `multiplier`, `output`, `seed` and `quiet`.

    Yields:
        The lines to print.

    Raises:
        UserError: If the multiplier does not load or does not fit, or the report cannot be written.
    """
    # The folder first: a minute of work must not be lost to a path that cannot be written.
    mendable(lambda: arguments.output.mkdir(parents=True, exist_ok=True))
    multiplier = mendable(lambda: load_multiplier(arguments.multiplier))
    yield str(multiplier)
    results = mendable(lambda: run_demo(multiplier, seed=arguments.seed, quiet=arguments.quiet))
    yield from aligned(
        [(row.stage, f"{100 * row.share:.1f} %", row.meaning) for row in results.accuracies]
    )
    page = mendable(lambda: write_report(results, arguments.output, quiet=arguments.quiet))
    yield f"report: {page}"


def cosim(arguments: argparse.Namespace) -> Iterator[str]:
    """Write a test bench for a netlist and run it.

    Args:
        arguments: `netlist`, `output`, `table`, `operands`, `random`, `run`, `signed` and `top`.

    Yields:
        The lines to print.

    Raises:
        UserError: If a file cannot be read or written, Icarus Verilog is missing or fails, or a
            product differs.
    """
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


def library(arguments: argparse.Namespace) -> Iterator[str]:
    """List or verify a library of multipliers.

    Args:
        arguments: `folder`, `verify` and `quiet`.

    Yields:
        The lines to print.

    Raises:
        UserError: If the folder cannot be read, or a published figure is not that of the circuit.
    """
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


def characterise_many(arguments: argparse.Namespace) -> Iterator[str]:
    """Compare multipliers, from files or from the package's own library.

    Args:
        arguments: `multipliers`, `csv` and `pareto`.

    Yields:
        The lines to print.

    Raises:
        UserError: If a file or name cannot be read, or a file cannot be written.
    """
    chosen = [mendable(partial(named_multiplier, text)) for text in arguments.multipliers]
    costs = {m.name: circuit_cost(gates) for m, gates in chosen if gates is not None}
    frame = mendable(lambda: comparison_frame([m for m, _ in chosen], costs=costs))
    shown = frame[[column for column in SHOWN_COLUMNS if column in frame]]
    yield from shown.to_string(index=False, float_format="{:.6g}".format, na_rep="-").splitlines()
    if arguments.csv is not None:
        mendable(lambda: write_whole(arguments.csv, frame.to_csv(index=False).encode()))
        yield f"table: {arguments.csv}"
    if arguments.pareto is not None:
        picture = mendable(lambda: render_png(lambda: plot_pareto(frame)))
        mendable(lambda: write_whole(arguments.pareto, picture))
        yield f"plot: {arguments.pareto}"


def named_multiplier(text: str) -> tuple[Multiplier, Netlist | None]:
    """Return a multiplier by the name of a file or of the package's own library, and its gates.

    Examples:
        >>> multiplier, netlist = named_multiplier("drum4")
        >>> multiplier.name, netlist
        ('mul8u_drum4', None)
    """
    path = Path(text)
    if path.suffix or path.exists():
        has_gates = path.suffix.lower() in HIERARCHICAL.keys() | FLAT.keys()
        return load(path), read_netlist(path) if has_gates else None
    return get(text), get_netlist(text) if info(text).has_netlist else None


def aligned(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """Lay out name, figure (aligned right) and remark in columns.

    Examples:
        >>> aligned([("mae", "12.5", "mean"), ("wce", "130", "worst")])
        ['mae  12.5  mean', 'wce   130  worst']
    """
    names, figures = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"{name:{names}}  {figure:>{figures}}  {remark}" for name, figure, remark in rows]
