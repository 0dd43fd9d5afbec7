"""Measure ratios in one run and write them into the README, between markers of the CPU's kernel.

Times are medians over rounds in which the candidates take turns, so that a slow spell of the
machine hits all of them alike. On a machine that others use at the same time, ``--one-thread``
measures processor time of one thread, which waiting for a core does not change.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numba
import torch
from torch import Tensor

import multipliers
from benchmarks.cases import ENGINES, SHAPES, operands
from benchmarks.record import recorded
from torchapprox.kernels.compiling.cpu_kernel import available_kernels, line_kernels
from torchapprox.operators.engine.calibration import processor

README = Path(__file__).parents[1] / "README.md"
MARKERS = "<!-- benchmarks, {}: begin -->", "<!-- benchmarks, {}: end -->"
ROUNDS = 9


def median_seconds(
    candidates: Mapping[str, Callable[[], object]],
    clock: Callable[[], float] = time.perf_counter,
    *,
    apart: bool = False,
) -> dict[str, float]:
    """Return each candidate's median time in seconds, after one call to warm up.

    Args:
        candidates: What to call, by name; they take turns.
        clock: Seconds.
        apart: Whether to call each once more before it is timed, since the threads of the one
            before, if they are of another pool, wait busily for a while.
    """
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    for _ in range(ROUNDS):
        for name, call in candidates.items():
            if apart:
                call()
            start = clock()
            call()
            times[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def product_rows(clock: Callable[[], float]) -> list[str]:
    """Return the table's rows for the products of `benchmarks.cases`."""
    rows = []
    for number, shape in enumerate(SHAPES):
        x, w, lut = operands(shape)
        rows.append(product_row(str(shape), shape.macs, (x, w, lut), clock))
        if number == 0:
            few, narrow = x & 127, (lut.T >> 8).T
            rows.append(product_row(f"{shape}, x in 0..127", shape.macs, (few, w, lut), clock))
            rows.append(product_row(f"{shape}, 8-bit table", shape.macs, (x, w, narrow), clock))
    return rows


def product_row(
    name: str, macs: int, arrays: tuple[Tensor, Tensor, Tensor], clock: Callable[[], float]
) -> str:
    """Return one row of the table."""
    x, w, _ = arrays
    candidates = {name: partial(engine, *arrays) for name, engine in ENGINES.items()}
    candidates["float32"] = partial(torch.matmul, x.float(), w.float().T)
    seconds = median_seconds(candidates, clock, apart=True)
    naive, ours = seconds["naive loop"], seconds["lut_matmul"]
    return (
        f"| {name} | {macs / ours / 1e9:.1f} | {naive / ours:.2f} | "
        f"{seconds['float32'] / ours:.2f} | {naive / seconds['expanded']:.2f} | "
        f"{naive / seconds['portable']:.2f} |"
    )


def netlist_lines() -> list[str]:
    """Return the sentence on the time from a netlist to its table."""
    path = multipliers.demo_netlist()
    seconds = median_seconds({"load": lambda: multipliers.load(path)})["load"]
    return [f"From the file of a gate netlist to its table: {seconds * 1e3:.0f} ms (warm)."]


def main() -> None:
    """Measure and rewrite the README's section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one-thread", action="store_true", help="processor time of one thread")
    one_thread, clock = parser.parse_args().one_thread, time.perf_counter
    what, command = f"{torch.get_num_threads()} threads", "make bench"
    if one_thread:
        if torch.get_num_threads() > 1 or numba.config.NUMBA_NUM_THREADS > 1:
            parser.error("--one-thread needs OMP_NUM_THREADS=1 and NUMBA_NUM_THREADS=1")
        what, clock = "processor time of one thread", time.thread_time
        command = "OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python -m benchmarks.table --one-thread"
    kernel = available_kernels()[0]
    begin, end = (marker.format(kernel) for marker in MARKERS)
    text = README.read_text(encoding="utf-8")
    if begin not in text:
        parser.error(f"the README has no place for the kernel {kernel!r}: {begin}")
    kernels = " and ".join(f"`{name}`" for name in line_kernels(None))
    lines = [
        begin,
        "",
        f"{processor()} with {kernels}, {what}, medians of {ROUNDS} rounds in one run "
        f"(`{command}`). Higher is faster; the last columns are the kernels that any CPU runs.",
        "",
        "| product | `lut_matmul`, 10^9 products/s | x naive Numba loop | x float32 `@` "
        "| `expanded` x naive | `portable` x naive |",
        "|---|---|---|---|---|---|",
        *product_rows(clock),
        "",
        *netlist_lines(),
        "",
        end,
    ]
    print("\n".join(lines[2:-2]))
    head, rest = text.split(begin)
    README.write_text(head + "\n".join(lines) + rest.split(end)[1], encoding="utf-8")


if __name__ == "__main__":
    recorded(main)
