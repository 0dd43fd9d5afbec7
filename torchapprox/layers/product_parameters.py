"""How the two operands of a layer's product are quantised, read from its quantisers."""

from typing import Any

import torch
from torch import Tensor, nn

from multipliers import Port
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.quantisation.quantiser_state import is_centred
from torchapprox.quantisation.torch_ao import quantiser_range

Range = tuple[int, int]


def product_parameters(
    x_scale: Tensor | None,
    x_zero_point: Tensor | None,
    weight_quantiser: nn.Module,
    *,
    ports: tuple[Port, Port] | None,
    x_range: Range | None = None,
    x_clip: Range | None = None,
    w_clip: Range | None = None,
) -> QuantizationParameters | None:
    """Return the parameters of a product; None if those of the activations are not known.

    Args:
        x_scale: Scale of the activations, one element, or None.
        x_zero_point: Their zero point, one element, or None.
        weight_quantiser: Fake-quantiser of the operand that enters the weight port.
        ports: Activation and weight port; None where the quantisers' own ranges hold.
        x_range: Least and greatest value that the activations' quantiser produces, or None.
        x_clip: Limits of the activations' quantiser if the operator does its work, else None.
        w_clip: Likewise of ``weight_quantiser``.

    Raises:
        RuntimeError: ``weight_quantiser`` is no quantiser.
        ValueError: Activations are quantised per channel, or weights along another axis than 0.

    Examples:
        >>> from torchapprox.quantisation.default_qconfig import default_qconfig
        >>> one, zero = torch.tensor([1.0]), torch.tensor([0])
        >>> product_parameters(one, zero, default_qconfig().weight(), ports=None).w_range
        (-128, 127)
    """
    if x_scale is None or x_zero_point is None:
        return None
    quantiser: Any = weight_quantiser
    if not hasattr(quantiser, "scale"):
        raise RuntimeError(
            "the layer has no weight quantiser: call prepare_qat(model, layer_mapping_dict())"
        )
    if quantiser.is_per_channel and quantiser.ch_axis != 0:
        raise ValueError(
            "weights must be quantised per tensor or per output channel (axis 0), "
            f"got axis {quantiser.ch_axis}"
        )
    if ports is None:
        w_range = quantiser_range(quantiser)
    else:
        x_range, w_range = ((port.low, port.high) for port in ports)
    # Where the quantiser still observes, its zero point is new at every call.
    known = w_clip is not None and not torch.compiler.is_compiling()
    return QuantizationParameters(
        x_scale, x_zero_point, quantiser.scale, quantiser.zero_point, x_range, w_range,
        x_clip, w_clip, is_centred(quantiser) if known else None,
    )  # fmt: skip
