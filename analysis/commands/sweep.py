"""`torchapprox sweep`: the accuracy of a model on many assignments of multipliers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from analysis.commands.evaluation import add_candidates, add_evaluation, read_evaluation
from analysis.commands.executor import chosen_executor
from analysis.user_error import UserError, mendable
from multipliers.wording import counted

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
    add_candidates(command)
    command.add_argument(
        "--uniform", action="store_true", help="only each multiplier in all layers"
    )
    command.add_argument("--fold", action="store_true", help="fold mean errors into the biases")
    add_evaluation(command, folder="sweep", holds="sweep.csv")


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Sweep and write the table.

    Raises:
        UserError: If something cannot be loaded, does not fit, cannot be written or has failed.
    """
    from analysis.commands.assignments import check_layers
    from analysis.sweeps import (
        SweepError,
        evaluation_context,
        layer_assignments,
        sweep,
        worker_evaluator,
    )
    from multipliers.whole_file import write_whole

    inputs = read_evaluation(arguments)
    prepared, store = inputs.prepared, inputs.store
    assignments = mendable(
        lambda: layer_assignments(
            prepared.workload.model, inputs.multipliers, uniform_only=arguments.uniform
        )
    )
    layers = tuple(next(iter(assignments.values())))
    mendable(lambda: check_layers(inputs.given, layers))
    assignments |= inputs.given
    used = {m.name: m for one in assignments.values() for m in one.distinct}
    evaluate = mendable(lambda: worker_evaluator(prepared, used.values(), fold=arguments.fold))
    yield f"{counted(len(assignments), 'assignment')}, {counted(len(store), 'result')} stored"
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
    known = [
        name
        for name, (_, netlist) in inputs.sources.items()
        if netlist is not None or name in inputs.stated
    ]
    energies = inputs.energies(of=known)
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
