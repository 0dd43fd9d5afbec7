"""Everything that the project uses of ``torch.ao``, in one place.

PyTorch has announced the removal of ``torch.ao.quantization``. No other module of the project
imports it, so that it can be replaced here.
"""

import warnings
from functools import partial
from typing import Any, cast

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
    MovingAveragePerChannelMinMaxObserver,
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
    "MovingAveragePerChannelMinMaxObserver",
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
    "describe_quantiser",
    "disable_fake_quant",
    "disable_observer",
    "enable_fake_quant",
    "enable_observer",
    "prepare_qat",
    "quantiser_range",
    "set_parameters",
    "weight_port_activation",
]


class QatConvTranspose1d(nn.ConvTranspose1d):
    """`torch.nn.ConvTranspose1d` with a fake-quantiser for its weights, which torch.ao lacks."""

    def __init__(self, *args: Any, qconfig: QConfig, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight_fake_quant: nn.Module = qconfig.weight()


class QatConvTranspose2d(nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d` with a fake-quantiser for its weights, which torch.ao lacks."""

    def __init__(self, *args: Any, qconfig: QConfig, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight_fake_quant: nn.Module = qconfig.weight()


class QatConvTranspose3d(nn.ConvTranspose3d):
    """`torch.nn.ConvTranspose3d` with a fake-quantiser for its weights, which torch.ao lacks."""

    def __init__(self, *args: Any, qconfig: QConfig, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight_fake_quant: nn.Module = qconfig.weight()


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


def weight_port_activation(qconfig: QConfig) -> nn.Module:
    """Return the fake-quantiser of an activation that enters a multiplier's weight port.

    It observes as the activations' quantiser does, since its data changes from batch to batch, and
    has the weights' range and type, so that it fits their port. It is symmetric if the weights'
    quantiser is, and always per tensor.

    Examples:
        >>> from torchapprox.quantisation.default_qconfig import default_qconfig
        >>> quantiser_range(weight_port_activation(default_qconfig()))
        (-128, 127)
    """
    weight = qconfig.weight()
    if not isinstance(weight, FakeQuantizeBase):
        return cast("nn.Module", qconfig.activation())
    observer: Any = getattr(weight, "activation_post_process", weight)
    symmetric = observer.qscheme in (torch.per_tensor_symmetric, torch.per_channel_symmetric)
    make = partial(
        qconfig.activation,
        dtype=observer.dtype,
        qscheme=torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine,
        quant_min=observer.quant_min,
        quant_max=observer.quant_max,
    )
    return cast("nn.Module", make())


def quantiser_range(quantiser: nn.Module) -> tuple[int, int] | None:
    """Return the least and the greatest code value of a fake-quantiser, None for another module."""
    if not isinstance(quantiser, FakeQuantize):
        return None
    observer: Any = quantiser._modules["activation_post_process"]  # noqa: SLF001  asked at every call
    return int(observer.quant_min), int(observer.quant_max)


def describe_quantiser(quantiser: nn.Module | None) -> str:
    """Return range and scheme of a fake-quantiser as text, "?" for another module.

    Examples:
        >>> from torchapprox.quantisation.default_qconfig import default_qconfig
        >>> describe_quantiser(default_qconfig().weight())
        '-128..127 symmetric'
    """
    value_range = None if quantiser is None else quantiser_range(quantiser)
    if not isinstance(quantiser, FakeQuantize) or value_range is None:
        return "?"
    symmetric = quantiser.qscheme in (torch.per_tensor_symmetric, torch.per_channel_symmetric)
    low, high = value_range
    return (
        f"{low}..{high} {'symmetric' if symmetric else 'affine'}"
        f"{' per channel' if quantiser.is_per_channel else ''}"
    )


def set_parameters(
    quantiser: nn.Module, scale: float | torch.Tensor, zero_point: int | torch.Tensor
) -> None:
    """Give a fake-quantiser a scale and a zero point from elsewhere, and stop it from observing.

    Args:
        quantiser: The fake-quantiser.
        scale: Positive, one element, or one per channel of a quantiser per channel.
        zero_point: Integers, likewise, within the quantiser's range.

    Raises:
        TypeError: The module is no fake-quantiser.
        ValueError: A scale is not positive and finite, a zero point is out of range, or their
            numbers do not match the scheme.

    Examples:
        >>> from torchapprox.quantisation.default_qconfig import default_qconfig
        >>> quantiser = default_qconfig().activation()
        >>> set_parameters(quantiser, 0.5, 3)
        >>> quantiser(torch.tensor([-2.0, 0.7, 100.0]))
        tensor([-1.5000,  0.5000, 62.0000])
    """
    if not isinstance(quantiser, FakeQuantize):
        raise TypeError(f"'quantiser' must be a fake-quantiser, got {type(quantiser).__name__}")
    device, (low, high) = quantiser.scale.device, quantiser_range(quantiser) or (0, 0)
    scales = torch.as_tensor(scale, dtype=torch.float32, device=device).reshape(-1)
    zeros = torch.as_tensor(zero_point, dtype=torch.int32, device=device).reshape(-1)
    if len(scales) != len(zeros) or (len(scales) != 1 and not quantiser.is_per_channel):
        raise ValueError(
            "'scale' and 'zero_point' must have equally many elements, one for a quantiser per "
            f"tensor, got {len(scales)} and {len(zeros)}"
        )
    if not bool((scales > 0).all() and torch.isfinite(scales).all()):
        raise ValueError(f"'scale' must be positive and finite, got {scales.tolist()}")
    if not bool((zeros >= low).all() and (zeros <= high).all()):
        raise ValueError(f"'zero_point' must lie in {low}..{high}, got {zeros.tolist()}")
    for tensor, values in ((quantiser.scale, scales), (quantiser.zero_point, zeros)):
        tensor.data = values
        torch.autograd.graph.increment_version(tensor)  # which an assignment to data does not count
    observer = quantiser.activation_post_process
    # The range that the parameters stand for counts as seen.
    if hasattr(observer, "min_val"):
        shape = scales.shape if quantiser.is_per_channel else ()
        observer.min_val = (scales * (low - zeros)).reshape(shape)
        observer.max_val = (scales * (high - zeros)).reshape(shape)
    quantiser.disable_observer()
