"""Monte Carlo: random weights for sampled rows.

Each draw takes one of the sampled rows and `K` independent weights from those of the layer's group,
and adds the errors of their products. In the limit of many draws this is the model of local
populations; with few it shows what a simulation of that size would find.

References:
    Mrazek, Vasicek, Sekanina, Hanif and Shafique (2019), "ALWANN: automatic layer-wise
    approximation of deep neural network accelerators without retraining", arXiv:1907.07229, and
    the Monte Carlo option of Trommer et al. (2022), arXiv:2208.07265, which draws the activations
    independently as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.error_models.layer_error import LayerError
from multipliers import Multiplier
from torchapprox import LayerTrace
from torchapprox.tracing import check_trace

DEFAULT_DRAWS = 4096
_PRODUCTS_AT_ONCE = 2**21


def monte_carlo(
    multiplier: Multiplier, trace: LayerTrace, *, draws: int = DEFAULT_DRAWS, seed: int = 0
) -> LayerError:
    """Predict a layer's error by drawing weights for its sampled rows.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.
        draws: Outputs to simulate, of all groups together; at least one of each.
        seed: Chooses them.

    Raises:
        ValueError: If the multiplier's ports do not take the layer's operands, or ``draws`` is
            less than 1.
    """
    check_trace(multiplier, trace)
    if draws < 1:
        raise ValueError(f"'draws' must be at least 1, got {draws}")
    rng = np.random.default_rng(seed)
    sample = trace.sample
    own = -(-draws // len(sample.x_codes))
    errors = np.stack(
        [
            _simulate(multiplier.error, x_codes, w_codes.ravel(), own, rng)
            for x_codes, w_codes in zip(sample.x_codes, sample.w_codes, strict=True)
        ]
    )
    if not trace.fixed_weights:
        errors = errors.reshape(1, -1)
    columns = trace.out_channels // trace.groups
    return LayerError(
        fan_in=trace.fan_in,
        scale=trace.scale,
        channel_mean=errors.mean(axis=1).repeat(columns),
        channel_std=errors.std(axis=1).repeat(columns),
    )


def _simulate(
    error: NDArray[np.int32],
    x_codes: NDArray[np.uint8],
    weights: NDArray[np.uint8],
    draws: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the errors of random outputs, float64 `(draws,)`."""
    depth = x_codes.shape[1]
    outputs = []
    at_once = max(1, _PRODUCTS_AT_ONCE // depth)
    for start in range(0, draws, at_once):
        count = min(at_once, draws - start)
        rows = x_codes[rng.integers(len(x_codes), size=count)]
        drawn = weights[rng.integers(len(weights), size=(count, depth))]
        outputs.append(error[rows, drawn].sum(axis=1, dtype=np.float64))
    return np.concatenate(outputs)
