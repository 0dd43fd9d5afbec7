"""Energy saved by choosing a multiplier for every layer, on networks that read digits.

    python -m benchmarks.selection --output selection.csv [--seeds 3] [--epochs 2]
    python -m benchmarks.selection --output selection.csv --table

For each network, seed, method and loss of accuracy allowed: chosen on the validation split,
verified on the test split, before and after retraining. Writes one row for each as it is found, and
goes on where it was interrupted; trained networks and their tables lie in a folder beside the
output. Resume a file on the machine that began it: a network that is trained on another CPU is
another network. Energies are unit gates times switching activity, relative to the signed array
multiplier.
"""

import argparse
import csv
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import pandas as pd
import torch

from benchmarks.record import recorded
from benchmarks.selection_case import SelectionCase, open_case
from benchmarks.selection_methods import METHODS, chosen_by

NETWORKS = ("CNN", "ViT")
DROPS = (0.005, 0.01)
KEYS = ("network", "seed", "folded", "method", "drop")
COLUMNS = (
    *KEYS, "relative_energy", "validation_drop", "test_drop", "test_drop_retrained", "distinct",
    "evaluations", "seconds",
)  # fmt: skip


def rows(
    network: str,
    seed: int,
    *,
    folded: bool,
    folder: Path,
    epochs: int,
    methods: Sequence[str],
    done: set[tuple[str, ...]],
) -> Iterator[dict[str, object]]:
    """Yield what is not known yet of one network and seed."""
    wanted = [
        (method, drop)
        for drop in reversed(DROPS)
        for method in methods
        if (network, str(seed), str(folded), method, str(drop)) not in done
    ]
    if not wanted:
        return
    case = open_case(folder, network, seed)
    for method, drop in wanted:
        yield row(case, folded=folded, method=method, drop=drop, epochs=epochs)


def row(
    case: SelectionCase, *, folded: bool, method: str, drop: float, epochs: int
) -> dict[str, object]:
    """Choose by one method, and check what it is worth."""
    evaluate, test = case.evaluator(folded, "validation"), case.evaluator(folded, "test")
    used = evaluate, case.evaluator(folded, "divergence")
    for each in used:
        each.restart()
    start = time.process_time()
    chosen = chosen_by(method, case, folded=folded, drop=drop)
    # What another method has evaluated before counts as much time as it took then.
    seconds = time.process_time() - start + sum(each.saved_seconds for each in used)
    evaluations = sum(each.evaluations for each in used)
    valid, tested = evaluate(chosen), test(chosen)
    retrained = case.retrained_accuracy(chosen, folded=folded, epochs=epochs)
    values = (
        case.network, case.seed, folded, method, drop,
        round(tested.relative_energy, 4),
        round(100 * (evaluate.exact.accuracy - valid.accuracy), 2),
        round(100 * (test.exact.accuracy - tested.accuracy), 2),
        round(100 * (test.exact.accuracy - retrained), 2),
        len(chosen.distinct), evaluations, round(seconds, 2),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def table(frame: pd.DataFrame) -> str:
    """Return means over the seeds as Markdown, of the processor's seconds the median.

    One seed compiles, and factorises the tables.
    """
    lines = []
    order = {method: place for place, method in enumerate(METHODS)}
    for (network, drop), part in frame.groupby(["network", "drop"]):
        lines += [
            f"\n{network}, at most {100 * drop:g} points on the validation split\n",
            "| method | folded | seeds | relative energy | points lost, test | retrained | "
            "evaluations | seconds |",
            "|---" * 8 + "|",
        ]
        groups = sorted(
            part.groupby(["folded", "method"]), key=lambda pair: (not pair[0][0], order[pair[0][1]])
        )
        for (folded, method), own in groups:
            mean = own[
                ["relative_energy", "test_drop", "test_drop_retrained", "evaluations"]
            ].mean()
            energies = own["relative_energy"]
            lines.append(
                f"| {method} | {'yes' if folded else 'no'} | {len(own)} | "
                f"{mean['relative_energy']:.3f} ({energies.min():.2f} to {energies.max():.2f}) | "
                f"{mean['test_drop']:.1f} | {mean['test_drop_retrained']:.1f} | "
                f"{mean['evaluations']:.0f} | {own['seconds'].median():.1f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Find what is missing, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--network", action="append", choices=NETWORKS)
    parser.add_argument("--method", action="append", choices=METHODS, help="only these")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2, help="of retraining; 0 for none")
    parser.add_argument("--table", action="store_true", help="print what was found so far")
    arguments = parser.parse_args()
    if arguments.table:
        print(table(pd.read_csv(arguments.output)))
        return
    torch.set_num_threads(1)
    folder = arguments.output.with_suffix(".cases")
    folder.mkdir(exist_ok=True)
    fresh = not arguments.output.exists()
    done = set()
    if not fresh:
        known = pd.read_csv(arguments.output, dtype=str)
        done = set(known[list(KEYS)].itertuples(index=False, name=None))
    with arguments.output.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if fresh:
            writer.writeheader()
        # Folded ones first: they are what one wants.
        for folded, seed, network in product(
            (True, False), range(arguments.seeds), arguments.network or NETWORKS
        ):
            for found in rows(
                network,
                seed,
                folded=folded,
                folder=folder,
                epochs=arguments.epochs,
                methods=arguments.method or METHODS,
                done=done,
            ):
                writer.writerow(found)
                file.flush()
                print(*found.values(), flush=True)


if __name__ == "__main__":
    recorded(main)
