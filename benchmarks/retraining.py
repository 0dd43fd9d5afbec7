"""Accuracy on handwritten digits before and after retraining on an approximate multiplier.

    python -m benchmarks.retraining --output retraining.csv [--seeds 3] [--epochs 2]
    python -m benchmarks.retraining --output retraining.csv --table

Writes one row for each network, multiplier, method and seed as it is found, and goes on where it
was interrupted. All methods that retrain start from the same quantised network, see the same
batches for equally many epochs with one optimiser and learning rate, and are evaluated on the
multiplier's table.
"""

import argparse
import copy
import csv
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from torch import nn

import multipliers
import torchapprox
from analysis import reproduction
from analysis.reproduction import Retraining
from analysis.reproduction.trial import exact_multiplier
from analysis.workloads.digits import Digits, load_digits
from analysis.workloads.digits_models import DIGITS_MODELS
from analysis.workloads.training import accuracy
from benchmarks.record import recorded

MULTIPLIERS = (
    "mul8s_bam_h0_v6",
    "mul8s_drum4",
    "mul8s_bam_h0_v8",
    "mul8s_tm_k4",
    "mul8s_momeni_c16",
)
NETWORKS = ("CNN", "ViT")
LEARNING_RATE = 1e-3
EXACT = exact_multiplier((True, True))
COLUMNS = ("network", "multiplier", "method", "seed", "accuracy", "seconds")


METHODS = {
    "none": "none",
    "bias folding": "fold",
    "straight-through": "lut",
    "fold, then straight-through": "fold-lut",
    "difference": "difference",
    "regression": "regression",
    "own": "gain",
    "noise only": "noise",
    "affine models only": "linear",
    "HTP model only": "htp-one-term",
    "approximate backward": "approximate-backward",
}
"""Methods of `analysis.reproduction` by the names of this table."""


def quantised(network: str, digits: Digits, seed: int) -> nn.Module:
    """Train a network in floating point and convert it, quantisers calibrated and frozen."""
    model = DIGITS_MODELS[network].trained(digits, seed=seed)
    torchapprox.approximate(
        model, calibration=[batch.images for batch in digits.train.batches(256)]
    )
    return model


def rows(
    network: str, seed: int, epochs: int, done: set[tuple[str, ...]]
) -> Iterator[dict[str, object]]:
    """Yield what is not known yet of one network and seed."""
    wanted = [
        (multiplier, method)
        for multiplier in ("exact", *MULTIPLIERS)
        for method in (METHODS if multiplier != "exact" else ("none", "straight-through"))
        if (network, multiplier, method, str(seed)) not in done
    ]
    if not wanted:
        return
    digits = load_digits(seed)
    start = quantised(network, digits, seed)
    for name, method in wanted:
        multiplier = EXACT if name == "exact" else multipliers.get(name)
        model = copy.deepcopy(start)
        torchapprox.approximate(model, multiplier)
        torch.manual_seed(seed)
        began = time.perf_counter()
        reproduction.METHODS[METHODS[method]](
            model, multiplier, Retraining(digits.train, epochs, LEARNING_RATE, seed=seed)
        )
        seconds = time.perf_counter() - began
        values = (network, name, method, seed, accuracy(model, digits.test), round(seconds, 2))
        yield dict(zip(COLUMNS, values, strict=True))


def table(frame: pd.DataFrame) -> str:
    """Return means and spreads over the seeds in per cent, as Markdown."""
    lines = []
    for network, of_network in frame.groupby("network", sort=False):
        names = list(dict.fromkeys(of_network["multiplier"]))
        lines += [
            f"\n{network}\n",
            f"| retraining | {' | '.join(names)} |",
            "|---" * (len(names) + 1) + "|",
        ]
        for method in METHODS:
            cells = []
            for name in names:
                chosen = (of_network["multiplier"] == name) & (of_network["method"] == method)
                found = of_network.loc[chosen, "accuracy"]
                cells.append(
                    f"{100 * found.mean():.1f} ± {100 * found.std(ddof=1):.1f}" if len(found) > 1
                    else f"{100 * found.mean():.1f}" if len(found) else ""
                )  # fmt: skip
            lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Find what is missing, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print what was found so far")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.table:
        print(table(pd.read_csv(arguments.output)))
        return
    fresh = not arguments.output.exists()
    done = set()
    if not fresh:
        known = pd.read_csv(arguments.output, dtype=str)
        done = set(known[list(COLUMNS[:4])].itertuples(index=False, name=None))
    with arguments.output.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if fresh:
            writer.writeheader()
        for seed in range(arguments.seeds):
            for network in NETWORKS:
                for row in rows(network, seed, arguments.epochs, done):
                    writer.writerow(row)
                    file.flush()


if __name__ == "__main__":
    recorded(main)
