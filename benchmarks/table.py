"""Measure ratios in one run and write them into the README between its two markers.

Times are medians over rounds in which the candidates take turns, so that a slow spell of the
machine hits all of them alike.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch

import multipliers
from benchmarks.cases import ENGINES, SHAPES, operands

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
ROUNDS = 9


def median_seconds(candidates: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return each candidate's median time in seconds, after one call to warm up."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    for _ in range(ROUNDS):
        for name, call in candidates.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def product_rows() -> list[str]:
    """Return the table's rows for the products of `benchmarks.cases`."""
    rows = []
    for shape in SHAPES:
        x, w, lut = operands(shape)
        candidates = {name: partial(engine, x, w, lut) for name, engine in ENGINES.items()}
        candidates["float32"] = partial(torch.matmul, x.float(), w.float().T)
        seconds = median_seconds(candidates)
        naive, ours = seconds["naive loop"], seconds["lut_matmul"]
        rows.append(
            f"| {shape} | {shape.macs / ours / 1e9:.1f} | {naive / ours:.2f} | "
            f"{seconds['float32'] / ours:.2f} |"
        )
    return rows


def netlist_lines() -> list[str]:
    """Return the sentence on the time from a netlist to its table."""
    path = multipliers.demo_netlist()
    seconds = median_seconds({"load": lambda: multipliers.load(path)})["load"]
    return [f"From the file of a gate netlist to its table: {seconds * 1e3:.0f} ms (warm)."]


def main() -> None:
    """Measure and rewrite the README's section."""
    lines = [
        BEGIN,
        "",
        f"{torch.get_num_threads()} threads, medians of {ROUNDS} rounds in one run "
        "(`make bench`). Higher is faster.",
        "",
        "| product | `lut_matmul`, 10^9 products/s | x naive Numba loop | x float32 `@` |",
        "|---|---|---|---|",
        *product_rows(),
        "",
        *netlist_lines(),
        "",
        END,
    ]
    text = README.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    README.write_text(head + "\n".join(lines) + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
