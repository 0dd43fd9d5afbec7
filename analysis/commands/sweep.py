"""`torchapprox sweep`: the accuracy of a model on many assignments of multipliers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.commands.arguments import (
    add_quiet,
    add_reading,
    add_seed,
    add_workload,
    reading,
)
from analysis.commands.assignments import add_energies
from analysis.commands.executor import add_executor, chosen_executor
from analysis.user_error import UserError, mendable

if TYPE_CHECKING:
    from analysis.selection import Assignment, Energies

HELP = "evaluate a model on many multipliers, layer by layer, on several workers"
DESCRIPTION = (
    "Evaluate a model with each multiplier in all layers, and in each layer alone with exact ones "
    "in the others. Results are stored as they arrive; the same command resumes a sweep that was "
    "interrupted."
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument(
        "multipliers",
        metavar="MULTIPLIER",
        nargs="*",
        help="a file, a folder of netlists and .npz tables, or a library name; all with the same "
        "ports (default: the package's own signed 8-bit ones with a netlist)",
    )
    add_workload(command, default="CNN")
    command.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("sweep"),
        help="folder of the model, the results and sweep.csv (default: sweep)",
    )
    command.add_argument(
        "--uniform", action="store_true", help="only each multiplier in all layers"
    )
    add_energies(command)
    command.add_argument("--fold", action="store_true", help="fold mean errors into the biases")
    add_executor(command)
    add_reading(command)
    add_seed(command)
    add_quiet(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Sweep and write the table.

    Raises:
        UserError: If something cannot be loaded, does not fit, cannot be written or has failed.
    """
    from analysis.characterisation.sources import Reading
    from analysis.commands.assignments import check_layers, given_assignments
    from analysis.selection.study.source_energies import (
        named_sources,
        read_energies,
        workload_energies,
    )
    from analysis.sweeps import (
        ResultsStore,
        SweepError,
        evaluation_context,
        layer_assignments,
        prepare_workload,
        sweep,
        worker_evaluator,
    )
    from multipliers.whole_file import write_whole

    mendable(lambda: arguments.output.mkdir(parents=True, exist_ok=True))
    sources = mendable(
        lambda: named_sources(arguments.multipliers, reading=Reading(**reading(arguments)))
    )
    multipliers = [multiplier for multiplier, _ in sources.values()]
    stated = mendable(lambda: read_energies(arguments.energies)) if arguments.energies else {}
    given = mendable(lambda: given_assignments(arguments.assignment, multipliers))
    prepared = mendable(
        lambda: prepare_workload(
            arguments.output / "model",
            arguments.model,
            multipliers[0],
            loader=arguments.loader,
            seed=arguments.seed,
            quiet=arguments.quiet,
        )
    )
    assignments = mendable(
        lambda: layer_assignments(
            prepared.workload.model, multipliers, uniform_only=arguments.uniform
        )
    )
    layers = tuple(next(iter(assignments.values())))
    mendable(lambda: check_layers(given, layers))
    assignments |= given
    store = mendable(lambda: ResultsStore(arguments.output / "results.jsonl"))
    used = {m.name: m for one in assignments.values() for m in one.distinct}
    evaluate = mendable(lambda: worker_evaluator(prepared, used.values(), fold=arguments.fold))
    yield f"{len(assignments)} assignments, {len(store)} results stored"
    executor, in_flight = mendable(lambda: chosen_executor(arguments.workers, arguments.dask))
    try:
        frame = sweep(
            evaluate,
            assignments,
            store=store,
            context=evaluation_context(prepared, fold=arguments.fold),
            executor=executor,
            in_flight=in_flight,
            quiet=arguments.quiet,
        )
    except SweepError as error:
        raise UserError(str(error)) from error
    known = {name: pair for name, pair in sources.items() if pair[1] is not None or name in stated}
    energies = mendable(
        lambda: workload_energies(
            known, prepared.workload, stated=stated, on_operands=arguments.on_operands
        )
    )
    frame.insert(1, "relative_energy", _energies(assignments, energies, prepared.macs()))
    table = arguments.output / "sweep.csv"
    mendable(lambda: write_whole(table, frame.to_csv(index=False).encode()))
    shown = frame.drop(columns="assignment_sha256").sort_values("loss")
    yield from shown.to_string(index=False, float_format="{:.4f}".format).splitlines()
    yield f"table: {table}"


def _energies(
    assignments: Mapping[str, Assignment], energies: Energies, macs: Mapping[str, int]
) -> list[float]:
    """Return the relative energy of each assignment; NaN where a multiplier's is not known."""
    from analysis.selection.study.study import with_exact_energy

    energies = with_exact_energy(energies, "exact")
    return [
        one.relative_energy(energies, macs)
        if all(multiplier.name in energies for multiplier in one.distinct)
        else float("nan")
        for one in assignments.values()
    ]
