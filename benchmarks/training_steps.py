"""Time and memory of a training step on digits by the gradient, relative to the quantised network.

``python -m benchmarks.training_steps [--multiplier NAME]`` prints Markdown. Memory is what autograd
keeps between forward and backward pass, parameters aside, relative to the float network's.
"""

import argparse
import copy
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import multipliers
import torchapprox
from analysis.workloads.digits import load_digits
from analysis.workloads.digits_models import DIGITS_MODELS
from analysis.workloads.labelled import Labelled
from benchmarks.record import recorded
from benchmarks.table import median_seconds
from torchapprox import InferenceMode, get_approx_modules
from torchapprox.gradients import (
    ApproximateBackward,
    Estimator,
    Regression,
    StraightThrough,
    WindowDifference,
)

ESTIMATORS: dict[str, Estimator] = {
    "straight-through": StraightThrough(),
    "regression": Regression(),
    "difference": WindowDifference(8),
    "approximate backward": ApproximateBackward(),
}


def step(model: nn.Module, batch: Labelled) -> None:
    """Run a training step without the update."""
    model.zero_grad()
    F.cross_entropy(model(batch.images), batch.labels).backward()


def kept_bytes(model: nn.Module, batch: Labelled) -> int:
    """Return the bytes of all storages that autograd keeps for the backward pass."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    storages: dict[int, int] = {}
    alive: list[Tensor] = []  # so that no address is used twice

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        F.cross_entropy(model(batch.images), batch.labels).backward()
    return sum(storages.values())


def variants(model: nn.Module, batch: Labelled, multiplier: str) -> dict[str, nn.Module]:
    """Return the float network, the quantised one and one for each estimator."""
    converted = copy.deepcopy(model)
    torchapprox.approximate(converted, multipliers.get(multiplier), calibration=[batch.images])
    found = {"float": model, "quantised": copy.deepcopy(converted)}
    for _, layer in get_approx_modules(found["quantised"]):
        layer.inference_mode = InferenceMode.QUANTIZED
    for name, estimator in ESTIMATORS.items():
        found[name] = copy.deepcopy(converted)
        for _, layer in get_approx_modules(found[name]):
            layer.gradient = estimator
    return {name: network.train() for name, network in found.items()}


def main() -> None:
    """Print one row for each network and variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--multiplier", default="mul8s_bam_h0_v8")
    multiplier = parser.parse_args().multiplier
    batch = next(load_digits().train.batches(64))
    print(f"{multiplier}, batches of 64, {torch.get_num_threads()} threads\n")
    print(
        "| network | arithmetic | step time / quantised | kept bytes / float |\n|---|---|---|---|"
    )
    for network in ("CNN", "ViT"):
        found = variants(DIGITS_MODELS[network].build(0), batch, multiplier)
        times = median_seconds({name: partial(step, model, batch) for name, model in found.items()})
        memory = {name: kept_bytes(model, batch) for name, model in found.items()}
        for name in found:
            print(
                f"| {network} | {name} | {times[name] / times['quantised']:.2f} "
                f"| {memory[name] / memory['float']:.2f} |"
            )


if __name__ == "__main__":
    recorded(main)
