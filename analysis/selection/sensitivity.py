"""How much the loss rises with the error of one layer: forward passes with noise, no training.

One layer at a time runs in NOISE mode, the others in QUANTIZED mode, with Gaussian noise of
variance ``v`` relative to the variance of the layer's exact output, at a few values of ``v``. The
rise of the loss is fitted by a line through the origin, least squares with weights ``1 / v`` as
befits a scatter that grows with the noise::

    rise(v) = slope * v,    slope = sum_i rise_i / sum_i v_i

All levels draw the same noise, scaled, so that their differences are those of the levels.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from analysis.modes import evaluating
from analysis.noise import NoiseParameters, noisy
from analysis.progress import hidden
from analysis.selection.quality import Loss, Quality, measure_quality
from multipliers.parameters import check_kind, check_number, check_parameter
from torchapprox import get_approx_modules
from torchapprox.batches import several
from torchapprox.conversion.wrapping import converted_layers, float_name
from torchapprox.layers import InferenceMode

VARIANCES = (0.04, 0.16, 0.64)
"""Relative error variances at which the loss is measured: stdevs of 20, 40 and 80 per cent, as
multipliers cause that save much energy. What less noise does drowns in its scatter."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What noise in one layer does to the network.

    Attributes:
        layer: The layer's name in the float model.
        slope: Rise of the loss per relative error variance.
        accuracy_slope: Fall of the accuracy per relative error variance; NaN without labels.
        r_squared: Share of the losses' rise that the line explains; 1 is perfect, below 0 a
            constant would be better, NaN if the loss does not change at all.
        variances: Relative error variances that were tried.
        loss_rises: Rise of the loss at each of them, mean over the draws.
        accuracy_falls: Fall of the accuracy at each of them.
    """

    layer: str
    slope: float
    accuracy_slope: float
    r_squared: float
    variances: tuple[float, ...]
    loss_rises: tuple[float, ...]
    accuracy_falls: tuple[float, ...]

    @classmethod
    def fit(
        cls,
        layer: str,
        variances: Sequence[float],
        loss_rises: Sequence[float],
        accuracy_falls: Sequence[float],
    ) -> Sensitivity:
        """Fit the line to measured points.

        Examples:
            >>> Sensitivity.fit("conv", [0.1, 0.2], [0.05, 0.1], [0.0, 0.03]).slope
            0.5
        """
        v, rises = np.array(variances, np.float64), np.array(loss_rises, np.float64)
        slope = float(rises.sum() / v.sum())
        spread = float(np.square(rises - rises.mean()).sum())
        rest = float(np.square(rises - slope * v).sum())
        return cls(
            layer=layer,
            slope=slope,
            accuracy_slope=float(np.sum(accuracy_falls) / v.sum()),
            r_squared=1 - rest / spread if spread else float("nan"),
            variances=tuple(map(float, variances)),
            loss_rises=tuple(map(float, loss_rises)),
            accuracy_falls=tuple(map(float, accuracy_falls)),
        )

    def loss_rise(self, variance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict the rise of the loss; a layer whose noise lowers the loss is predicted 0.

        Args:
            variance: Relative error variances, any shape.
        """
        return max(self.slope, 0.0) * np.asarray(variance)


def measure_sensitivities(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    variances: Iterable[float] = VARIANCES,
    draws: int = 2,
    loss: Loss = F.cross_entropy,
    seed: int = 0,
    quiet: bool = True,
) -> dict[str, Sensitivity]:
    """Measure each layer's sensitivity with noise in its output.

    The model runs ``layers x variances x draws`` times on all batches, forward only.

    Args:
        model: A converted and calibrated model; as before afterwards, noise parameters included.
        batches: Pairs of input and target. `analysis.own_predictions` makes targets with which
            the rises are smoothest, and never negative.
        variances: Relative error variances to try, ascending, positive.
        draws: Draws of the noise that are averaged.
        loss: Mean loss of a batch, of output and target.
        seed: Chooses the noise.
        quiet: Show no progress bar.

    Returns:
        Sensitivity by the layer's name in the float model, in the model's order.

    Raises:
        ValueError: If the model has no approximate layer, there is no sample, or variances or draws
            are not as above.

    Examples:
        >>> import torch, torchapprox
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> x, _ = torch.randn(64, 4), model[2].weight.data.mul_(20)  # sure of its answers
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> found = measure_sensitivities(model, [(x, model(x).argmax(dim=1))])
        >>> list(found), found["2"].slope > 0
        (['0', '2'], True)
    """
    layers = dict(converted_layers(model))
    variances = _levels(variances)
    draws = check_parameter("draws", draws, 1)
    seed = check_parameter("seed", seed, 0)
    batches = list(several(batches))
    with evaluating(model, InferenceMode.QUANTIZED):
        exact = measure_quality(model, batches, loss=loss)
    found: dict[str, Sensitivity] = {}
    passes = len(layers) * len(variances) * draws
    with tqdm(total=passes, desc="sensitivities", unit="pass", disable=hidden(quiet)) as bar:
        for name in layers:
            rises, falls = np.zeros(len(variances)), np.zeros(len(variances))
            for (level, variance), draw in product(enumerate(variances), range(draws)):
                quality = _with_noise(model, name, variance, batches, loss, seed=seed + draw)
                rises[level] += (quality.loss - exact.loss) / draws
                falls[level] += (exact.accuracy - quality.accuracy) / draws
                bar.update()
            short = float_name(name)
            found[short] = Sensitivity.fit(short, variances, rises.tolist(), falls.tolist())
    return found


def sensitivity_frame(sensitivities: Mapping[str, Sensitivity]) -> pd.DataFrame:
    """Return one row per layer: `layer`, `slope`, `accuracy_slope`, `r_squared`.

    Examples:
        >>> found = {"conv": Sensitivity.fit("conv", [0.1, 0.2], [0.05, 0.1], [0.0, 0.0])}
        >>> sensitivity_frame(found)[["layer", "slope"]].values.tolist()
        [['conv', 0.5]]
    """
    check_kind("sensitivities", sensitivities, Mapping)
    columns = ("layer", "slope", "accuracy_slope", "r_squared")
    return pd.DataFrame(
        [{name: getattr(each, name) for name in columns} for each in sensitivities.values()],
        columns=list(columns),
    )


def _with_noise(
    model: nn.Module, name: str, variance: float, batches: list[Any], loss: Loss, *, seed: int
) -> Quality:
    """Measure with noise in one layer, which gets its own noise back."""
    layer = dict(get_approx_modules(model))[name]
    noise = layer.noise
    before = copy.deepcopy(noise.state_dict())
    with noisy(model, {name: NoiseParameters(mean=0.0, stdev=variance**0.5)}, seed=seed):
        for other, each in get_approx_modules(model):
            if other != name:
                each.inference_mode = InferenceMode.QUANTIZED
        quality = measure_quality(model, batches, loss=loss)
    noise.load_state_dict(before)
    return quality


def _levels(variances: Iterable[float]) -> list[float]:
    check_kind("variances", variances, Iterable)
    levels = [check_number("variances", variance, above=0) for variance in variances]
    if not levels or any(a >= b for a, b in pairwise(levels)):
        raise ValueError(f"'variances' must be positive and ascending, got {levels}")
    return levels
