"""Gaussian noise that stands for a multiplier's error, as state that saves with the layer."""

from typing import Any

import torch
from torch import Tensor, nn

from multipliers.parameters import check_flag
from torchapprox.layers.noise_draws import draw_channels, draw_matrices
from torchapprox.layers.noise_profile import PROFILE, check_profile


class OutputNoise(nn.Module):
    """Adds noise to a layer's output; none at first.

        y + slope_o * y_o + sum_r V_or * sum_p U_pr * y_p + mean + mean_offset_o
          + randn_o * std(y) * stdev * stdev_factor_o

    for output channel o of a position. ``mean`` and ``stdev`` hold for the whole layer. The others,
    the noise's profile, say how the channels differ from it and how the error follows the output;
    without a profile offsets, slopes and responses V are 0 and factors 1.

    Errors at one output position share its activations, so that they are correlated from channel
    to channel; see `torchapprox.layers.noise_draws.draw_channels`. The product of two activations
    has one channel. Its errors share a row's or a column's operands instead
    (`torchapprox.layers.noise_draws.draw_matrices`), and its ``mean_offset`` may differ from
    element to element of one sample's matrices: in attention these are heads, queries and keys.

    Args:
        learnable: Whether ``stdev`` is a parameter that an optimiser trains.

    Attributes:
        stdev: Standard deviation, relative to that of the output in the batch, one element.
        mean: Mean, in units of the output, one element.
        mean_offset: Difference of each channel's mean from ``mean``, `(C,)`, or that of each
            element of one sample's matrices, `(..., M, N)`, or None.
        stdev_factor: Ratio of each channel's standard deviation to ``stdev``, `(C,)`, or None.
        slope: Error per unit of the channel's output, `(C,)`, or None.
        basis: Directions of the output that the error follows, U, `(C, R)`, or None.
        response: Error of each channel per unit along each of them, V, `(C, R)`, or None.
        loadings: What the channels share, L, `(C, R)`, or None.
        shares: What each matrix, row and column share, `(3,)`, or None.
        in_eval: Whether to add noise in evaluation mode too.
        generator: Source of the noise; PyTorch's global generator if None.
    """

    stdev: Tensor
    mean: Tensor
    mean_offset: Tensor | None
    stdev_factor: Tensor | None
    slope: Tensor | None
    basis: Tensor | None
    response: Tensor | None
    loadings: Tensor | None
    shares: Tensor | None
    in_eval: bool
    generator: torch.Generator | None

    def __init__(self, *, learnable: bool = False) -> None:
        super().__init__()
        check_flag("learnable_noise", learnable)
        if learnable:
            self.stdev = nn.Parameter(torch.zeros(()))
        else:
            self.register_buffer("stdev", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(()))
        for name in PROFILE:
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
        basis: Tensor | None = None,
        response: Tensor | None = None,
        loadings: Tensor | None = None,
        shares: Tensor | None = None,
    ) -> None:
        """Let the channels differ.

        Args:
            mean_offset: Added to ``mean``, in units of the output, `(C,)`; for one channel also
                `(..., M, N)`, the elements of one sample's matrices.
            stdev_factor: Multiplied with ``stdev``, `(C,)`, not negative.
            slope: Error per unit of the output, `(C,)`.
            basis: Directions of the output, `(C, R)`; with ``response``, or neither.
            response: Error per unit along each of them, `(C, R)`.
            loadings: What the channels share, `(C, R)`, squares of a row adding up to at most 1;
                nothing if None.
            shares: Of the variance, what matrices, rows and columns share, `(3,)`, for products of
                two activations; nothing if None.

        Raises:
            ValueError: Shapes do not fit together, a value is not finite, a factor or a share is
                negative, or more than all of the noise is shared.
        """
        given = {
            "mean_offset": mean_offset, "stdev_factor": stdev_factor, "slope": slope,
            "basis": basis, "response": response, "loadings": loadings, "shares": shares,
        }  # fmt: skip
        profile = {name: value for name, value in given.items() if value is not None}
        check_profile(profile)
        self.clear_profile()
        for name, value in profile.items():
            setattr(self, name, value.detach().to(self.mean.device, self.mean.dtype, copy=True))

    def clear_profile(self) -> None:
        """Let all channels be alike again."""
        for name in PROFILE:
            setattr(self, name, None)

    def forward(self, y: Tensor, channel_shape: tuple[int, ...] = (-1,)) -> Tensor:
        """Return an output with noise; as it is in evaluation mode, unless ``in_eval``.

        The gradient does not pass through ``std(y)``.

        Args:
            y: The output.
            channel_shape: Shape in which one value per channel broadcasts to ``y``.

        Raises:
            ValueError: ``mean_offset`` is one of elements, and ``y`` has others.
        """
        if not (self.training or self.in_eval) or y.numel() == 0:
            return y
        axis = -len(channel_shape)
        if self.shares is None:
            noise = draw_channels(y, self.loadings, axis, self.generator)
        else:
            noise = draw_matrices(y, self.shares, self.generator)
        spread = y.detach().std(correction=min(1, y.numel() - 1))
        if self.slope is None or self.stdev_factor is None:
            return y + noise * spread * self.stdev + self.mean
        slope, factor = (value.view(channel_shape) for value in (self.slope, self.stdev_factor))
        noisy = y + slope * y + noise * (spread * self.stdev * factor) + self.mean
        if self.basis is not None and self.response is not None:
            along = y.movedim(axis, -1) @ self.basis
            noisy = noisy + (along @ self.response.mT).movedim(-1, axis)
        return noisy + self._offset(y, channel_shape)

    def _offset(self, y: Tensor, channel_shape: tuple[int, ...]) -> Tensor:
        """Return the mean's offset in a shape that broadcasts to an output."""
        offset = self.mean_offset
        if offset is None:
            return torch.zeros_like(self.mean)
        if offset.dim() == 1:
            return offset.view(channel_shape)
        if y.shape[-offset.dim() :] != offset.shape:
            raise ValueError(
                f"noise with a mean for each element of matrices {tuple(offset.shape)} does not "
                f"fit an output {tuple(y.shape)}: fit it with detail='position'"
            )
        return offset

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
        for name in PROFILE:
            saved = state_dict.get(prefix + name)
            setattr(self, name, None if saved is None else torch.empty_like(saved).to(self.mean))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
