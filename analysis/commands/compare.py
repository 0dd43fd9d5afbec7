"""`torchapprox compare`: predicted against measured errors of multipliers in a model."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from analysis.commands.arguments import (
    add_quiet,
    add_reading,
    add_seed,
    add_workload,
    picture,
    reading,
)
from analysis.user_error import mendable
from multipliers.whole_file import write_whole
from multipliers.wording import counted

HELP = "compare predicted with measured errors of multipliers in a model"
DESCRIPTION = (
    "Predict the error of every layer with every multiplier by every error model, measure it on "
    "other data, and print quantiles of predicted over measured standard deviation."
)
MEANING = (
    "predicted over measured standard deviation of each layer's error with each multiplier:",
    "median, 5 % and 95 % quantile, shares within 1 % and 5 %;",
    "mean_median, mean_q95: the difference of the means over the measured standard deviation",
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
        "--trace", metavar="NPZ", type=Path, help="trace to predict from, of the same model"
    )
    command.add_argument("--csv", metavar="FILE", type=Path, help="write every row as CSV")
    command.add_argument("--json", metavar="FILE", type=Path, help="write every row as JSON")
    command.add_argument(
        "--plot", metavar="PICTURE", type=picture, help="draw predicted over measured: .png or .pdf"
    )
    add_reading(command)
    add_seed(command)
    add_quiet(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Compare predictions with measurements and write the files.

    Raises:
        UserError: If something cannot be loaded, does not fit, or cannot be written.
    """
    from tqdm import tqdm

    from analysis.characterisation.sources import Reading, expand_sources, source_multiplier
    from analysis.measurement.comparison import compare, ratio_quantiles
    from analysis.plots.error_model_plots import plot_model_scatter
    from analysis.plots.style import PAPER, render_pdf, render_png
    from analysis.progress import hidden
    from analysis.reports.model_study import prepare
    from analysis.workloads.workload import load_workload
    from torchapprox import Trace

    stated = Reading(**reading(arguments))
    multipliers = [
        mendable(lambda source=source: source_multiplier(source, reading=stated))[0]  # type: ignore[misc]
        for source in mendable(lambda: expand_sources(arguments.multipliers))
    ]
    workload = mendable(
        lambda: load_workload(
            arguments.model, loader=arguments.loader, seed=arguments.seed, quiet=arguments.quiet
        )
    )
    model = mendable(lambda: prepare(workload, multipliers[0]))
    calibration = (
        workload.calibration
        if arguments.trace is None
        else mendable(lambda: Trace.load(arguments.trace))
    )
    batches = tqdm(
        workload.evaluation, desc="measuring errors", unit="batch", disable=hidden(arguments.quiet)
    )
    frame = mendable(lambda: compare(model, multipliers, batches, calibration=calibration))
    table = ratio_quantiles(frame)
    layers = counted(frame["layer"].nunique(), "layer")
    yield f"{layers}, {counted(len(multipliers), 'multiplier')}"
    yield from MEANING
    yield from table.to_string(index=False, float_format="{:.4f}".format).splitlines()
    if arguments.csv is not None:
        mendable(lambda: write_whole(arguments.csv, frame.to_csv(index=False).encode()))
        yield f"table: {arguments.csv}"
    if arguments.json is not None:
        mendable(lambda: write_whole(arguments.json, frame.to_json(orient="records").encode()))
        yield f"table: {arguments.json}"
    if arguments.plot is not None:
        is_pdf = arguments.plot.suffix.lower() == ".pdf"
        drawn = mendable(
            lambda: (
                render_pdf(lambda: plot_model_scatter(frame))
                if is_pdf
                else render_png(lambda: plot_model_scatter(frame), theme=PAPER)
            )
        )
        mendable(lambda: write_whole(arguments.plot, drawn))
        yield f"plot: {arguments.plot}"
