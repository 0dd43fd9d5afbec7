"""Running a model on batches to trace it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

import torchapprox
from analysis.modes import evaluating
from torchapprox import Trace
from torchapprox.batches import run_batch, several
from torchapprox.layers import InferenceMode


def trace_batches(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    mode: InferenceMode = InferenceMode.QUANTIZED,
    rows: int | None = None,
    seed: int = 0,
) -> Trace:
    """Trace the operands of every layer.

    Args:
        model: A converted model; its modes and training flags are as before afterwards.
        batches: Inputs of the model.
        mode: QUANTIZED traces the operands of the exact network, APPROXIMATE those that the layers
            see when all layers before them err.
        rows: As `torchapprox.trace`.
        seed: Likewise.

    Raises:
        ValueError: If the model has no approximate layer, or no batch reaches one.

    Examples:
        >>> model, x = nn.Sequential(nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> trace_batches(model, [x])["0.wrapped"].rows
        64
    """
    with (
        torch.no_grad(),
        evaluating(model, mode),
        torchapprox.trace(model, rows=rows, seed=seed) as traces,
    ):
        for batch in several(batches):
            run_batch(model, batch)
    if not traces:
        raise ValueError("'batches' must hold at least one batch that reaches a layer, got none")
    return traces
