"""Gaussian noise that stands for a multiplier's error, as state that saves with the layer."""

from typing import Any

import torch
from torch import Tensor, nn

_PER_CHANNEL = ("mean_offset", "stdev_factor", "slope")
_PROFILE = (*_PER_CHANNEL, "shared")


class OutputNoise(nn.Module):
    """Adds noise to a layer's output; none at first.

        y + slope_o * y + mean + mean_offset_o
          + std(y) * (randn * stdev * stdev_factor_o + sum_r shared_or * randn_r)

    for output channel o, where ``randn`` is drawn for every output and ``randn_r`` for every output
    position, whose channels it moves together. ``mean`` and ``stdev`` hold for the whole layer. The
    others, the noise's profile, say how the channels differ from it, how the error follows the
    output, and what part of it the channels of one position share; without a profile factors are 1
    and all else is 0.

    Args:
        learnable: Whether ``stdev`` is a parameter that an optimiser trains.

    Attributes:
        stdev: Standard deviation, relative to that of the output in the batch, one element.
        mean: Mean, in units of the output, one element.
        mean_offset: Difference of each channel's mean from ``mean``, `(C,)`, or None.
        stdev_factor: Ratio of each channel's standard deviation to ``stdev``, `(C,)`, or None.
        slope: Error per unit of the channel's output, `(C,)`, or None.
        shared: What each draw for a position adds to each channel, relative to the output's
            standard deviation, `(C, R)`, or None.
        in_eval: Whether to add noise in evaluation mode too.
        generator: Source of the noise; PyTorch's global generator if None.
    """

    stdev: Tensor
    mean: Tensor
    mean_offset: Tensor | None
    stdev_factor: Tensor | None
    slope: Tensor | None
    shared: Tensor | None

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

    def set_profile(
        self,
        *,
        mean_offset: Tensor,
        stdev_factor: Tensor,
        slope: Tensor,
        shared: Tensor | None = None,
    ) -> None:
        """Let the channels differ.

        Args:
            mean_offset: Added to ``mean``, in units of the output, `(C,)`.
            stdev_factor: Multiplied with ``stdev``, `(C,)`, not negative.
            slope: Error per unit of the output, `(C,)`.
            shared: What each of R draws for an output position adds to its channels, relative to
                the output's standard deviation, `(C, R)`; nothing if None.

        Raises:
            ValueError: The shapes differ, or a factor is negative or not finite.
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
        if shared is None:
            shared = slope.new_zeros(len(slope), 0)
        if shared.dim() != 2 or len(shared) != len(slope) or not bool(torch.isfinite(shared).all()):
            raise ValueError(
                f"'shared' must be finite and have a row for each of {len(slope)} channels, "
                f"got {tuple(shared.shape)}"
            )
        for name, value in {**values, "shared": shared}.items():
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
        noise = torch.empty_like(y).normal_(generator=self.generator)
        spread = y.detach().std(correction=min(1, y.numel() - 1))
        if self.slope is None or self.stdev_factor is None or self.mean_offset is None:
            return y + noise * spread * self.stdev + self.mean
        slope, factor, offset = (
            value.view(channel_shape) for value in (self.slope, self.stdev_factor, self.mean_offset)
        )
        noise = noise * (self.stdev * factor)
        if self.shared is not None and self.shared.numel():
            noise = noise + self._of_positions(y, self.shared, channel_shape)
        return y + slope * y + noise * spread + self.mean + offset

    def _of_positions(self, y: Tensor, shared: Tensor, channel_shape: tuple[int, ...]) -> Tensor:
        """Return what the channels of each output position share, relative to the spread."""
        axis = y.dim() - len(channel_shape)
        draws = y.new_empty((*y.movedim(axis, -1).shape[:-1], shared.shape[1]))
        draws.normal_(generator=self.generator)
        return (draws @ shared.mT.to(y.dtype)).movedim(-1, axis)

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
