"""Time layers on tables of low rank: factors and look-ups beside the exact quantised layer.

``python -m benchmarks.engines [--one-thread] [--layer NAME]``. Times are relative to the layer in
QUANTIZED mode in the same run; "auto" is what the program takes by itself. Each is the shortest of
several rounds in which all take turns: these differences are small, and other processes only ever
add to a time. On a machine that others use, ``--one-thread`` measures processor time of one thread.
"""

import argparse
import copy
import math
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

import torchapprox
from benchmarks.cases import low_rank
from benchmarks.networks import forward, in_mode
from benchmarks.record import recorded
from torchapprox import InferenceMode, get_approx_modules

RANKS = (1, 2, 3, 4, 5, 8)
ROUNDS = 20


class Scores(nn.Module):
    """The scores of self-attention: products of activations."""

    def __init__(self) -> None:
        super().__init__()
        self.matmul = torchapprox.layers.Matmul()

    def forward(self, x: Tensor) -> Tensor:
        return self.matmul(x, x.mT)


LAYERS = {
    "linear 768 -> 192, 788 vectors": (lambda: nn.Linear(768, 192), (4, 197, 768)),
    "linear 2048 -> 1000, 1 vector": (lambda: nn.Linear(2048, 1000), (1, 2048)),
    "3x3, 64 -> 64, 16x16, batch 16": (lambda: nn.Conv2d(64, 64, 3, padding=1), (16, 64, 16, 16)),
    "3x3, 16 -> 16, 32x32, batch 16": (lambda: nn.Conv2d(16, 16, 3, padding=1), (16, 16, 32, 32)),
    "3x3 / 2, 32 -> 64, 16x16, batch 16": (
        lambda: nn.Conv2d(32, 64, 3, stride=2, padding=1),
        (16, 32, 16, 16),
    ),
    "1x1, 96 -> 24, 24x24, batch 4": (lambda: nn.Conv2d(96, 24, 1), (4, 96, 24, 24)),
    "depthwise 3x3, 144, 24x24, batch 4": (
        lambda: nn.Conv2d(144, 144, 3, padding=1, groups=144),
        (4, 144, 24, 24),
    ),
    "scores, 12 x 197 x 64 x 197": (Scores, (12, 197, 64)),
}


def shortest_seconds(
    candidates: dict[str, Callable[[], object]], clock: Callable[[], float]
) -> dict[str, float]:
    """Return each candidate's shortest time in seconds by a clock."""
    shortest = dict.fromkeys(candidates, math.inf)
    for _ in range(ROUNDS):
        for name, call in candidates.items():
            start = clock()
            call()
            shortest[name] = min(shortest[name], clock() - start)
    return shortest


def times(
    build: Callable[[], nn.Module],
    shape: tuple[int, ...],
    engines: tuple[str, ...],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Return a layer's times by mode, rank and engine."""
    torch.manual_seed(0)
    model, x = nn.Sequential(build()).eval(), torch.randn(shape)
    candidates = {"float": partial(forward, copy.deepcopy(model), x)}
    torchapprox.approximate(model, calibration=[x])
    quantised = in_mode(copy.deepcopy(model), InferenceMode.QUANTIZED)
    candidates["quantised"] = partial(forward, quantised, x)
    for rank in RANKS:
        torchapprox.approximate(model, low_rank(rank))
        for engine in engines:
            other = copy.deepcopy(model)
            for _, layer in get_approx_modules(other):
                layer.engine = engine
            candidates[f"{rank} {engine}"] = partial(forward, other, x)
    return shortest_seconds(candidates, clock)


def main() -> None:
    """Print one table a layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layer", choices=LAYERS, help="this layer alone")
    parser.add_argument("--one-thread", action="store_true", help="processor time of one thread")
    arguments = parser.parse_args()
    only, clock = arguments.layer, time.perf_counter
    if arguments.one_thread:
        torch.set_num_threads(1)
        clock = time.thread_time
    engines = ("lookup", "factors", "auto")
    for name, (build, shape) in LAYERS.items():
        if only not in (None, name):
            continue
        seconds = times(build, shape, engines, clock)
        unit = seconds["quantised"]
        print(
            f"{name}: quantised {1e3 * unit:.2f} ms, float {seconds['float'] / unit:.2f}",
            flush=True,
        )
        for rank in RANKS:
            figures = ", ".join(
                f"{engine} {seconds[f'{rank} {engine}'] / unit:.2f}" for engine in engines
            )
            print(f"    rank {rank}: {figures}", flush=True)


if __name__ == "__main__":
    recorded(main)
