"""Mean and variance of a stream of values, kept per output channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ChannelMoments:
    r"""Count, mean and sum of squared deviations of each channel's values.

    Two sets of moments merge without the values (Chan, Golub and LeVeque, 1979)::

        n = n_a + n_b,  d = mean_b - mean_a
        mean = mean_a + d * n_b / n
        m2 = m2_a + m2_b + d**2 * n_a * n_b / n

    so that a stream of batches needs the memory of one batch, and nothing is lost to the
    cancellation in ``sum of squares - square of the sum``.

    Attributes:
        count: Values seen in each channel.
        mean: Mean of each channel, float64 `(channels,)`.
        m2: Sum of squared deviations from that mean, float64 `(channels,)`.
    """

    count: int
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.generic]) -> Self:
        """Measure the moments of one batch.

        Args:
            values: Any real dtype, `(rows, channels)`.

        Raises:
            ValueError: If there are no rows.

        Examples:
            >>> ChannelMoments.of(np.array([[1, 0], [3, 0]])).mean
            array([2., 0.])
        """
        if values.ndim != 2 or values.shape[0] == 0:
            raise ValueError(f"'values' must be (rows >= 1, channels), got {values.shape}")
        exact = values.astype(np.float64)
        mean = exact.mean(axis=0)
        return cls(exact.shape[0], mean, np.square(exact - mean).sum(axis=0))

    def merge(self, other: ChannelMoments) -> ChannelMoments:
        """Return the moments of both streams together.

        Examples:
            >>> a, b = np.array([[1.0], [3.0]]), np.array([[8.0]])
            >>> ChannelMoments.of(a).merge(ChannelMoments.of(b)).mean
            array([4.])
        """
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        m2 = self.m2 + other.m2 + np.square(step) * (self.count * other.count / count)
        return ChannelMoments(count, mean, m2)

    @property
    def variance(self) -> NDArray[np.float64]:
        """Population variance within each channel, float64 `(channels,)`."""
        return self.m2 / self.count

    def scaled(self, scale: NDArray[np.float64]) -> ChannelMoments:
        """Return the moments of every value times its channel's factor.

        Args:
            scale: Factors, float64 `(channels,)`.
        """
        return ChannelMoments(self.count, self.mean * scale, self.m2 * np.square(scale))

    def pooled(self) -> tuple[float, float]:
        """Mean and standard deviation over the values of all channels together.

        The law of total variance: the variance within the channels plus that of their means.

        Examples:
            >>> ChannelMoments.of(np.array([[0.0, 2.0], [0.0, 2.0]])).pooled()
            (1.0, 1.0)
        """
        total = self.variance.mean() + self.mean.var()
        return float(self.mean.mean()), float(np.sqrt(total))
