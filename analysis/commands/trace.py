"""`torchapprox trace`: the operands of every layer of a model, in one file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from analysis.commands.arguments import add_quiet, add_seed, add_workload
from analysis.user_error import UserError, mendable

HELP = "record what every layer of a model multiplies"
DESCRIPTION = (
    "Convert a model, run its calibration batches and save counts and a sample of every layer's "
    "operands, from which the error of any multiplier with the same ports follows."
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_workload(command)
    command.add_argument(
        "--multiplier",
        metavar="MULTIPLIER",
        help="file or library name of a multiplier, whose ports the quantisers fit "
        "(default: both signed)",
    )
    command.add_argument(
        "-o", "--output", metavar="NPZ", type=Path, required=True, help="file of the trace"
    )
    add_seed(command)
    add_quiet(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Trace a model and save the trace.

    Raises:
        UserError: If the model or the multiplier cannot be loaded, or the file not be written.
    """
    import pandas as pd
    from tqdm import tqdm

    from analysis.characterisation.sources import source_multiplier
    from analysis.measurement.tracing import trace_batches
    from analysis.progress import hidden
    from analysis.reports.model_study import prepare
    from analysis.workloads.workload import load_workload

    if arguments.output.suffix != ".npz":
        raise UserError(f"the suffix of the trace must be .npz, got '{arguments.output.suffix}'")
    multiplier = None
    if arguments.multiplier is not None:
        multiplier, _ = mendable(lambda: source_multiplier(arguments.multiplier))
    workload = mendable(
        lambda: load_workload(
            arguments.model, loader=arguments.loader, seed=arguments.seed, quiet=arguments.quiet
        )
    )
    model = mendable(lambda: prepare(workload, multiplier))
    batches = tqdm(
        workload.calibration, desc="tracing", unit="batch", disable=hidden(arguments.quiet)
    )
    traces = mendable(lambda: trace_batches(model, batches, seed=arguments.seed))
    table = pd.DataFrame(
        {
            "layer": layer.name,
            "products": layer.products,
            "fan_in": layer.fan_in,
            "channels": layer.out_channels,
            "sampled_rows": layer.sample.rows,
            "output_std": layer.output_std,
        }
        for layer in traces.values()
    )
    yield from table.to_string(index=False, float_format="{:.4g}".format).splitlines()
    mendable(lambda: traces.save(arguments.output))
    yield f"trace: {arguments.output}"
