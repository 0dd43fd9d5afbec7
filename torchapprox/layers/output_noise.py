"""Gaussian noise that stands for a multiplier's error, as state that saves with the layer."""

from typing import Any

import torch
from torch import Tensor, nn


class OutputNoise(nn.Module):
    """Adds ``randn * std(y) * stdev + mean`` to a layer's output; no noise at first.

    Args:
        learnable: Whether ``stdev`` is a parameter that an optimiser trains.

    Attributes:
        stdev: Standard deviation, relative to that of the output in the batch, one element.
        mean: Mean, in units of the output, one element.
        in_eval: Whether to add noise in evaluation mode too.
        generator: Source of the noise; PyTorch's global generator if None.
    """

    stdev: Tensor
    mean: Tensor

    def __init__(self, *, learnable: bool = False) -> None:
        super().__init__()
        if learnable:
            self.stdev = nn.Parameter(torch.zeros(()))
        else:
            self.register_buffer("stdev", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(()))
        self.in_eval = False
        self.generator: torch.Generator | None = None

    def forward(self, y: Tensor) -> Tensor:
        """Return an output with noise; as it is in evaluation mode, unless ``in_eval``.

        The gradient does not pass through ``std(y)``.
        """
        if not (self.training or self.in_eval) or y.numel() == 0:
            return y
        noise = torch.empty_like(y).normal_(generator=self.generator)
        spread = y.detach().std(correction=min(1, y.numel() - 1))
        return y + noise * spread * self.stdev + self.mean

    def get_extra_state(self) -> dict[str, Any]:
        """Return the switch, for `state_dict`."""
        return {"in_eval": self.in_eval}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take back what `get_extra_state` returned."""
        self.in_eval = state["in_eval"]
