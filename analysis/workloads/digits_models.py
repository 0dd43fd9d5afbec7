"""Networks that read handwritten digits: convolutional, transformer and recurrent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.workloads.digits import CLASSES, Digits, digits_network
from analysis.workloads.training import train


class DigitsTransformer(nn.Module):
    """A small vision transformer on 16 overlapping patches of 4 x 4 pixels and a class token.

    Images `(B, 1, 8, 8)` to class scores `(B, 10)`.

    Args:
        width: Features of a token.
        heads: Attention heads.
        depth: Encoder layers.

    Attributes:
        patches: Embeds the patches.
        encoder: Encoder layers that normalise first.
        head: Scores the class token.
    """

    def __init__(self, width: int = 32, *, heads: int = 4, depth: int = 2) -> None:
        super().__init__()
        self.patches: nn.Module = nn.Conv2d(1, width, kernel_size=4, stride=2, padding=1)
        self.class_token: nn.Parameter = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions: nn.Parameter = nn.Parameter(0.02 * torch.randn(1, 17, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.1, activation="gelu", batch_first=True,
            norm_first=True,
        )  # fmt: skip
        self.encoder: nn.Module = nn.TransformerEncoder(
            layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.head: nn.Module = nn.Linear(width, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores of the classes."""
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), patches], dim=1)
        scores: Tensor = self.head(self.encoder(tokens + self.positions)[:, 0])
        return scores


class DigitsRecurrent(nn.Module):
    """An LSTM that reads an image row by row.

    Images `(B, 1, 8, 8)` to class scores `(B, 10)`.

    Args:
        width: Features of the hidden state.

    Attributes:
        lstm: Reads the rows.
        head: Scores the last hidden state.
    """

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.lstm: nn.Module = nn.LSTM(8, width, batch_first=True)
        self.head: nn.Module = nn.Linear(width, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores of the classes."""
        states, _ = self.lstm(images[:, 0])
        scores: Tensor = self.head(states[:, -1])
        return scores


@dataclass(frozen=True, slots=True)
class DigitsModel:
    """A network with the settings that train it well.

    Attributes:
        build: Makes the untrained network from a seed; PyTorch's global generator stays as it is.
        epochs: Of training in floating point.
        learning_rate: At the start of training in floating point.
    """

    build: Callable[[int], nn.Module]
    epochs: int
    learning_rate: float

    def trained(self, digits: Digits, *, seed: int = 0, quiet: bool = True) -> nn.Module:
        """Build and train the network in floating point, and put it into evaluation mode."""
        model = self.build(seed)
        train(
            model,
            digits.train,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            seed=seed,
            quiet=quiet,
        )
        return model.eval()


def digits_transformer(seed: int = 0) -> DigitsTransformer:
    """Build a vision transformer of two layers.

    Args:
        seed: Chooses the initial weights; the global generator stays as it is.

    Examples:
        >>> digits_transformer()(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 10])
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DigitsTransformer()


def digits_recurrent(seed: int = 0) -> DigitsRecurrent:
    """Build a network of one LSTM.

    Args:
        seed: Chooses the initial weights; the global generator stays as it is.

    Examples:
        >>> digits_recurrent()(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 10])
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DigitsRecurrent()


DIGITS_MODELS: dict[str, DigitsModel] = {
    "CNN": DigitsModel(digits_network, epochs=30, learning_rate=3e-3),
    "ViT": DigitsModel(digits_transformer, epochs=50, learning_rate=3e-3),
    "LSTM": DigitsModel(digits_recurrent, epochs=40, learning_rate=1e-2),
}
"""The networks by the name of their kind."""
