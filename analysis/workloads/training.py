"""Training a classifier, and counting what it gets right."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from analysis.modes import evaluating
from analysis.progress import hidden
from analysis.workloads.labelled import Labelled
from multipliers.parameters import check_kind, check_number, check_parameter

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""Changes a batch of images at random; the labels stay."""


def train(
    model: nn.Module,
    data: Labelled,
    *,
    epochs: int,
    learning_rate: float,
    batch_size: int = 64,
    seed: int = 0,
    augment: Augment | None = None,
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
        augment: Changes the images of each step, such as
            `analysis.workloads.augment.mirrored_and_shifted`.
        title: Label of the progress bar.
        quiet: Show no progress bar.

    Returns:
        Mean loss of each epoch.

    Examples:
        >>> from analysis.workloads.digits import load_digits
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        >>> losses = train(model, load_digits().train, epochs=3, learning_rate=1e-2)
        >>> losses[-1] < losses[0]
        True
    """
    check_kind("model", model, nn.Module)
    check_kind("data", data, Labelled)
    epochs = check_parameter("epochs", epochs, 0)
    learning_rate = check_number("learning_rate", learning_rate, above=0)
    batch_size = check_parameter("batch_size", batch_size, 1)
    seed = check_parameter("seed", seed, 0)
    check_kind("augment", augment, Callable | None)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(epochs, 1))
    generator = torch.Generator().manual_seed(seed)
    losses: list[float] = []
    model.train()
    bar = tqdm(range(epochs), desc=title, unit="epoch", disable=hidden(quiet))
    # Dropout draws from the global generator.
    with bar, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in bar:
            total = 0.0
            for batch in data.batches(batch_size, generator=generator):
                images = augment(batch.images, generator) if augment else batch.images
                loss = F.cross_entropy(model(images), batch.labels)
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
    check_kind("model", model, nn.Module)
    check_kind("data", data, Labelled)
    batch_size = check_parameter("batch_size", batch_size, 1)
    return correct(model, data, batch_size=batch_size) / len(data)
