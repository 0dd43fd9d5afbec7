"""`torchapprox fit`: a multiplier into a few ordinary products."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.commands.arguments import add_reading, png, reading
from analysis.user_error import UserError, mendable
from multipliers.whole_file import write_whole

if TYPE_CHECKING:
    from htp import HtpModel
    from multipliers import Multiplier

HELP = "turn a multiplier into a few ordinary products: exactly, or with a certificate"
DESCRIPTION = (
    "Factorise a multiplier's table exactly if that takes few enough products, fit models of fewer "
    "to it, print how far each is from the table, and save one as an HTP model (.json): the exact "
    "one, else the one with the fewest products that reaches --error, else the one with the most."
)
SHOWN_COLUMNS = (
    "calls", "exact_share", "mean_abs_difference", "max_abs_difference", "error_mean_difference",
    "error_std_difference", "name",
)  # fmt: skip


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument(
        "multiplier",
        metavar="MULTIPLIER",
        help="a netlist or table, or a name of the package's own library such as drum4",
    )
    command.add_argument(
        "-o", "--output", metavar="JSON", type=_json, required=True, help="where to save the model"
    )
    command.add_argument(
        "--terms",
        metavar="N",
        type=_terms,
        default=8,
        help="most products beside the exact one (default: 8)",
    )
    command.add_argument(
        "--error",
        metavar="E",
        type=_error,
        default=0.0,
        help="mean absolute difference from the table at which fewer products are enough "
        "(default: 0.0)",
    )
    command.add_argument(
        "--basis",
        choices=("table", "mixed", "named"),
        default="table",
        help="functions of which the products are: small tables of either operand (nearest), named "
        "ones of the activation and tables of the weight, or named ones (default: table)",
    )
    command.add_argument(
        "--plot", metavar="PNG", type=png, help="draw the difference against the number of products"
    )
    add_reading(command)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Factorise, fit, print and save.

    Raises:
        UserError: If the multiplier cannot be read, or a file cannot be written.
    """
    from analysis.characterisation.htp_models import model_frame, plot_model_calls
    from analysis.plots.style import render_png
    from htp import RankError, factorise, fit_path

    multiplier = mendable(lambda: _multiplier(arguments))
    yield str(multiplier)
    models = list(fit_path(multiplier, terms=arguments.terms, basis=arguments.basis))
    chosen = _chosen(models, arguments.error)
    try:
        exact = factorise(multiplier)
    except RankError as error:
        yield f"an exact factorisation takes at least {error.rank} products, more than pay"
    else:
        depth = exact.exact_depth("float32")
        yield f"{exact}; float32 sums of {depth} products are exact"
        models.append(exact.model)
        if exact.rank <= 1 + arguments.terms:
            chosen = models[-1]
    frame = model_frame(models).sort_values("calls", kind="stable")
    shown = frame[list(SHOWN_COLUMNS)]
    yield from shown.to_string(index=False, float_format="{:.6g}".format).splitlines()
    mendable(lambda: chosen.save(arguments.output))
    yield f"certificate: {chosen.certificate}"
    yield f"model: {arguments.output}"
    if arguments.plot is not None:
        picture = render_png(lambda: plot_model_calls(frame))
        mendable(lambda: write_whole(arguments.plot, picture))
        yield f"plot: {arguments.plot}"


def _multiplier(arguments: argparse.Namespace) -> Multiplier:
    from multipliers import get, load

    path = Path(arguments.multiplier)
    if path.suffix or path.exists():
        return load(path, **reading(arguments))
    stated = [name for name, value in reading(arguments).items() if value not in (None, False)]
    if stated:
        raise UserError(f"{arguments.multiplier} is no file, for which --{stated[0]} is meant")
    return get(arguments.multiplier)


def _chosen(models: list[HtpModel], error: float) -> HtpModel:
    for model in models:
        if model.certificate is not None and model.certificate.mean_abs_difference <= error:
            return model
    return models[-1]


def _json(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != ".json":
        raise argparse.ArgumentTypeError(f"the suffix must be .json, got '{path.suffix}'")
    return path


def _terms(text: str) -> int:
    if not text.isdecimal() or int(text) > 64:
        raise argparse.ArgumentTypeError(f"must be 0..64, got '{text}'")
    return int(text)


def _error(text: str) -> float:
    try:
        error = float(text)
    except ValueError:
        error = -1.0
    if not 0 <= error < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of at least 0, got '{text}'")
    return error
