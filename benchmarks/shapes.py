"""Rates of `lut_matmul` over a grid of shapes, each relative to the best of all.

    python -m benchmarks.shapes [--half]

prints one table a number of columns N: rows M, columns K, in percent of the best rate. Times are
the least of several calls, which a slow spell of the machine does not reach. On a machine that
others use at the same time, ``OMP_NUM_THREADS=1`` and ``--one-thread`` measure processor time.

A product of one row reads every weight for one look-up: its floor is the time to read their
N K bytes, of which a copy of as many bytes is the measure.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch

from benchmarks.cases import Shape, operands
from benchmarks.record import recorded
from torchapprox.operators import lut_matmul

ROWS = (1, 4, 16, 64, 197, 1024, 12544)
COLUMNS = (16, 64, 256, 768)
DEPTHS = (9, 27, 64, 576, 2304, 9216)
MOST_MACS = 2**31
SECONDS = 0.15  # spent on a shape


def least_seconds(
    call: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the least time of a call in seconds, after one to warm up."""
    call()
    least, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = clock()
        call()
        least = min(least, clock() - start)
    return least


def rates(*, half: bool, clock: Callable[[], float]) -> dict[Shape, float]:
    """Return products a second of each shape of the grid.

    Args:
        half: Whether activations are codes 0..127, which need half of the table.
        clock: What measures time.
    """
    found = {}
    for shape in (Shape(m, n, k) for n in COLUMNS for m in ROWS for k in DEPTHS):
        if shape.macs <= MOST_MACS:
            x, w, lut = operands(shape)
            call = partial(lut_matmul, x & 127 if half else x, w, lut, lut_range=(-(2**15), 2**15))
            found[shape] = shape.macs / least_seconds(call, clock)
    return found


def lines(found: dict[Shape, float]) -> list[str]:
    """Return the grid as Markdown, each rate in percent of the best."""
    best = max(found.values())
    text = [f"Best: {best / 1e9:.1f} 10^9 products/s; the tables give percent of it."]
    for n in COLUMNS:
        text += ["", f"| N={n} | " + " | ".join(f"K={k}" for k in DEPTHS) + " |"]
        text.append("|---" * (len(DEPTHS) + 1) + "|")
        for m in ROWS:
            cells = [found.get(Shape(m, n, k)) for k in DEPTHS]
            percent = ["" if rate is None else f"{100 * rate / best:.0f}" for rate in cells]
            text.append(f"| M={m} | " + " | ".join(percent) + " |")
    return text


def floor_line(found: dict[Shape, float], clock: Callable[[], float]) -> str:
    """Return the sentence on a product of one row."""
    shape = max((shape for shape in found if shape.m == 1), key=lambda shape: shape.macs)
    weights = torch.zeros(shape.macs, dtype=torch.uint8)
    copied = torch.empty_like(weights)
    copy = least_seconds(partial(copied.copy_, weights), clock)
    taken = shape.macs / found[shape]
    return (
        f"{shape}: {shape.macs / taken / 1e9:.1f} GB/s of weights, "
        f"{taken / copy:.1f} times a copy of them."
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", action="store_true", help="activations 0..127")
    parser.add_argument("--one-thread", action="store_true", help="processor time of one thread")
    arguments = parser.parse_args()
    if arguments.one_thread and torch.get_num_threads() > 1:
        parser.error("--one-thread needs OMP_NUM_THREADS=1")
    clock = time.thread_time if arguments.one_thread else time.perf_counter
    found = rates(half=arguments.half, clock=clock)
    print("\n".join([*lines(found), "", floor_line(found, clock)]))


if __name__ == "__main__":
    recorded(main)
