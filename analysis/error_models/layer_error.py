"""The error of a layer's outputs, as a model predicts it or a measurement finds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class LayerError:
    """Mean and standard deviation of a layer's error (approximate - exact), by output channel.

    An error of the accumulator times the channel's scale is one in real units. Over all channels,
    the law of total variance adds the variance of the channels' means to the mean of their
    variances.

    Attributes:
        fan_in: Products in one output, K.
        scale: Product of the operands' scales, float64 `(C,)`.
        channel_mean: Mean error of each channel, in units of the accumulator, float64 `(C,)`.
        channel_std: Standard deviation of each channel's error, likewise.
    """

    fan_in: int
    scale: NDArray[np.float64]
    channel_mean: NDArray[np.float64]
    channel_std: NDArray[np.float64]

    @property
    def real_channel_mean(self) -> NDArray[np.float64]:
        """Mean error of each channel in real units, float64 `(C,)`."""
        return self.scale * self.channel_mean

    @property
    def real_channel_std(self) -> NDArray[np.float64]:
        """Standard deviation of each channel's error in real units, float64 `(C,)`."""
        return self.scale * self.channel_std

    @property
    def mean_per_output(self) -> float:
        """Mean over all outputs, in units of the accumulator."""
        return float(self.channel_mean.mean())

    @property
    def std_per_output(self) -> float:
        """Standard deviation over all outputs, in units of the accumulator."""
        return _pooled(self.channel_mean, self.channel_std)

    @property
    def real_mean_per_output(self) -> float:
        """Mean over all outputs, in real units."""
        return float(self.real_channel_mean.mean())

    @property
    def real_std_per_output(self) -> float:
        """Standard deviation over all outputs, in real units."""
        return _pooled(self.real_channel_mean, self.real_channel_std)

    @property
    def real_std_between_channels(self) -> float:
        """Standard deviation of the channels' means, in real units.

        The part of `real_std_per_output` that is an offset of each channel.
        """
        return float(self.real_channel_mean.std())


def _pooled(mean: NDArray[np.float64], std: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.square(std).mean() + mean.var()))
