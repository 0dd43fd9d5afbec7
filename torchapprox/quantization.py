"""Everything that the project uses of ``torch.ao``, in one place.

PyTorch has announced the removal of ``torch.ao.quantization``. No other module of the project
imports it, so that it can be replaced here.
"""

import warnings
from typing import Any

import torch
from torch import nn
from torch.ao.nn.qat import Conv1d as QatConv1d
from torch.ao.nn.qat import Conv2d as QatConv2d
from torch.ao.nn.qat import Conv3d as QatConv3d
from torch.ao.nn.qat import Linear as QatLinear
from torch.ao.quantization import (
    DeQuantStub,
    FakeQuantize,
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    PerChannelMinMaxObserver,
    QConfig,
    QuantStub,
    disable_fake_quant,
    disable_observer,
    enable_fake_quant,
    enable_observer,
)
from torch.ao.quantization import prepare_qat as _prepare_qat
from torch.ao.quantization.fake_quantize import FakeQuantizeBase

__all__ = [
    "DeQuantStub",
    "FakeQuantize",
    "FakeQuantizeBase",
    "HistogramObserver",
    "MinMaxObserver",
    "MovingAverageMinMaxObserver",
    "PerChannelMinMaxObserver",
    "QConfig",
    "QatConv1d",
    "QatConv2d",
    "QatConv3d",
    "QatConvTranspose1d",
    "QatConvTranspose2d",
    "QatConvTranspose3d",
    "QatLinear",
    "QuantStub",
    "default_qconfig",
    "disable_fake_quant",
    "disable_observer",
    "enable_fake_quant",
    "enable_observer",
    "has_observed",
    "prepare_qat",
    "quantiser_range",
]


class QatConvTranspose1d(nn.ConvTranspose1d):
    """`torch.nn.ConvTranspose1d` with a fake-quantiser for its weights, which torch.ao lacks."""

    def __init__(self, *args: Any, qconfig: QConfig, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight_fake_quant = qconfig.weight()


class QatConvTranspose2d(nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d` with a fake-quantiser for its weights, which torch.ao lacks."""

    def __init__(self, *args: Any, qconfig: QConfig, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight_fake_quant = qconfig.weight()


class QatConvTranspose3d(nn.ConvTranspose3d):
    """`torch.nn.ConvTranspose3d` with a fake-quantiser for its weights, which torch.ao lacks."""

    def __init__(self, *args: Any, qconfig: QConfig, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight_fake_quant = qconfig.weight()


def default_qconfig() -> QConfig:
    """Return the configuration of layers that are given none.

    Activations are affine per tensor with codes 0..127, weights symmetric per tensor with codes
    -128..127, so that both fit the ports of a signed 8-bit multiplier.

    Examples:
        >>> quantiser_range(default_qconfig().activation())
        (0, 127)
    """
    activation = FakeQuantize.with_args(
        observer=HistogramObserver,
        dtype=torch.quint8,
        qscheme=torch.per_tensor_affine,
        quant_min=0,
        quant_max=127,
    )
    weight = FakeQuantize.with_args(
        observer=HistogramObserver,
        dtype=torch.qint8,
        qscheme=torch.per_tensor_symmetric,
        quant_min=-128,
        quant_max=127,
    )
    return QConfig(activation=activation, weight=weight)


def prepare_qat(model: nn.Module, mapping: dict[type[nn.Module], type[nn.Module]]) -> None:
    """Insert quantisers into a model in place, in training or evaluation mode, without a warning.

    Args:
        model: Model whose submodules carry a ``qconfig`` and share one training mode.
        mapping: Float layer type -> layer type that replaces it.
    """
    training = model.training
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.ao.quantization is deprecated", DeprecationWarning)
        _prepare_qat(model.train(), mapping, inplace=True)
    model.train(training)


def quantiser_range(quantiser: nn.Module) -> tuple[int, int] | None:
    """Return the least and the greatest code value of a fake-quantiser, None for another module."""
    if not isinstance(quantiser, FakeQuantize):
        return None
    observer = quantiser.activation_post_process
    return int(observer.quant_min), int(observer.quant_max)


def has_observed(quantiser: nn.Module) -> bool:
    """Whether a fake-quantiser's observer has seen data; true for an observer that needs none.

    Examples:
        >>> quantiser = FakeQuantize(observer=MinMaxObserver)
        >>> has_observed(quantiser)
        False
        >>> _ = quantiser(torch.tensor([-1.0, 1.0]))
        >>> has_observed(quantiser)
        True
    """
    observer = getattr(quantiser, "activation_post_process", None)
    least: torch.Tensor | None = getattr(observer, "min_val", None)
    return least is None or (least.numel() > 0 and bool(torch.isfinite(least).all()))
