"""`torchapprox sweep`: the accuracy of a model on many assignments of multipliers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from analysis.commands.arguments import (
    add_quiet,
    add_reading,
    add_seed,
    add_workload,
    reading,
)
from analysis.commands.executor import add_executor, chosen_executor
from analysis.user_error import UserError, mendable

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
        nargs="+",
        help="a file, a folder of netlists and .npz tables, or a library name; all with the same "
        "ports",
    )
    add_workload(command)
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
    from analysis.sources import Reading, expand_sources, source_multiplier
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
    stated = Reading(**reading(arguments))
    multipliers = [
        mendable(lambda source=source: source_multiplier(source, reading=stated))[0]  # type: ignore[misc]
        for source in mendable(lambda: expand_sources(arguments.multipliers))
    ]
    prepared = mendable(
        lambda: prepare_workload(
            arguments.output / "model", arguments.model, multipliers[0], seed=arguments.seed
        )
    )
    assignments = mendable(
        lambda: layer_assignments(
            prepared.workload.model, multipliers, uniform_only=arguments.uniform
        )
    )
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
    table = arguments.output / "sweep.csv"
    mendable(lambda: write_whole(table, frame.to_csv(index=False).encode()))
    shown = frame.drop(columns="assignment_sha256").sort_values("loss")
    yield from shown.to_string(index=False, float_format="{:.4f}".format).splitlines()
    yield f"table: {table}"
