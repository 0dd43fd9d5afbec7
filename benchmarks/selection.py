"""Energy saved by choosing a multiplier for every layer, on networks that read digits.

    python -m benchmarks.selection --output selection.csv [--seeds 3] [--epochs 2]
    python -m benchmarks.selection --output selection.csv --table

For each network, seed, method and loss of accuracy allowed: chosen on the validation split,
verified on the test split, before and after retraining. Writes one row for each as it is found, and
goes on where it was interrupted. Energies are unit gates times switching activity, relative to the
signed array multiplier.
"""

import argparse
import copy
import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import torchapprox
from analysis import (
    Assignment,
    ChoiceTable,
    Evaluator,
    accuracy,
    choice_table,
    learn_tolerances,
    load_digits,
    measure_sensitivities,
    own_predictions,
    relative_energies,
    relative_error_variances,
    select_validated,
    trace_batches,
    train,
    uniform_candidates,
    within,
)
from analysis.digits_models import DIGITS_MODELS
from analysis.labelled import Labelled
from benchmarks.record import recorded
from multipliers import (
    Multiplier,
    Netlist,
    broken_array_multiplier,
    get_netlist,
    info,
    names,
    perforated_multiplier,
    truncated_multiplier,
)
from torchapprox import InferenceMode, qconfig

NETWORKS = ("CNN", "ViT")
DROPS = (0.005, 0.01)
METHODS = ("uniform", "matching", "greedy", "milp", "milp, refined")
VALIDATION = 0.25
LEARNING_RATE = 1e-3
NOISE_WEIGHT = 0.1
KEYS = ("network", "seed", "folded", "method", "drop")
COLUMNS = (
    *KEYS, "relative_energy", "validation_drop", "test_drop", "test_drop_retrained", "distinct",
    "evaluations", "seconds",
)  # fmt: skip


def circuits() -> dict[str, Netlist]:
    """Return all signed circuits of the catalogue, and coarser ones of the same families."""
    found = [get_netlist(name) for name in names() if name.startswith("mul8s")
             and info(name).has_netlist]  # fmt: skip
    found += [perforated_multiplier(0, k, signed=True) for k in (5, 6)]
    found += [truncated_multiplier(5, signed=True)]
    found += [
        broken_array_multiplier(h, v, signed=True)
        for h, v in ((0, 9), (0, 10), (2, 8), (3, 6), (5, 7), (5, 9))
    ]
    return {netlist.name: netlist for netlist in found}


def batches(data: Labelled) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(batch.images, batch.labels) for batch in data.batches(512)]


def best_uniform(
    table: ChoiceTable, evaluate: Evaluator, accept: Callable[..., bool]
) -> Assignment:
    """Return the cheapest multiplier that all layers can have."""
    uniform = sorted(
        (candidate.assignment for candidate in uniform_candidates(table)),
        key=table.relative_energy,
    )
    return next(assignment for assignment in uniform if accept(evaluate(assignment)))


