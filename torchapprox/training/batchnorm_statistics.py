"""Statistics of batch normalisations, found anew on the arithmetic that a model runs on."""

import itertools
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from multipliers.parameters import check_kind
from torchapprox.batches import evaluating, run_batch, several


@torch.no_grad()
def reestimate_batchnorm(model: nn.Module, batches: Iterable[Any]) -> tuple[str, ...]:
    """Let batch normalisations average their statistics over batches, from the beginning.

    A multiplier's error shifts and widens the layers' outputs; statistics of the exact network then
    normalise with the wrong mean and variance. The layers run in the modes that they are in, all
    else in evaluation mode, so that only running means and variances change: each becomes the mean
    over the batches of the batch's own. A normalisation sees those before it as they are in
    training, normalising with the batch's statistics.

    Args:
        model: The model; training flags are as before afterwards.
        batches: Inputs of the model, in any form that `torchapprox.approximate` takes for its
            calibration.

    Returns:
        Names of the normalisations, in the order of the model's modules.

    Raises:
        ValueError: There is no batch, or no normalisation that keeps statistics.

    Examples:
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
        >>> x = torch.randn(64, 4)
        >>> reestimate_batchnorm(model, [x])
        ('1',)
        >>> torch.allclose(model[1].running_mean, model[0](x).mean(dim=0), atol=1e-6)
        True
    """
    check_kind("model", model, nn.Module)
    norms = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats  # noqa: SLF001
    }
    if not norms:
        raise ValueError("'model' must have batch normalisations that keep statistics, got none")
    remaining = iter(several(batches))
    first = list(itertools.islice(remaining, 1))
    if not first:
        raise ValueError("'batches' must hold at least one batch, got none")
    before = {norm: norm.momentum for norm in norms.values()}
    try:
        with evaluating(model):
            for norm in norms.values():
                norm.reset_running_stats()
                norm.momentum = None  # PyTorch's way to say: the mean over all batches
                norm.train()
            for batch in itertools.chain(first, remaining):
                run_batch(model, batch)
    finally:
        for norm, momentum in before.items():
            norm.momentum = momentum
    return tuple(norms)
