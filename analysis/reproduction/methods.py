"""What is done to a quantised network before it is evaluated on a multiplier's table.

A method gets a network in APPROXIMATE mode with the multiplier in every layer, and leaves it so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

import htp
import torchapprox
from analysis.modes import set_mode
from analysis.noise import apply_noise, noise_parameters
from analysis.workloads.labelled import Labelled
from analysis.workloads.training import Augment, train
from multipliers import Multiplier
from torchapprox.gradients import (
    ApproximateBackward,
    Estimator,
    GradientTables,
    Regression,
    StraightThrough,
    WindowDifference,
)
from torchapprox.layers import InferenceMode
from torchapprox.utils import get_approx_modules

TRACED = 256
"""Images that are traced, from which noise, mean errors and affine models are found."""


@dataclass(frozen=True, slots=True)
class Retraining:
    """How a network is trained again, the same for all methods that do so.

    Attributes:
        data: Images to train on.
        epochs: Passes over them.
        learning_rate: At the start.
        batch_size: Images per step.
        seed: Chooses their order.
        augment: Changes the images of each step.
    """

    data: Labelled
    epochs: int
    learning_rate: float
    batch_size: int = 64
    seed: int = 0
    augment: Augment | None = None

    def run(self, model: nn.Module) -> None:
        """Train a model in place."""
        train(
            model, self.data, epochs=self.epochs, learning_rate=self.learning_rate,
            batch_size=self.batch_size, seed=self.seed, augment=self.augment,
        )  # fmt: skip

    @property
    def traced(self) -> torch.Tensor:
        """The images that are traced."""
        return next(self.data.batches(TRACED)).images


Method = Callable[[nn.Module, Multiplier, Retraining], None]


def as_it_is(*_: object) -> None:
    """Do not retrain."""


def fold_mean_errors(model: nn.Module, _: Multiplier, retraining: Retraining) -> None:
    """Take each channel's mean error off its bias."""
    torchapprox.fold_mean_error(model, [retraining.traced])


def fold_then_retrain(model: nn.Module, multiplier: Multiplier, retraining: Retraining) -> None:
    """Take the mean errors off the biases, then retrain with straight-through gradients."""
    fold_mean_errors(model, multiplier, retraining)
    retraining.run(model)


def retrain_on_noise(model: nn.Module, multiplier: Multiplier, retraining: Retraining) -> None:
    """Retrain with Gaussian noise of each layer's predicted mean and standard deviation."""
    apply_noise(model, noise_parameters(multiplier, _trace(model, retraining), detail="layer"))
    set_mode(model, InferenceMode.NOISE)
    retraining.run(model)
    set_mode(model, InferenceMode.APPROXIMATE)


def retrain_on_affine_models(
    model: nn.Module, multiplier: Multiplier, retraining: Retraining
) -> None:
    """Retrain each layer on the affine model that fits the products of its operands best."""
    traced = _trace(model, retraining)
    fitted = {
        name: htp.fit_affine(multiplier, weights=traced[name].joint_counts)
        for name, _ in get_approx_modules(model)
    }
    _run_on_models(model, fitted, retraining)


def _trace(model: nn.Module, retraining: Retraining) -> torchapprox.Trace:
    """Trace the quantised model, which is in APPROXIMATE mode again afterwards."""
    set_mode(model, InferenceMode.QUANTIZED)
    with torch.no_grad(), torchapprox.trace(model) as traced:
        model(retraining.traced)
    set_mode(model, InferenceMode.APPROXIMATE)
    return traced


def retrain_on_model(fit: Callable[[Multiplier], htp.HtpModel]) -> Method:
    """Return a method that retrains on a fitted model instead of the table."""

    def retrain(model: nn.Module, multiplier: Multiplier, retraining: Retraining) -> None:
        fitted = fit(multiplier)
        _run_on_models(model, {name: fitted for name, _ in get_approx_modules(model)}, retraining)

    return retrain


def _run_on_models(
    model: nn.Module, fitted: dict[str, htp.HtpModel], retraining: Retraining
) -> None:
    """Retrain with a fitted model in each layer, by name, and leave none there."""
    layers = dict(get_approx_modules(model))
    for name, layer in layers.items():
        layer.htp_model = fitted[name]
    retraining.run(model)
    for layer in layers.values():
        layer.htp_model = None


def retrain_on_table(make: Callable[[Multiplier], Estimator]) -> Method:
    """Return a method that retrains on the table with an estimator of gradients."""

    def retrain(model: nn.Module, multiplier: Multiplier, retraining: Retraining) -> None:
        for _, layer in get_approx_modules(model):
            layer.gradient = make(multiplier)
        retraining.run(model)

    return retrain


def mean_gain(multiplier: Multiplier) -> GradientTables:
    """Return the gradients of the exact product, times the multiplier's mean gain.

    Examples:
        >>> from multipliers import exact_products
        >>> halved = Multiplier.from_lut(exact_products(True, True) // 2, name="halved")
        >>> tables = mean_gain(halved)
        >>> round(float(tables.by_x[1, 10]), 2)
        5.0
    """
    exact = multiplier.exact.astype(np.float64)
    factor = float((exact * multiplier.lut).sum() / (exact**2).sum())
    accurate = Multiplier.from_lut(
        multiplier.exact, x_signed=multiplier.x_port.signed, w_signed=multiplier.w_port.signed
    )
    straight = WindowDifference(0).tables(accurate)
    return GradientTables(by_x=factor * straight.by_x, by_w=factor * straight.by_w)


METHODS: dict[str, Method] = {
    "none": as_it_is,
    "fold": fold_mean_errors,
    "noise": retrain_on_noise,
    "linear": retrain_on_affine_models,
    "htp": retrain_on_model(htp.fit),
    "htp-one-term": retrain_on_model(lambda multiplier: htp.fit(multiplier, terms=1)),
    "lut": retrain_on_table(lambda _: StraightThrough()),
    "fold-lut": fold_then_retrain,
    "difference": retrain_on_table(lambda _: WindowDifference(8)),
    "regression": retrain_on_table(lambda _: Regression()),
    "gain": retrain_on_table(mean_gain),
    "approximate-backward": retrain_on_table(lambda _: ApproximateBackward()),
}
"""The methods by name; `MEANINGS` says what each does."""

USUAL = ("none", "noise", "linear", "htp", "lut")
"""The methods of the field's usual table."""

UNTRAINED = frozenset({"none", "fold"})
"""The methods that do not train."""

MEANINGS: dict[str, str] = {
    "none": "the quantised network as it is",
    "fold": "mean errors taken off the biases, no training",
    "noise": "trained on Gaussian noise fitted to each layer's error",
    "linear": "trained on affine models, a + b x + c w + d x w, fitted to each layer's operands",
    "htp": "trained on a fitted HTP model of the exact product and four terms",
    "htp-one-term": "trained on a fitted HTP model of the exact product and one term",
    "lut": "trained on the table, gradients of the exact product",
    "fold-lut": "mean errors taken off the biases, then trained on the table",
    "difference": "trained on the table, gradients by differences over 17 operands",
    "regression": "trained on the table, gradients by a line for each code",
    "gain": "trained on the table, gradients of the exact product times the mean gain",
    "approximate-backward": "trained on the table, backward pass on the multiplier, too",
}
