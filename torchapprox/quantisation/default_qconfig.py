"""The quantisers of layers that are given none."""

from typing import Any

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
    return QConfig(
        activation=_quantiser(ACTIVATION_CODES, torch.quint8, torch.per_tensor_affine),
        weight=_quantiser(WEIGHT_CODES, torch.qint8, torch.per_tensor_symmetric),
    )


def _quantiser(codes: tuple[int, int], dtype: torch.dtype, scheme: torch.qscheme) -> Any:
    low, high = codes
    return FakeQuantize.with_args(
        observer=HistogramObserver, dtype=dtype, qscheme=scheme, quant_min=low, quant_max=high
    )
