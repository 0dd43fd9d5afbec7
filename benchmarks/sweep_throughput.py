"""Evaluations per second of a sweep on one and on two worker processes.

    python -m benchmarks.sweep_throughput [--model CNN] [--jobs 100] [--repeats 3]

The digits network with each of several multipliers in each layer alone. All workers have started,
and have evaluated twice each, before the clock runs. The ratio is that of rates measured by turns.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from itertools import islice
from pathlib import Path
from statistics import median

from analysis import (
    Assignment,
    PreparedWorkload,
    ResultsStore,
    evaluation_context,
    layer_assignments,
    prepare_workload,
    process_pool,
    sweep,
    worker_evaluator,
)
from benchmarks.record import recorded
from multipliers import get, names

WORKERS = (1, 2)


def rate(
    prepared: PreparedWorkload, assignments: Mapping[str, Assignment], workers: int, store: Path
) -> float:
    """Return jobs per second on so many warm workers, one thread each."""
    evaluate = worker_evaluator(
        prepared, {m.name: m for one in assignments.values() for m in one.distinct}.values()
    )
    items = iter(assignments.items())
    first = dict(islice(items, 2 * workers))
    rest = dict(items)
    results, context = ResultsStore(store), evaluation_context(prepared)
    with process_pool(workers, threads=1)() as pool:
        wait_for(pool, workers)
        for part in (first, rest):
            start = time.perf_counter()
            sweep(
                evaluate, part, store=results, context=context, executor=pool,
                in_flight=2 * workers,
            )  # fmt: skip
            seconds = time.perf_counter() - start
    return len(rest) / seconds


def wait_for(pool: Executor, workers: int) -> None:
    """Wait until so many processes have answered."""
    answered: set[int] = set()
    while len(answered) < workers:
        answered.update(pool.map(process_after, [0.2] * workers))


def process_after(seconds: float) -> int:
    """Return the number of this process after a while, in which another one can answer, too."""
    time.sleep(seconds)
    return os.getpid()


def main() -> None:
    """Measure by turns and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="CNN", choices=("CNN", "ViT", "LSTM"))
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    multipliers = [get(name) for name in names() if name.startswith("mul8s")][:24]
    rates: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare_workload(Path(folder, "model"), arguments.model, multipliers[0])
        every = layer_assignments(prepared.workload.model, multipliers)
        for repeat in range(arguments.repeats):
            for workers in WORKERS:
                jobs = dict(islice(every.items(), arguments.jobs + 2 * workers))
                store = Path(folder, f"results{repeat}_{workers}.jsonl")
                rates[workers].append(rate(prepared, jobs, workers, store))
    one, two = (median(rates[workers]) for workers in WORKERS)
    print(f"| workers | {arguments.model}: jobs per second | ratio |")
    print("|---|---|---|")
    print(f"| 1 | {one:.2f} | 1 |")
    print(f"| 2 | {two:.2f} | {two / one:.2f} |")


if __name__ == "__main__":
    recorded(main)
