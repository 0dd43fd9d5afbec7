"""Time whole networks: forward pass and training step, relative to float and quantised ones.

``python -m benchmarks.networks [--one-thread | --profile NAME]``

On a machine that others use at the same time, ``--one-thread`` measures processor time of one
thread, which waiting for a core does not change.
"""

import argparse
import copy
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

import multipliers
import torchapprox
from benchmarks.cases import full_rank, low_rank
from benchmarks.network_models import NETWORKS
from benchmarks.page import row_line
from benchmarks.record import recorded
from benchmarks.table import median_seconds
from torchapprox import InferenceMode, get_approx_modules

PASSES = 16  # of a traced network, which counts the codes of several small batches together


def converted(model: nn.Module, x: Tensor, multiplier: multipliers.Multiplier) -> nn.Module:
    """Return an approximate copy of a model."""
    model = copy.deepcopy(model)
    torchapprox.approximate(model, multiplier, calibration=[x])
    return model


def in_mode(model: nn.Module, mode: InferenceMode) -> nn.Module:
    """Return a model with all layers in one mode."""
    for _, layer in get_approx_modules(model):
        layer.inference_mode = mode
    return model


def forward(model: nn.Module, x: Tensor) -> None:
    """Run inference once."""
    with torch.no_grad():
        model(x)


def forward_often(model: nn.Module, x: Tensor) -> None:
    """Run inference `PASSES` times."""
    for _ in range(PASSES):
        forward(model, x)


def step(model: nn.Module, x: Tensor) -> None:
    """Run a training step without the update."""
    model.zero_grad()
    model(x).square().mean().backward()


def measure(
    build: Callable[[], tuple[nn.Module, Tensor]], clock: Callable[[], float]
) -> dict[str, float]:
    """Return ratios of a network's times."""
    torch.manual_seed(0)
    model, x = build()
    model.eval()
    tables = {"full": full_rank(), "rank 3": low_rank(3)}
    approximate = {name: converted(model, x, table) for name, table in tables.items()}
    quantised = in_mode(copy.deepcopy(approximate["full"]), InferenceMode.QUANTIZED)
    traced = copy.deepcopy(approximate["full"])
    with torchapprox.trace(traced):
        times = median_seconds(
            {"float": partial(forward, model, x), "quantised": partial(forward, quantised, x)}
            | {name: partial(forward, other, x) for name, other in approximate.items()}
            | {"traced": partial(forward_often, traced, x)},
            clock,
        )
    times["traced"] /= PASSES
    for other in (*approximate.values(), quantised):
        other.train()
    steps = median_seconds(
        {"quantised": partial(step, quantised, x), "full": partial(step, approximate["full"], x)},
        clock,
    )
    return {
        "float forward, ms": 1e3 * times["float"],
        **{f"{name} / float": times[name] / times["float"] for name in ("quantised", *tables)},
        "traced / full": times["traced"] / times["full"],
        "training step, full / quantised": steps["full"] / steps["quantised"],
    }


def main() -> None:
    """Print the ratios of every network, or the profile of one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one-thread", action="store_true", help="processor time of one thread")
    parser.add_argument("--profile", choices=NETWORKS)
    arguments = parser.parse_args()
    clock = time.perf_counter
    if arguments.one_thread:
        torch.set_num_threads(1)
        clock = time.thread_time
    if arguments.profile:
        torch.manual_seed(0)
        model, x = NETWORKS[arguments.profile]()
        approximate = converted(model.eval(), x, full_rank())
        forward(approximate, x)
        with profile(activities=[ProfilerActivity.CPU]) as run:
            for _ in range(5):
                forward(approximate, x)
        print(run.key_averages().table(sort_by="self_cpu_time_total", row_limit=25))
        return
    for number, (name, build) in enumerate(NETWORKS.items()):
        found = measure(build, clock)
        if number == 0:
            print(row_line(["network", *found]))
            print("|---" * (1 + len(found)) + "|")
        print(row_line([name, *(f"{value:.2f}" for value in found.values())]), flush=True)


if __name__ == "__main__":
    recorded(main)
