"""Handwritten digits and a small network that reads them: real data inside a dependency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from sklearn import datasets, model_selection
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from analysis.modes import evaluating

CLASSES = 10


@dataclass(frozen=True, slots=True)
class Labelled:
    """Images with their labels.

    Attributes:
        images: float32 `(B, 1, 8, 8)`, pixels from -1 to 1.
        labels: int64 `(B,)`, the digit 0..9.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, size: int, *, generator: torch.Generator | None = None) -> Iterator[Self]:
        """Yield all images in batches, in a random order if a generator is given.

        Examples:
            >>> data = Labelled(torch.zeros(5, 1, 8, 8), torch.arange(5))
            >>> [batch.labels.tolist() for batch in data.batches(2)]
            [[0, 1], [2, 3], [4]]
        """
        order = torch.arange(len(self))
        if generator is not None:
            order = torch.randperm(len(self), generator=generator)
        for start in range(0, len(self), size):
            chosen = order[start : start + size]
            yield type(self)(self.images[chosen], self.labels[chosen])


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
    if not 0 <= validation < 1:
        raise ValueError(f"'validation' must be from 0 to below 1, got {validation}")
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


def train(
    model: nn.Module,
    data: Labelled,
    *,
    epochs: int,
    learning_rate: float,
    batch_size: int = 64,
    seed: int = 0,
    title: str = "training",
    quiet: bool = True,
) -> list[float]:
    """Train with Adam, cross-entropy and a learning rate that falls along a cosine to 0.

    Args:
        model: Trained in place; left in training mode.
        data: Training images.
        epochs: Passes over the data.
        learning_rate: At the start.
        batch_size: Images per step.
        seed: Chooses the order of the images, and what dropout drops; the global generator stays
            as it is.
        title: Label of the progress bar.
        quiet: Show no progress bar.

    Returns:
        Mean loss of each epoch.

    Examples:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        >>> losses = train(model, load_digits().train, epochs=3, learning_rate=1e-2)
        >>> losses[-1] < losses[0]
        True
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(epochs, 1))
    generator = torch.Generator().manual_seed(seed)
    losses: list[float] = []
    model.train()
    bar = tqdm(range(epochs), desc=title, unit="epoch", disable=quiet)
    # Dropout draws from the global generator.
    with bar, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in bar:
            total = 0.0
            for batch in data.batches(batch_size, generator=generator):
                loss = F.cross_entropy(model(batch.images), batch.labels)
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                optimiser.step()
                total += float(loss.detach()) * len(batch)
            schedule.step()
            losses.append(total / len(data))
            bar.set_postfix(loss=f"{losses[-1]:.3f}")
    return losses


@torch.no_grad()
def correct(model: nn.Module, data: Labelled, *, batch_size: int = 256) -> int:
    """Count the images whose most likely class is their label, in evaluation mode."""
    with evaluating(model):
        return sum(
            int((model(batch.images).argmax(dim=1) == batch.labels).sum())
            for batch in data.batches(batch_size)
        )


def accuracy(model: nn.Module, data: Labelled, *, batch_size: int = 256) -> float:
    """Share of the images whose most likely class is their label, 0..1.

    Examples:
        >>> always_zero = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        >>> _ = nn.init.zeros_(always_zero[1].weight), nn.init.zeros_(always_zero[1].bias)
        >>> accuracy(always_zero, Labelled(torch.zeros(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])))
        0.5
    """
    return correct(model, data, batch_size=batch_size) / len(data)
