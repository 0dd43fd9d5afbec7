"""How good the error models are, and what they say about accuracy, on networks that read digits.

    python -m benchmarks.error_models --network CNN --network ViT --output figures/
    python -m benchmarks.error_models --network CNN --network ViT --seed 1 --held-out

trains each network, traces it on the training images and measures on the test images: every layer,
multiplier and error model, then the accuracy in APPROXIMATE mode and in NOISE mode with the
predicted noise, with and without the mean errors folded into the biases, and what a trace costs.
Prints tables and writes them as CSV files. The second line does so for multipliers, networks and a
split of the images that played no part in the development of the error models.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import median

import pandas as pd
import torch
from threadpoolctl import threadpool_limits
from torch import nn

import torchapprox
from analysis import (
    accuracy,
    compare,
    evaluating,
    load_digits,
    noise_parameters,
    noisy,
    predict_error,
    ratio_quantiles,
    trace_batches,
    train,
)
from analysis.error_models import ERROR_MODELS
from analysis.noise.fit_noise import Detail
from analysis.workloads.digits import Digits
from analysis.workloads.digits_models import DIGITS_MODELS
from benchmarks.record import recorded
from multipliers import Multiplier, get, load
from torchapprox import InferenceMode

FAMILIES = (
    "udm", "drum3", "drum4", "drum6", "mitchell", "ilm0", "ilm1", "mbm", "ppp_j0_k2", "ppp_j0_k3",
    "ppp_j2_k1", "bam_h0_v6", "bam_h0_v7", "bam_h4_v6", "ct_v6_corrected", "ct_v8_corrected",
    "tm_k1", "tm_k2", "tm_k3", "roba", "ssm4", "ssm5", "essm4", "tosam_h0_t2", "tosam_h1_t5",
    "array_loa8", "dadda_loa8", "momeni_c4", "momeni_c8",
)  # fmt: skip
"""Multipliers of all families, from mild to severe, with which the models were developed."""

HELD_OUT = (
    "drum5", "drum7", "ilm2", "ilm3", "ppp_j0_k1", "ppp_j0_k4", "bam_h0_v4", "bam_h0_v8",
    "ct_v4_corrected", "tm_k4", "ssm6", "essm6", "tosam_h0_t3", "tosam_h2_t6", "tosam_h3_t7",
    "array_loa12", "dadda_loa6", "wallace_loa6", "wallace_loa8", "momeni_c16",
)  # fmt: skip
"""Multipliers of the package with which they were not."""

NOISE: dict[str, tuple[str, Detail, InferenceMode]] = {
    "noise, global": ("global", "layer", InferenceMode.QUANTIZED),
    "noise, exact trace": ("paired", "output", InferenceMode.QUANTIZED),
    "noise, a layer": ("paired", "layer", InferenceMode.APPROXIMATE),
    "noise, a channel": ("paired", "channel", InferenceMode.APPROXIMATE),
    "noise, a slope": ("paired", "output", InferenceMode.APPROXIMATE),
    "noise, positions": ("paired", "position", InferenceMode.APPROXIMATE),
    "noise": ("paired", "element", InferenceMode.APPROXIMATE),
}
"""What NOISE mode is tried with: error model, detail, and mode of the traced network."""

TRACE_ROUNDS = 3
MODEL_ROUNDS = 3


def trained(network: str, multiplier: Multiplier, digits: Digits, *, seed: int) -> nn.Module:
    """Train a network in float, convert it and train it aware of its quantisation."""
    kind = DIGITS_MODELS[network]
    model = kind.trained(digits, seed=seed)
    batches = [batch.images for batch in digits.train.batches(128)]
    torchapprox.approximate(model, multiplier, calibration=batches, mode=InferenceMode.QUANTIZED)
    train(model, digits.train, epochs=4, learning_rate=5e-4, seed=seed + 1)
    return model.eval()


def accuracies(
    model: nn.Module,
    multiplier: Multiplier,
    traces: torchapprox.Trace,
    digits: Digits,
    *,
    draws: int,
    kinds: Sequence[str],
) -> dict[str, float]:
    """Accuracy with one multiplier in every mode, per cent; ``traces`` are of the exact network."""
    batches = [batch.images for batch in digits.train.batches(128)][:4]
    for _, layer in torchapprox.get_approx_modules(model):
        layer.multiplier = multiplier
    found = {}
    for folded in (False, True):
        suffix = ", folded" if folded else ""
        if folded:
            torchapprox.fold_mean_error(model, batches)
        with evaluating(model, InferenceMode.APPROXIMATE):
            found[f"approximate{suffix}"] = 100 * accuracy(model, digits.test)
        of_mode = {
            InferenceMode.QUANTIZED: traces,
            InferenceMode.APPROXIMATE: trace_batches(
                model, batches, mode=InferenceMode.APPROXIMATE
            ),
        }
        torchapprox.unfold_mean_error(model)
        for title in kinds:
            error_model, detail, mode = NOISE[title]
            noise = noise_parameters(
                multiplier, of_mode[mode], model=error_model, detail=detail, folded=folded
            )
            total = 0.0
            for seed in range(draws):
                with noisy(model, noise, seed=seed):
                    total += 100 * accuracy(model, digits.test)
            found[title + suffix] = total / draws
    return found


def trace_cost(model: nn.Module, batches: list[torch.Tensor]) -> str:
    """Say how large the trace of some batches is, and how much longer they take with it."""
    seconds: dict[str, list[float]] = {"without": [], "with": []}
    with torch.no_grad(), evaluating(model, InferenceMode.QUANTIZED):
        for _ in range(TRACE_ROUNDS):
            for name, tracing in (("without", nullcontext()), ("with", torchapprox.trace(model))):
                start = time.process_time()
                with tracing as found:
                    for batch in batches:
                        model(batch)
                seconds[name].append(time.process_time() - start)
    plain, traced = (median(times) for times in seconds.values())
    arrays = [
        array
        for trace in (found or {}).values()
        for array in (
            trace.x_counts, trace.joint_counts, trace.sample.x_codes, trace.sample.w_codes,
        )
    ]  # fmt: skip
    size = sum(array.nbytes for array in arrays) / 2**20
    return (
        f"trace: {size:.1f} MiB, {traced:.2f} s of CPU for {sum(map(len, batches))} images, "
        f"{traced / plain:.1f} x the {plain:.2f} s without"
    )


def milliseconds(multipliers: list[Multiplier], traces: torchapprox.Trace) -> dict[str, float]:
    """Processor time of each error model per multiplier and layer, median of rounds that alternate.

    The caller has compiled the kernels: it compared every model.
    """
    chosen = multipliers[:8]
    times: dict[str, list[float]] = {name: [] for name in ERROR_MODELS}
    for _ in range(MODEL_ROUNDS):
        for name, of_name in times.items():
            start = time.process_time()
            for multiplier in chosen:
                for trace in traces.values():
                    predict_error(multiplier, trace, model=name)
            of_name.append(1e3 * (time.process_time() - start) / len(chosen) / len(traces))
    return {name: median(of_name) for name, of_name in times.items()}


def markdown(frame: pd.DataFrame) -> str:
    """Return a frame as a table in Markdown, without its index."""
    lines = [frame.columns, ["---"] * len(frame.columns), *frame.itertuples(index=False)]
    return "\n" + "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines) + "\n"


def differences(frame: pd.DataFrame) -> pd.DataFrame:
    """How far the accuracy in NOISE mode is from that in APPROXIMATE mode, in points."""
    rows = []
    for title in frame.columns:
        if title.startswith("noise"):
            truth = frame["approximate, folded" if title.endswith("folded") else "approximate"]
            off = (frame[title] - truth).abs()
            rows.append(
                {"noise": title, "mean": off.mean(), "median": off.median(), "max": off.max()}
            )
    return pd.DataFrame(rows)


def run(
    network: str,
    multipliers: list[Multiplier],
    *,
    seed: int,
    draws: int,
    kinds: Sequence[str],
    output: Path | None,
) -> None:
    """Train, compare and print the tables of one network."""
    digits = load_digits(seed)
    model = trained(network, multipliers[0], digits, seed=seed)
    train_batches = [batch.images for batch in digits.train.batches(128)]
    test_batches = [batch.images for batch in digits.test.batches(128)]
    traces = trace_batches(model, train_batches)
    frame = compare(model, multipliers, test_batches, calibration=traces)
    print(f"\n{network}, seed {seed}: {len(traces)} layers, {len(multipliers)} multipliers")
    table = ratio_quantiles(frame)
    table["ms"] = table["error_model"].map(milliseconds(multipliers, traces))
    print(markdown(table.round(4)), flush=True)
    print(trace_cost(model, train_batches), flush=True)
    with evaluating(model, InferenceMode.QUANTIZED):
        print(f"accuracy with exact products: {100 * accuracy(model, digits.test):.1f} %")
    rows = {
        m.name: accuracies(model, m, traces, digits, draws=draws, kinds=kinds) for m in multipliers
    }
    modes = pd.DataFrame(rows).T
    print(markdown(modes.round(1).rename_axis("multiplier").reset_index()))
    means = modes.mean().round(2)
    print(markdown(pd.DataFrame({"mode": means.index, "mean accuracy, %": means.to_numpy()})))
    print(markdown(differences(modes).round(2)), flush=True)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        frame.to_csv(output / f"errors_{network}_{seed}.csv", index=False)
        modes.to_csv(output / f"accuracies_{network}_{seed}.csv")


def main() -> None:
    """Run the networks that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", action="append", choices=DIGITS_MODELS, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=3, help="noise draws per accuracy")
    parser.add_argument("--noise", action="append", choices=NOISE, help="kind of noise")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--multiplier", action="append", help="file of a signed multiplier")
    chosen.add_argument("--held-out", action="store_true", help="multipliers not developed with")
    parser.add_argument("--output", type=Path)
    parsed = parser.parse_args()
    named = HELD_OUT if parsed.held_out else FAMILIES
    multipliers = (
        [load(path) for path in parsed.multiplier]
        if parsed.multiplier
        else [get(f"mul8s_{name}") for name in named]
    )
    torch.set_num_threads(1)
    # A second thread of NumPy's would wait busily and count as processor time.
    with threadpool_limits(1):
        for network in parsed.network:
            run(
                network, multipliers, seed=parsed.seed, draws=parsed.draws,
                kinds=parsed.noise or list(NOISE), output=parsed.output,
            )  # fmt: skip


if __name__ == "__main__":
    recorded(main)
