"""Accuracy on handwritten digits of a CNN, a ViT and an LSTM, on three signed multipliers.

No network is retrained: each is trained in floating point, converted with quantisers calibrated on
the training images, and evaluated as it is. The table is Markdown; run with ``--seeds 3`` for the
mean over three splits, initialisations and orders of the images.
"""

import argparse
import copy
from collections.abc import Mapping

import multipliers
import torchapprox
from analysis.modes import evaluating
from analysis.reports.reproducible import single_threaded
from analysis.workloads.digits import Digits, load_digits
from analysis.workloads.digits_models import DIGITS_MODELS
from analysis.workloads.training import accuracy
from benchmarks.record import recorded
from torchapprox import InferenceMode

MULTIPLIERS = {
    "mild": "mul8s_bam_h0_v6",
    "medium": "mul8s_bam_h0_v8",
    "severe": "mul8s_tm_k4",
}


def accuracies(name: str, digits: Digits, *, seed: int) -> dict[str, float]:
    """Return the share of test images that a network reads, by the arithmetic that it runs on."""
    network = DIGITS_MODELS[name].trained(digits, seed=seed)
    found = {"float": accuracy(network, digits.test)}
    converted = copy.deepcopy(network)
    torchapprox.approximate(
        converted, calibration=[batch.images for batch in digits.train.batches(256)]
    )
    with evaluating(converted, InferenceMode.QUANTIZED):
        found["quantised"] = accuracy(converted, digits.test)
    for label, multiplier in MULTIPLIERS.items():
        torchapprox.approximate(converted, multipliers.get(multiplier))
        report = torchapprox.coverage(converted, digits.test.images[:8])
        if report.exact:
            raise RuntimeError(f"not every product went through the multiplier:\n{report}")
        found[label] = accuracy(converted, digits.test)
    return found


def header() -> list[str]:
    columns = [
        f"{label}: {name}, MAE {multipliers.characterise(multipliers.get(name)).mae:.0f}"
        for label, name in MULTIPLIERS.items()
    ]
    titles = ["network", "float", "quantised", *columns]
    return [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]


def row(name: str, runs: list[Mapping[str, float]]) -> str:
    cells = [f"{sum(run[key] for run in runs) / len(runs):.1%}" for key in runs[0]]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="number of repetitions")
    seeds = range(parser.parse_args().seeds)
    print("\n".join(header()), flush=True)
    with single_threaded():
        for name in DIGITS_MODELS:
            print(
                row(name, [accuracies(name, load_digits(seed), seed=seed) for seed in seeds]),
                flush=True,
            )


if __name__ == "__main__":
    recorded(main)
