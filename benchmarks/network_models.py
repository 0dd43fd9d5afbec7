"""The networks that `benchmarks.networks` times, with random weights."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from analysis.reproduction.networks import InvertedResidual, ResidualBlock


def resnet20() -> tuple[nn.Module, Tensor]:
    """ResNet-20 on 32x32 (He et al. 2016, section 4.2), batch 16."""
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    channels = 16
    for out_channels in (16, 32, 64):
        for block in range(3):
            stride = 2 if block == 0 and out_channels > 16 else 1
            layers.append(ResidualBlock(channels, out_channels, stride))
            channels = out_channels
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(*layers), torch.randn(16, 3, 32, 32)


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones, and a shortcut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 4 * width, 1, bias=False),
            nn.BatchNorm2d(4 * width),
        )
        changes = stride > 1 or channels != 4 * width
        self.shortcut = (
            nn.Sequential(
                nn.Conv2d(channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )
            if changes
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def resnet50(batch: int = 32) -> tuple[nn.Module, Tensor]:
    """ResNet-50 at 224x224 (He et al. 2016, table 1), strides in the 3x3 convolutions."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    channels = 64
    for width, repeats in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(repeats):
            layers.append(Bottleneck(channels, width, 2 if block == 0 and width > 64 else 1))
            channels = 4 * width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000)]
    return nn.Sequential(*layers), torch.randn(batch, 3, 224, 224)


def mobilenet_v2(size: int = 96, batch: int = 4) -> tuple[nn.Module, Tensor]:
    """MobileNetV2 (Sandler et al. 2018, table 2)."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 32, 3, 2, 1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU6(),
    ]
    channels = 32
    for expansion, out_channels, repeats, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
        (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for block in range(repeats):
            step = stride if block == 0 else 1
            layers.append(InvertedResidual(channels, out_channels, step, expansion))
            channels = out_channels
    layers += [nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000)]
    return nn.Sequential(*layers), torch.randn(batch, 3, size, size)


class VisionTransformer(nn.Module):
    """Twelve layers on patches of 16x16 (Touvron et al. 2021, table 1), averaged at the end."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)
        self.head = nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).mT
        return self.head(self.layers(tokens).mean(dim=1))


def vit_tiny() -> tuple[nn.Module, Tensor]:
    """ViT-Tiny at 224x224, batch 4."""
    return VisionTransformer(192, 3), torch.randn(4, 3, 224, 224)


def vit_base(batch: int = 16) -> tuple[nn.Module, Tensor]:
    """ViT-B/16 at 224x224."""
    return VisionTransformer(768, 12), torch.randn(batch, 3, 224, 224)


NETWORKS = {"ResNet-20": resnet20, "MobileNetV2": mobilenet_v2, "ViT-Tiny": vit_tiny}
"""Networks of sizes for a CPU."""

LARGE_NETWORKS = {
    "ResNet-50": resnet50,
    "MobileNetV2": partial(mobilenet_v2, size=224, batch=32),
    "ViT-B/16": vit_base,
}
"""Networks of sizes for a CUDA device."""
