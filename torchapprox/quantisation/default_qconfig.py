"""The quantisers of layers that are given none."""

import torch

from torchapprox.quantisation.histogram_observer import HistogramObserver
from torchapprox.quantisation.torch_ao import FakeQuantize, QConfig

ACTIVATION_CODES = (0, 127)
WEIGHT_CODES = (-128, 127)


def default_qconfig() -> QConfig:
    """Return the configuration of layers that are given none.

    Activations are affine per tensor with codes 0..127, weights symmetric per tensor with codes
    -128..127, so that both fit the ports of a signed 8-bit multiplier.

    Examples:
        >>> from torchapprox.quantisation.torch_ao import quantiser_range
        >>> quantiser_range(default_qconfig().activation())
        (0, 127)
    """
    activation = FakeQuantize.with_args(
        observer=HistogramObserver,
        dtype=torch.quint8,
        qscheme=torch.per_tensor_affine,
        quant_min=ACTIVATION_CODES[0],
        quant_max=ACTIVATION_CODES[1],
    )
    weight = FakeQuantize.with_args(
        observer=HistogramObserver,
        dtype=torch.qint8,
        qscheme=torch.per_tensor_symmetric,
        quant_min=WEIGHT_CODES[0],
        quant_max=WEIGHT_CODES[1],
    )
    return QConfig(activation=activation, weight=weight)
