"""The networks of a reproduction, for images of any size, channels and number of classes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from multipliers.parameters import check_kind


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut that subsamples and adds empty channels.

    Option A of K. He et al. (2016), "Deep Residual Learning for Image Recognition", section 4.2.

    Args:
        channels: Of the input.
        out_channels: Of the output.
        stride: Of the first convolution.
    """

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.first: nn.Module = nn.Conv2d(channels, out_channels, 3, stride, 1, bias=False)
        self.second: nn.Module = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.norms: nn.ModuleList = nn.ModuleList([nn.BatchNorm2d(out_channels) for _ in range(2)])
        self.stride: int = stride
        self.added: int = out_channels - channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the features, `(B, out_channels, ceil(H / stride), ceil(W / stride))`."""
        y = self.norms[1](self.second(F.relu(self.norms[0](self.first(x)))))
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return F.relu(y + shortcut)


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution and projection; a shortcut where the shapes agree.

    M. Sandler et al. (2018), "MobileNetV2: Inverted Residuals and Linear Bottlenecks", table 1.

    Args:
        channels: Of the input.
        out_channels: Of the output.
        stride: Of the depthwise convolution.
        expansion: Channels between, relative to the input's.
    """

    def __init__(self, channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        expand = [nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6()]
        self.body: nn.Module = nn.Sequential(
            *(expand if expansion > 1 else []),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut: bool = stride == 1 and channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the features, `(B, out_channels, ceil(H / stride), ceil(W / stride))`."""
        y: Tensor = self.body(x)
        return x + y if self.shortcut else y


class SmallTransformer(nn.Module):
    """Four encoder layers that normalise first, on patches, averaged at the end.

    Args:
        channels: Of the images.
        size: Height and width of the images, a multiple of ``patch``.
        patch: Height and width of a patch.
        classes: Number of classes.
        width: Features of a token.
    """

    def __init__(
        self, channels: int, size: int, *, patch: int, classes: int, width: int = 64
    ) -> None:
        super().__init__()
        self.patches: nn.Module = nn.Conv2d(channels, width, patch, patch)
        self.positions: nn.Parameter = nn.Parameter(
            0.02 * torch.randn(1, (size // patch) ** 2, width)
        )
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder: nn.Module = nn.TransformerEncoder(
            layer, 4, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.head: nn.Module = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores of the classes, `(B, classes)`."""
        tokens = self.patches(images).flatten(2).mT + self.positions
        scores: Tensor = self.head(self.encoder(tokens).mean(dim=1))
        return scores


def resnet8(channels: int, size: int, classes: int) -> nn.Module:
    """Build the ResNet of 6n + 2 layers with n = 1 (He et al. 2016, section 4.2)."""
    del size  # any
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, 1, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        ResidualBlock(16, 16, 1),
        ResidualBlock(16, 32, 2),
        ResidualBlock(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, classes),
    )


def small_mobilenet(channels: int, size: int, classes: int) -> nn.Module:
    """Build a MobileNetV2 of six inverted residuals, for small images."""
    del size  # any
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, 1, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU6(),
        InvertedResidual(16, 16, 1, 1),
        InvertedResidual(16, 24, 2, 4),
        InvertedResidual(24, 24, 1, 4),
        InvertedResidual(24, 32, 2, 4),
        InvertedResidual(32, 32, 1, 4),
        InvertedResidual(32, 64, 1, 4),
        nn.Conv2d(64, 128, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(128, classes),
    )


def small_vit(channels: int, size: int, classes: int) -> nn.Module:
    """Build a vision transformer on patches of an eighth of the image, at least 2 x 2 pixels.

    Raises:
        ValueError: If the size is no multiple of the patch's.
    """
    patch = max(2, size // 8)
    if size % patch:
        raise ValueError(
            f"the vision transformer needs images whose size is a multiple of {patch}, got {size}"
        )
    return SmallTransformer(channels, size, patch=patch, classes=classes)


NETWORKS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "resnet8": resnet8,
    "mobilenet": small_mobilenet,
    "vit": small_vit,
}
"""What builds a network, by name: from the images' channels and size, and the number of classes."""


def build_network(name: str, *, channels: int, size: int, classes: int, seed: int) -> nn.Module:
    """Build an untrained network; PyTorch's global generator stays as it is.

    Args:
        name: One of `NETWORKS`.
        channels: Of the images.
        size: Height and width of the images.
        classes: Number of classes.
        seed: Chooses the initial weights.

    Raises:
        LookupError: If there is no such network.
        ValueError: If it does not take images of this size.

    Examples:
        >>> network = build_network("resnet8", channels=3, size=32, classes=10, seed=0)
        >>> network(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
        >>> sum(isinstance(module, (nn.Conv2d, nn.Linear)) for module in network.modules())
        8
    """
    check_kind("name", name, str)
    if name not in NETWORKS:
        raise LookupError(f"'name' must be one of {', '.join(NETWORKS)}, got {name!r}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETWORKS[name](channels, size, classes)
