"""The main job: what one approximate multiplier does to a real network, from netlist to report.

Every step is a function from values to values; `run_demo` is their sequence.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn
from tqdm import tqdm

import torchapprox
from analysis.modes import evaluating, set_mode
from analysis.noise import NoiseParameters, noisy
from analysis.progress import hidden
from analysis.reports.explanation import explain
from analysis.reports.reproducible import single_threaded, software_versions
from analysis.reports.results import Accuracy, Results
from analysis.workloads.digits import Digits, digits_network, load_digits
from analysis.workloads.labelled import Labelled
from analysis.workloads.training import correct, train
from analysis.workloads.workload import FOLDING_BATCHES
from multipliers import Multiplier, Netlist
from torchapprox.layers import InferenceMode

BATCH_SIZE = 128

STAGES: dict[str, str] = {
    "float": "the network as trained, in floating point",
    "quantised": "8-bit codes and exact products, after quantisation-aware training",
    "approximate": "the same weights, every product from the approximate multiplier",
    "noise": "the same weights, exact products and noise fitted to the multiplier's error",
    "folded": "approximate, with each channel's mean error taken off its bias",
    "retrained": "after a short training on the approximate products",
}
"""What is evaluated, in the order of the tables."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Epochs of each training of the demo.

    Attributes:
        floating: Of the float network.
        quantised: Of quantisation-aware training.
        approximate: Of retraining on the approximate multiplier.
    """

    floating: int = 30
    quantised: int = 4
    approximate: int = 6


DEFAULT_BUDGET = Budget()


def image_batches(data: Labelled, *, title: str, quiet: bool) -> Iterator[Tensor]:
    """Yield images in batches, with a progress bar from the first one on unless quiet."""
    batches = [batch.images for batch in data.batches(BATCH_SIZE)]
    yield from tqdm(batches, desc=title, unit="batch", disable=hidden(quiet))


def train_float(digits: Digits, *, epochs: int, seed: int, quiet: bool = True) -> nn.Module:
    """Train the digits network in float."""
    model = digits_network(seed)
    train(
        model, digits.train, epochs=epochs, learning_rate=3e-3, seed=seed,
        title="float training", quiet=quiet,
    )  # fmt: skip
    return model


def quantise(
    model: nn.Module,
    digits: Digits,
    *,
    multiplier: Multiplier,
    epochs: int,
    seed: int,
    quiet: bool = True,
) -> nn.Module:
    """Convert a copy of a float network, calibrate it and train it aware of its quantisation.

    Returns:
        The network in QUANTIZED mode, with the multiplier in every layer.
    """
    converted = copy.deepcopy(model)
    torchapprox.approximate(
        converted,
        multiplier,
        calibration=image_batches(digits.train, title="calibration", quiet=quiet),
        mode=InferenceMode.QUANTIZED,
    )
    train(
        converted, digits.train, epochs=epochs, learning_rate=5e-4, seed=seed + 1,
        title="quantisation-aware training", quiet=quiet,
    )  # fmt: skip
    return converted


def retrain(
    model: nn.Module, digits: Digits, *, epochs: int, seed: int, quiet: bool = True
) -> nn.Module:
    """Train a copy of a converted network on its approximate products."""
    retrained = copy.deepcopy(model)
    set_mode(retrained, InferenceMode.APPROXIMATE)
    train(
        retrained, digits.train, epochs=epochs, learning_rate=1e-3, seed=seed + 2,
        title="retraining on approximate products", quiet=quiet,
    )  # fmt: skip
    return retrained


def fold(model: nn.Module, digits: Digits) -> nn.Module:
    """Fold the mean errors of a copy of a converted network into its biases."""
    folded = copy.deepcopy(model)
    batches = [batch.images for batch in digits.train.batches(BATCH_SIZE)]
    torchapprox.fold_mean_error(folded, batches[:FOLDING_BATCHES])
    return folded


def evaluate(
    float_model: nn.Module,
    quantised: nn.Module,
    folded: nn.Module,
    retrained: nn.Module,
    noise: Mapping[str, NoiseParameters],
    *,
    data: Labelled,
    seed: int,
) -> tuple[Accuracy, ...]:
    """Count the correct answers at every stage of the run."""
    counts = {"float": correct(float_model, data)}
    for stage, model, mode in (
        ("quantised", quantised, InferenceMode.QUANTIZED),
        ("approximate", quantised, InferenceMode.APPROXIMATE),
        ("folded", folded, InferenceMode.APPROXIMATE),
        ("retrained", retrained, InferenceMode.APPROXIMATE),
    ):
        with evaluating(model, mode):
            counts[stage] = correct(model, data)
    with noisy(quantised, noise, seed=seed):
        counts["noise"] = correct(quantised, data)
    return tuple(
        Accuracy(stage, meaning, correct=counts[stage], images=len(data))
        for stage, meaning in STAGES.items()
    )


def run_demo(
    multiplier: Multiplier,
    *,
    netlist: Netlist | None = None,
    seed: int = 0,
    budget: Budget | None = None,
    quiet: bool = True,
) -> Results:
    """Run the whole way from a multiplier to the figures of the report.

    Args:
        multiplier: The approximate multiplier, for every layer.
        netlist: Its gates, if they are known, for its energy.
        seed: Chooses the split of the data, the initial weights, the order of the images and the
            noise. Equal seeds give equal results.
        budget: Epochs of each training; the default takes well under a minute.
        quiet: Show no progress bars.

    Raises:
        ValueError: If the table's errors are so large that the network computes no numbers.

    Examples:
        >>> from multipliers import demo_netlist, load
        >>> results = run_demo(load(demo_netlist()), budget=Budget(1, 0, 0))
        >>> [row.stage for row in results.accuracies]
        ['float', 'quantised', 'approximate', 'noise', 'folded', 'retrained']
    """
    budget = budget or DEFAULT_BUDGET
    with single_threaded():
        digits = load_digits(seed)
        float_model = train_float(digits, epochs=budget.floating, seed=seed, quiet=quiet)
        quantised = quantise(
            float_model, digits, multiplier=multiplier, epochs=budget.quantised,
            seed=seed, quiet=quiet,
        )  # fmt: skip
        explanation = explain(
            quantised,
            multiplier,
            [batch.images for batch in digits.train.batches(BATCH_SIZE)],
            image_batches(digits.test, title="measuring errors", quiet=quiet),
            netlist=netlist,
        )
        folded = fold(quantised, digits)
        retrained = retrain(quantised, digits, epochs=budget.approximate, seed=seed, quiet=quiet)
        accuracies = evaluate(
            float_model, quantised, folded, retrained, explanation.noise, data=digits.test,
            seed=seed,
        )  # fmt: skip
    return Results(
        summary=_summary(multiplier, digits, layers=len(explanation.traces)),
        accuracies=accuracies,
        explanation=explanation,
        provenance=_provenance(multiplier, seed=seed, budget=budget),
    )


def _summary(multiplier: Multiplier, digits: Digits, *, layers: int) -> str:
    return (
        f"A convolutional network with {layers} multiplying layers, trained on {len(digits.train)} "
        f"handwritten digits of 8 x 8 pixels, with every multiplication done by the approximate "
        f"8-bit multiplier {multiplier.name}: what it costs in accuracy, how well the error of "
        "each layer is predicted, and how much of the accuracy a short retraining wins back."
    )


def _provenance(multiplier: Multiplier, *, seed: int, budget: Budget) -> dict[str, str]:
    return {
        "multiplier": multiplier.name,
        "source": Path(multiplier.source).name,
        "ports": f"activation {multiplier.x_port}, weight {multiplier.w_port}",
        "SHA-256": multiplier.digest,
        "seed": str(seed),
        "epochs": (
            f"{budget.floating} float, {budget.quantised} quantised, "
            f"{budget.approximate} approximate"
        ),
        **software_versions(),
    }
