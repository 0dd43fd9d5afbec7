"""Handwritten digits and a small network that reads them: real data inside a dependency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from analysis.workloads.labelled import Labelled
from multipliers.parameters import check_number, check_parameter

CLASSES = 10


@dataclass(frozen=True, slots=True)
class Digits:
    """The parts of scikit-learn's handwritten digits; the validation part only where asked for."""

    train: Labelled
    test: Labelled
    validation: Labelled | None = None


def load_digits(seed: int = 0, *, validation: float = 0.0) -> Digits:
    """Load the 1797 images and split them 3 : 1, with equal shares of each digit.

    Args:
        seed: Chooses the split.
        validation: Share of the training part that is set apart for decisions that the test part
            must not see; the test part does not depend on it.

    Raises:
        ValueError: If the share is not from 0 to below 1.

    References:
        E. Alpaydin and C. Kaynak (1998), "Optical Recognition of Handwritten Digits", UCI Machine
        Learning Repository; the copy inside scikit-learn.

    Examples:
        >>> digits = load_digits()
        >>> len(digits.train), len(digits.test)
        (1347, 450)
        >>> digits = load_digits(validation=0.25)
        >>> len(digits.train), len(digits.validation), len(digits.test)
        (1010, 337, 450)
    """
    from sklearn import datasets, model_selection  # noqa: PLC0415  which takes a second to load

    seed = check_parameter("seed", seed, 0)
    validation = check_number("validation", validation, least=0, most=1)
    if validation == 1:
        raise ValueError("'validation' must be below 1, so that images are left, got 1")
    bunch = datasets.load_digits()
    images = (bunch.images[:, None] / 8 - 1).astype(np.float32)
    labels = bunch.target.astype(np.int64)
    chosen, held_out = model_selection.train_test_split(
        np.arange(len(labels)), test_size=0.25, random_state=seed, stratify=labels
    )
    parts = [chosen, held_out]
    if validation:
        kept, apart = model_selection.train_test_split(
            chosen, test_size=validation, random_state=seed, stratify=labels[chosen]
        )
        parts = [kept, held_out, apart]
    return Digits(
        *(
            Labelled(torch.from_numpy(images[part]), torch.from_numpy(labels[part]))
            for part in parts
        )
    )


def digits_network(seed: int = 0) -> nn.Sequential:
    """Build a network of five layers that multiply, one of each common kind.

    A plain, a strided, a depthwise and a pointwise convolution and a linear layer.

    Args:
        seed: Chooses the initial weights; the global generator stays as it is.

    Examples:
        >>> digits_network()(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 10])
    """
    seed = check_parameter("seed", seed, 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: dict[str, nn.Module] = {
            "conv": nn.Conv2d(1, 16, 3, padding=1),
            "relu1": nn.ReLU(),
            "strided": nn.Conv2d(16, 32, 3, stride=2, padding=1),
            "relu2": nn.ReLU(),
            "depthwise": nn.Conv2d(32, 32, 3, padding=1, groups=32),
            "relu3": nn.ReLU(),
            "pointwise": nn.Conv2d(32, 32, 1),
            "relu4": nn.ReLU(),
            "flatten": nn.Flatten(),
            "linear": nn.Linear(512, CLASSES),
        }
        model = nn.Sequential()
        for name, layer in layers.items():
            model.add_module(name, layer)
    return model
