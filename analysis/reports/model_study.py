"""A multiplier in a user's model: what the commands `trace`, `compare` and `report` do."""

from __future__ import annotations

import torch
from torch import nn
from tqdm import tqdm

import torchapprox
from analysis.modes import evaluating
from analysis.noise import noisy
from analysis.progress import hidden
from analysis.reports.explanation import explain
from analysis.reports.reproducible import software_versions
from analysis.reports.results import Accuracy, Results
from analysis.workloads.workload import FOLDING_BATCHES, Workload
from multipliers import Multiplier, Netlist
from multipliers.multiplier import check_multiplier
from multipliers.netlists.netlist import check_netlist
from multipliers.parameters import check_kind, check_parameter
from torchapprox.batches import run_batch
from torchapprox.layers import InferenceMode

MEANINGS: dict[str, str] = {
    "quantised": "8-bit codes and exact products",
    "approximate": "the same weights, every product from the approximate multiplier",
    "noise": "the same weights, exact products and noise fitted to the multiplier's error",
    "folded": "approximate, with each channel's mean error taken off its bias",
}
"""What is evaluated, in the order of the tables."""


def prepare(workload: Workload, multiplier: Multiplier | None) -> nn.Module:
    """Convert a workload's model in place, or give its layers the multiplier if it is converted.

    Args:
        workload: The model and its data; the model is in QUANTIZED mode afterwards.
        multiplier: The multiplier that the quantisers fit; the exact signed product if None.

    Raises:
        ValueError: If nothing can be converted, or a quantiser does not fit the multiplier's ports.

    Examples:
        >>> data = [torch.rand(8, 4)]
        >>> model = prepare(Workload(nn.Sequential(nn.Linear(4, 3)), data, data, "tiny"), None)
        >>> [name for name, _ in torchapprox.get_approx_modules(model)]
        ['0.wrapped']
    """
    model = workload.model.eval()
    converted = bool(torchapprox.get_approx_modules(model))
    torchapprox.approximate(
        model,
        multiplier,
        calibration=None if converted else workload.calibration,
        mode=InferenceMode.QUANTIZED,
    )
    if not torchapprox.get_approx_modules(model):
        raise ValueError(f"{workload.name}: the model has no layer that can be converted")
    return model


def study(
    workload: Workload,
    multiplier: Multiplier,
    *,
    netlist: Netlist | None = None,
    seed: int = 0,
    quiet: bool = True,
) -> Results:
    """Find out what one multiplier does to a model; the input of `analysis.write_report`.

    Args:
        workload: The model and its data; the model is converted in place.
        multiplier: The multiplier, for every layer.
        netlist: Its gates, if they are known, for its energy.
        seed: Chooses the noise.
        quiet: Show no progress bar.

    Raises:
        ValueError: If nothing can be converted, or the multiplier does not fit the quantisers.

    Examples:
        >>> from multipliers import get
        >>> data = [torch.rand(32, 4)]
        >>> workload = Workload(nn.Sequential(nn.Linear(4, 3)), data, data, "tiny")
        >>> study(workload, get("mul8s_tm_k3")).explanation.layers[0].name
        '0'
    """
    check_kind("workload", workload, Workload, advice="load_workload() makes one")
    check_multiplier("multiplier", multiplier)
    if netlist is not None:
        check_netlist("netlist", netlist)
    seed = check_parameter("seed", seed, 0)
    digests = workload.digests
    model = prepare(workload, multiplier)
    batches = tqdm(
        workload.evaluation, desc="measuring errors", unit="batch", disable=hidden(quiet)
    )
    explanation = explain(model, multiplier, workload.calibration, batches, netlist=netlist)
    correct: dict[str, int] = {}
    if workload.labelled:
        for stage, mode in (
            ("quantised", InferenceMode.QUANTIZED),
            ("approximate", InferenceMode.APPROXIMATE),
        ):
            with evaluating(model, mode):
                correct[stage] = _correct(model, workload)
        with noisy(model, explanation.noise, seed=seed):
            correct["noise"] = _correct(model, workload)
        torchapprox.fold_mean_error(model, workload.calibration[:FOLDING_BATCHES])
        with evaluating(model, InferenceMode.APPROXIMATE):
            correct["folded"] = _correct(model, workload)
        torchapprox.unfold_mean_error(model)
    images = sum(len(batch[1]) for batch in workload.evaluation) if workload.labelled else 0
    return Results(
        summary=(
            f"The model {workload.name}, with {len(explanation.layers)} multiplying layers and "
            f"every multiplication done by the approximate multiplier {multiplier.name}: how large "
            "the error of each layer is, how well it is predicted, and what it costs."
        ),
        accuracies=tuple(
            Accuracy(stage, MEANINGS[stage], correct=count, images=images)
            for stage, count in correct.items()
        ),
        explanation=explanation,
        provenance={
            "model": workload.name,
            "multiplier": multiplier.name,
            "ports": f"activation {multiplier.x_port}, weight {multiplier.w_port}",
            "multiplier, SHA-256": multiplier.digest,
            **digests,
            "seed": str(seed),
            **software_versions(),
        },
    )


@torch.no_grad()
def _correct(model: nn.Module, workload: Workload) -> int:
    return sum(
        int((run_batch(model, batch).argmax(dim=1).cpu() == batch[1].cpu()).sum())
        for batch in workload.evaluation
    )
