"""Gaussian noise that stands for a multiplier's error, as state that saves with the layer."""

from typing import Any

import torch
from torch import Tensor, nn

_PROFILE = ("mean_offset", "stdev_factor", "slope", "loadings")
_ROUNDING = 1e-5


class OutputNoise(nn.Module):
    """Adds noise to a layer's output; none at first.

        y + slope_o * y + mean + mean_offset_o + randn * std(y) * stdev * stdev_factor_o

    for output channel o. ``mean`` and ``stdev`` hold for the whole layer. The others, the noise's
    profile, say how the channels differ from it and how the error follows the output; without a
    profile offsets and slopes are 0 and factors 1. Errors at one output position share its
    activations, so that they are correlated from channel to channel. With loadings L, ``randn`` is

        sqrt(1 - sum_r L_or**2) * randn_o + sum_r L_or * randn_r

    where the second sum has the same ``randn_r`` for all channels of a position: each channel keeps
    its variance, and the correlation of two is ``sum_r L_or L_pr``.

    Args:
        learnable: Whether ``stdev`` is a parameter that an optimiser trains.

    Attributes:
        stdev: Standard deviation, relative to that of the output in the batch, one element.
        mean: Mean, in units of the output, one element.
        mean_offset: Difference of each channel's mean from ``mean``, `(C,)`, or None.
        stdev_factor: Ratio of each channel's standard deviation to ``stdev``, `(C,)`, or None.
        slope: Error per unit of the channel's output, `(C,)`, or None.
        loadings: What the channels share, L, `(C, R)`, or None.
        in_eval: Whether to add noise in evaluation mode too.
        generator: Source of the noise; PyTorch's global generator if None.
    """

    stdev: Tensor
    mean: Tensor
    mean_offset: Tensor | None
    stdev_factor: Tensor | None
    slope: Tensor | None
    loadings: Tensor | None

    def __init__(self, *, learnable: bool = False) -> None:
        super().__init__()
        if learnable:
            self.stdev = nn.Parameter(torch.zeros(()))
        else:
            self.register_buffer("stdev", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(()))
        for name in _PROFILE:
            self.register_buffer(name, None)
        self.in_eval = False
        self.generator: torch.Generator | None = None

    def make_learnable(self) -> None:
        """Let an optimiser train ``stdev``, from its present value on.

        Make the optimiser afterwards. For layers that a conversion has made; a constructor takes
        ``learnable_noise=True``.
        """
        if not isinstance(self.stdev, nn.Parameter):
            stdev = self.stdev
            del self.stdev
            self.stdev = nn.Parameter(stdev.detach().clone())

    def set_profile(
        self,
        *,
        mean_offset: Tensor,
        stdev_factor: Tensor,
        slope: Tensor,
        loadings: Tensor | None = None,
    ) -> None:
        """Let the channels differ.

        Args:
            mean_offset: Added to ``mean``, in units of the output, `(C,)`.
            stdev_factor: Multiplied with ``stdev``, `(C,)`, not negative.
            slope: Error per unit of the output, `(C,)`.
            loadings: What the channels share, `(C, R)`, squares of a row adding up to at most 1;
                nothing if None.

        Raises:
            ValueError: The shapes differ, a factor is negative or not finite, or a channel shares
                more than all of its noise.
        """
        values = {"mean_offset": mean_offset, "stdev_factor": stdev_factor, "slope": slope}
        for name, value in values.items():
            if value.dim() != 1 or value.shape != slope.shape:
                raise ValueError(
                    f"'{name}' must be one value per output channel, as 'slope' "
                    f"{tuple(slope.shape)}, got {tuple(value.shape)}"
                )
            if not bool(torch.isfinite(value).all()):
                raise ValueError(f"'{name}' must be finite, got {value.tolist()}")
        if bool((stdev_factor < 0).any()):
            raise ValueError(f"'stdev_factor' must not be negative, got {stdev_factor.tolist()}")
        self.loadings = None
        if loadings is not None:
            if loadings.dim() != 2 or len(loadings) != len(slope):
                raise ValueError(
                    f"'loadings' must be one row per output channel, ({len(slope)}, R), "
                    f"got {tuple(loadings.shape)}"
                )
            if not bool((loadings.square().sum(dim=1) <= 1 + _ROUNDING).all()):
                raise ValueError("squares of a row of 'loadings' must add up to at most 1")
            values["loadings"] = loadings
        for name, value in values.items():
            setattr(self, name, value.detach().to(self.mean.device, self.mean.dtype, copy=True))

    def clear_profile(self) -> None:
        """Let all channels be alike again."""
        for name in _PROFILE:
            setattr(self, name, None)

    def forward(self, y: Tensor, channel_shape: tuple[int, ...] = (-1,)) -> Tensor:
        """Return an output with noise; as it is in evaluation mode, unless ``in_eval``.

        The gradient does not pass through ``std(y)``.

        Args:
            y: The output.
            channel_shape: Shape in which one value per channel broadcasts to ``y``.
        """
        if not (self.training or self.in_eval) or y.numel() == 0:
            return y
        noise = self._draw(y, channel_shape)
        spread = y.detach().std(correction=min(1, y.numel() - 1))
        if self.slope is None or self.stdev_factor is None or self.mean_offset is None:
            return y + noise * spread * self.stdev + self.mean
        slope, factor, offset = (
            value.view(channel_shape) for value in (self.slope, self.stdev_factor, self.mean_offset)
        )
        return y + slope * y + noise * (spread * self.stdev * factor) + self.mean + offset

    def _draw(self, y: Tensor, channel_shape: tuple[int, ...]) -> Tensor:
        """Draw standard normal noise in the shape of an output, correlated by the loadings."""
        noise = torch.empty_like(y).normal_(generator=self.generator)
        if self.loadings is None:
            return noise
        axis, (_, rank) = -len(channel_shape), self.loadings.shape
        positions = y.movedim(axis, -1).shape[:-1]
        shared = y.new_empty(*positions, rank).normal_(generator=self.generator)
        own = (1 - self.loadings.square().sum(dim=1)).clamp(min=0).sqrt()
        return noise * own.view(channel_shape) + (shared @ self.loadings.mT).movedim(-1, axis)

    def get_extra_state(self) -> dict[str, Any]:
        """Return the switch, for `state_dict`."""
        return {"in_eval": self.in_eval}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take back what `get_extra_state` returned."""
        self.in_eval = state["in_eval"]

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # A checkpoint with a profile loads into a layer without one, and the reverse.
        for name in _PROFILE:
            saved = state_dict.get(prefix + name)
            setattr(self, name, None if saved is None else torch.empty_like(saved).to(self.mean))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
