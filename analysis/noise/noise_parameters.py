"""The error of a layer as noise on its output: the parameters of NOISE mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class NoiseProfile:
    """How the noise differs from channel to channel and follows the output.

    What each means is in `torchapprox.layers.output_noise.OutputNoise`.

    Attributes:
        mean_offset: Added to the layer's mean, in units of the output, float64 `(C,)`, or of a
            product of two activations of each element of one sample's matrices, `(..., M, N)`.
        stdev_factor: Multiplied with the layer's standard deviation, float64 `(C,)`.
        slope: Error per unit of the output, float64 `(C,)`.
        basis: Directions of the output that the error follows, float64 `(C, R)`; none if None.
        response: Error per unit along each of them, float64 `(C, R)`.
        loadings: What the channels of a position share, float64 `(C, R)`; nothing if None.
        shares: What matrices, rows and columns of a product of two activations share of the
            variance, float64 `(3,)`; nothing if None.
    """

    mean_offset: Floats
    stdev_factor: Floats
    slope: Floats
    basis: Floats | None = None
    response: Floats | None = None
    loadings: Floats | None = None
    shares: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NoiseParameters:
    """Noise that stands for a layer's error: ``y + randn_like(y) * std(y) * stdev + mean``.

    Attributes:
        mean: Mean error per output, in units of the layer's output; without what ``profile`` adds.
        stdev: Standard deviation of the error per output, relative to the output's own.
        profile: What distinguishes the channels; None if nothing does.
    """

    mean: float
    stdev: float
    profile: NoiseProfile | None = None
