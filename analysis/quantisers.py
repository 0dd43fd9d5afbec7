"""Quantisers whose codes fit the ports of a multiplier."""

from __future__ import annotations

import torch

from multipliers import Multiplier
from torchapprox.quantization import FakeQuantize, HistogramObserver, QConfig, default_qconfig


def fitting_qconfig(multiplier: Multiplier) -> QConfig:
    """Choose quantisers for the ports of a multiplier.

    Signed ports get the default: activations 0..127 and symmetric weights. An unsigned port gets an
    affine quantiser over all of its codes, 0..255.

    Args:
        multiplier: The multiplier.

    Returns:
        The configuration, as `torchapprox.approximate` takes it.

    Examples:
        >>> from multipliers import exact_products
        >>> from torchapprox.quantization import quantiser_range
        >>> unsigned = Multiplier.from_lut(
        ...     exact_products(False, False), x_signed=False, w_signed=False
        ... )
        >>> quantiser_range(fitting_qconfig(unsigned).weight())
        (0, 255)
    """
    unsigned = FakeQuantize.with_args(
        observer=HistogramObserver,
        dtype=torch.quint8,
        qscheme=torch.per_tensor_affine,
        quant_min=0,
        quant_max=255,
    )
    default = default_qconfig()
    return QConfig(
        activation=default.activation if multiplier.x_port.signed else unsigned,
        weight=default.weight if multiplier.w_port.signed else unsigned,
    )
