"""Quantiser configurations, tables and models that the tests share."""

import numpy as np
import torch
from torch import nn

from multipliers import Multiplier
from torchapprox import InferenceMode, approximate, get_approx_modules
from torchapprox.layers import ApproxWrapper, layer_mapping_dict
from torchapprox.quantisation.torch_ao import (
    FakeQuantize,
    MinMaxObserver,
    PerChannelMinMaxObserver,
    QConfig,
    prepare_qat,
)

SIGNED = (-128, 127)
UNSIGNED = (0, 255)


def quantiser(value_range=SIGNED, *, affine=False, per_channel=False):
    """Return a constructor of fake-quantisers with MinMax observers, which are fast."""
    schemes = {
        (False, False): torch.per_tensor_symmetric,
        (False, True): torch.per_tensor_affine,
        (True, False): torch.per_channel_symmetric,
        (True, True): torch.per_channel_affine,
    }
    low, high = value_range
    return FakeQuantize.with_args(
        observer=PerChannelMinMaxObserver if per_channel else MinMaxObserver,
        dtype=torch.qint8 if low < 0 else torch.quint8,
        qscheme=schemes[per_channel, affine],
        quant_min=low,
        quant_max=high,
    )


def minmax_qconfig(activation=(0, 127), weight=SIGNED, *, w_affine=False, per_channel=False):
    return QConfig(
        activation=quantiser(activation, affine=True),
        weight=quantiser(weight, affine=w_affine, per_channel=per_channel),
    )


def wrapped(layer, multiplier=None, *, qconfig=None, mode=InferenceMode.APPROXIMATE):
    """Put a float layer between quantisers that have seen nothing yet."""
    wrapper = ApproxWrapper(layer, qconfig or minmax_qconfig())
    prepare_qat(wrapper, layer_mapping_dict())
    wrapper.wrapped.multiplier = multiplier
    wrapper.wrapped.inference_mode = mode
    return wrapper


def random_table(seed=0, *, limit=2**15):
    """A table that no symmetry can hide behind."""
    return np.random.default_rng(seed).integers(-limit, limit, (256, 256)).astype(np.int32)


def random_multiplier(seed=0, *, limit=2**15, x_signed=True, w_signed=True):
    return Multiplier.from_lut(
        random_table(seed, limit=limit), name="random", x_signed=x_signed, w_signed=w_signed
    )


def small_cnn(seed=0):
    """Convolutions with groups and padding, and a linear layer; input (B, 2, 6, 6)."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 4, 2, padding="same", groups=2),
        nn.Flatten(),
        nn.Linear(4 * 36, 3),
    )


def images(count=3, seed=0):
    return torch.randn(count, 2, 6, 6, generator=torch.Generator().manual_seed(seed))


def converted_cnn(multiplier=None, *, mode=InferenceMode.APPROXIMATE, **options):
    model = small_cnn()
    options.setdefault("qconfig", minmax_qconfig())
    approximate(model, multiplier, calibration=[images(8, seed=1)], mode=mode, **options)
    return model


CALIBRATION = [images(8, seed=1)]


def names(model):
    """Return the names of a model's approximate layers."""
    return [name for name, _ in get_approx_modules(model)]


def convert(model, multiplier=None, **options):
    """Convert a model, by default with min-max quantisers and eight images."""
    options.setdefault("qconfig", minmax_qconfig())
    options.setdefault("calibration", CALIBRATION)
    return approximate(model, multiplier, **options)
