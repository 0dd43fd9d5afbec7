"""`torchapprox reproduce`: accuracy on every multiplier of a library, by the way of retraining."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.commands.arguments import add_quiet, positive
from analysis.commands.executor import add_executor, chosen_executor
from analysis.user_error import UserError, mendable
from multipliers.wording import counted

if TYPE_CHECKING:
    from analysis.reproduction import Candidates, Setting

HELP = "the field's usual table: accuracy on every 8-bit multiplier by the way of retraining"
DESCRIPTION = (
    "Train a network, and for every 8-bit multiplier of a checkout of EvoApproxLib, or of files of "
    "your own, retrain it on noise, on a linear model, on an HTP model and on the table itself; "
    "write the accuracies on the table as CSV, Markdown and HTML. Results are stored as they "
    "arrive; the same command resumes where it was interrupted."
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    which = command.add_argument_group("multipliers")
    which.add_argument(
        "sources",
        metavar="MULTIPLIER",
        nargs="*",
        help="a file, a folder of netlists and .npz tables, or a library name, instead of "
        "--evoapprox",
    )
    which.add_argument(
        "--evoapprox", metavar="DIR", type=Path, help="your checkout of EvoApproxLib"
    )
    which.add_argument(
        "--library-version",
        metavar="VERSION",
        help="v1 or v2022 of EvoApproxLib, which no file in it states (default: as the folder's "
        "name says)",
    )
    which.add_argument(
        "--multipliers",
        metavar="GLOB",
        nargs="+",
        default=[],
        help="only those of these names, such as 'mul8s_*' (default: all of 8 bits)",
    )
    which.add_argument(
        "--limit", metavar="N", type=positive, help="at most so many multipliers (default: all)"
    )
    data = command.add_argument_group("images")
    data.add_argument(
        "--data",
        metavar="PLACE",
        default="digits",
        help="digits, scikit-learn's handwritten ones; or a folder: CIFAR-10 in its binary version "
        "(cifar-10-batches-bin), train/CLASS/FILE beside test/CLASS/FILE, or CLASS/FILE (default: "
        "digits)",
    )
    data.add_argument(
        "--size", metavar="N", type=positive, help="scale the images of a folder to N x N pixels"
    )
    data.add_argument(
        "--grey", action="store_true", help="read the images of a folder in shades of grey"
    )
    data.add_argument(
        "--images", metavar="N", type=positive, help="train on at most so many, for trials"
    )
    how = command.add_argument_group("training")
    how.add_argument(
        "--model",
        choices=("resnet8", "mobilenet", "vit"),
        default="resnet8",
        help="the network (default: resnet8)",
    )
    how.add_argument(
        "--methods",
        metavar="METHOD",
        nargs="+",
        default=[],
        help="none, noise, linear, htp and lut, the default; there are also fold, fold-lut, "
        "htp-one-term, difference, regression, gain and approximate-backward",
    )
    how.add_argument(
        "--seeds", metavar="N", type=positive, default=3, help="repetitions (default: 3)"
    )
    how.add_argument(
        "--epochs", metavar="N", type=positive, default=2, help="of each retraining (default: 2)"
    )
    how.add_argument(
        "--float-epochs",
        metavar="N",
        type=positive,
        default=30,
        help="of training before the conversion (default: 30)",
    )
    how.add_argument(
        "--batch", metavar="N", type=positive, default=64, help="images per step (default: 64)"
    )
    how.add_argument(
        "--augment",
        action="store_true",
        help="mirror and shift the images at random while training; not for digits",
    )
    how.add_argument(
        "--device", default="cpu", help="where PyTorch computes, such as cuda (default: cpu)"
    )
    command.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("reproduction"),
        help="folder of the results and the tables (default: reproduction)",
    )
    add_executor(command)
    add_quiet(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Fill the table and write it.

    Raises:
        UserError: If something cannot be read, does not fit, cannot be written or has failed.
    """
    from analysis.reports.reproducible import software_versions
    from analysis.reproduction import USUAL, reproduce, wide_frame, write_tables
    from analysis.sweeps import ResultsStore, SweepError

    setting = mendable(lambda: _setting(arguments))
    candidates = mendable(lambda: _candidates(arguments))
    yield from candidates.problems
    methods = arguments.methods or USUAL
    mendable(lambda: arguments.output.mkdir(parents=True, exist_ok=True))
    store = mendable(lambda: ResultsStore(arguments.output / "results.jsonl"))
    yield (
        f"multipliers: {len(candidates.multipliers)}, methods: {len(methods)}, seeds: "
        f"{arguments.seeds}; {counted(len(store), 'result')} stored"
    )
    executor, in_flight = mendable(lambda: chosen_executor(arguments.workers, arguments.dask))
    try:
        trials = mendable(
            lambda: reproduce(
                candidates.multipliers,
                setting,
                store=store,
                methods=methods,
                seeds=arguments.seeds,
                executor=executor,
                in_flight=in_flight,
                quiet=arguments.quiet,
            )
        )
    except SweepError as error:
        raise UserError(str(error)) from error
    wide = wide_frame(trials, candidates.multipliers, powers_mw=candidates.powers_mw)
    summary = (
        f"{arguments.model} on {arguments.data}; seeds: {arguments.seeds}, epochs in floating "
        f"point: {arguments.float_epochs}, of each retraining: {arguments.epochs}."
    )
    provenance = {"command": arguments.command_line, **software_versions()}
    page = mendable(
        lambda: write_tables(arguments.output, trials, wide, summary=summary, provenance=provenance)
    )
    yield from (arguments.output / "table.md").read_text(encoding="utf-8").splitlines()
    yield f"page: {page}"
    if candidates.problems:
        left = counted(len(candidates.problems), "multiplier is", "multipliers are")
        raise UserError(f"{left} left out")


def _setting(arguments: argparse.Namespace) -> Setting:
    import torch

    from analysis.reproduction import DataSource, Setting

    try:
        torch.empty(0, device=arguments.device)
    except (AssertionError, RuntimeError) as error:  # a CPU-only PyTorch asserts that it has CUDA
        problem = str(error).splitlines()[0]
        raise ValueError(f"--device {arguments.device}: {problem}") from None
    return Setting(
        DataSource(arguments.data, size=arguments.size, grey=arguments.grey, most=arguments.images),
        network=arguments.model,
        float_epochs=arguments.float_epochs,
        epochs=arguments.epochs,
        batch_size=arguments.batch,
        augment=arguments.augment,
        device=arguments.device,
    )


def _candidates(arguments: argparse.Namespace) -> Candidates:
    from analysis.reproduction import library_candidates, source_candidates

    chosen = {"patterns": arguments.multipliers, "limit": arguments.limit}
    if (arguments.evoapprox is None) == (not arguments.sources):
        raise ValueError("state either --evoapprox DIR or multipliers of your own")
    if arguments.evoapprox is None:
        return source_candidates(arguments.sources, **chosen)
    return library_candidates(arguments.evoapprox, version=arguments.library_version, **chosen)