def rows(
    network: str, seed: int, epochs: int, done: set[tuple[str, ...]]
) -> Iterator[dict[str, object]]:
    """Yield what is not known yet of one network and seed."""
    wanted = [
        (folded, method, drop)
        for drop in reversed(DROPS)
        for folded in (True, False)
        for method in METHODS
        if (network, str(seed), str(folded), method, str(drop)) not in done
    ]
    if not wanted:
        return
    digits = load_digits(seed, validation=VALIDATION)
    model = DIGITS_MODELS[network].trained(digits, seed=seed)
    images = [batch.images for batch in digits.train.batches(256)]
    torchapprox.approximate(
        model, calibration=images, mode=InferenceMode.QUANTIZED, qconfig=qconfig(x_bits=8)
    )
    netlists = circuits()
    energies = relative_energies(netlists, exact=netlists["mul8s_array"])
    multipliers = [
        Multiplier.from_netlist(netlist, signed=True)
        for name, netlist in netlists.items()
        if energies[name] <= 1
    ]
    clock = time.perf_counter
    start = clock()
    variances = relative_error_variances(trace_batches(model, images, rows=64), multipliers)
    print(f"{network} {seed}: trace and errors {clock() - start:.1f} s", flush=True)
    start = clock()
    validation = batches(digits.validation)
    sensitivities = measure_sensitivities(model, own_predictions(model, validation))
    print(f"{network} {seed}: sensitivities {clock() - start:.1f} s", flush=True)
    start = clock()
    training = [(batch.images, batch.labels) for batch in digits.train.batches(128)]
    tolerances = learn_tolerances(model, training, weight=NOISE_WEIGHT)
    print(f"{network} {seed}: tolerances {clock() - start:.1f} s", flush=True)
    evaluators = {
        (folded, part): Evaluator(
            model,
            batches(data),
            multipliers=multipliers,
            energies=energies,
            fold=[images[0]] if folded else None,
        )
        for folded in (True, False)
        for part, data in (("validation", digits.validation), ("test", digits.test))
    }
    for folded, method, drop in wanted:
        evaluate, test = evaluators[folded, "validation"], evaluators[folded, "test"]
        accept = within(evaluate.exact, accuracy_drop=drop)
        table = choice_table(variances, sensitivities, energies=energies, folded=folded)
        evaluated: list[float] = []

        def counted(assignment, evaluate=evaluate, evaluated=evaluated):
            found = evaluate(assignment)
            evaluated.append(found.accuracy)
            return found

        start = clock()
        if method == "uniform":
            chosen = best_uniform(table, counted, accept)
        else:
            name, _, refined = method.partition(", ")
            chosen = select_validated(
                table, counted, accept, method=name, tolerances=tolerances, refined=bool(refined)
            )
        seconds = clock() - start
        valid, tested = evaluate(chosen), test(chosen)
        values = (
            network, seed, folded, method, drop,
            round(tested.relative_energy, 4),
            round(100 * (evaluate.exact.accuracy - valid.accuracy), 2),
            round(100 * (test.exact.accuracy - tested.accuracy), 2),
            round(100 * retrained_drop(model, chosen, digits, test, folded, epochs, seed), 2),
            len(chosen.distinct), len(evaluated), round(seconds, 2),
        )  # fmt: skip
        yield dict(zip(COLUMNS, values, strict=True))


def retrained_drop(model, chosen, digits, test, folded, epochs, seed):
    """Return how much accuracy is lost after retraining on the chosen multipliers."""
    if not epochs:
        return float("nan")
    own = copy.deepcopy(model)
    torchapprox.approximate(own, chosen)
    if folded:
        torchapprox.fold_mean_error(own, [next(digits.train.batches(256)).images])
    train(own, digits.train, epochs=epochs, learning_rate=LEARNING_RATE, seed=seed)
    return test.exact.accuracy - accuracy(own, digits.test)


def table(frame: pd.DataFrame) -> str:
    """Return means over the seeds as Markdown: energy, and points lost on the test split."""
    lines = []
    for (network, drop), part in frame.groupby(["network", "drop"], sort=False):
        lines += [
            f"\n{network}, chosen at {100 * drop:g} points on the validation split\n",
            "| method | folded | seeds | relative energy | points lost, test | retrained | "
            "evaluations | seconds |",
            "|---" * 8 + "|",
        ]
        for (method, folded), own in part.groupby(["method", "folded"], sort=False):
            mean = own[["relative_energy", "test_drop", "test_drop_retrained", "evaluations",
                        "seconds"]].mean()  # fmt: skip
            energies = np.round(own["relative_energy"].to_numpy(), 2)
            lines.append(
                f"| {method} | {'yes' if folded else 'no'} | {len(own)} | "
                f"{mean['relative_energy']:.3f} ({energies.min():.2f} to {energies.max():.2f}) | "
                f"{mean['test_drop']:.1f} | {mean['test_drop_retrained']:.1f} | "
                f"{mean['evaluations']:.0f} | {mean['seconds']:.1f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Find what is missing, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--network", action="append", choices=NETWORKS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2, help="of retraining; 0 for none")
    parser.add_argument("--table", action="store_true", help="print what was found so far")
    arguments = parser.parse_args()
    if arguments.table:
        print(table(pd.read_csv(arguments.output)))
        return
    torch.set_num_threads(1)
    fresh = not arguments.output.exists()
    done = set()
    if not fresh:
        known = pd.read_csv(arguments.output, dtype=str)
        done = set(known[list(KEYS)].itertuples(index=False, name=None))
    with arguments.output.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if fresh:
            writer.writeheader()
        for seed in range(arguments.seeds):
            for network in arguments.network or NETWORKS:
                for row in rows(network, seed, arguments.epochs, done):
                    writer.writerow(row)
                    file.flush()


if __name__ == "__main__":
    recorded(main)
