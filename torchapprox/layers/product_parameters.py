"""How the two operands of a layer's product are quantised, read from its quantisers."""

from typing import Any

import torch
from torch import Tensor, nn

from multipliers import Port
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.quantisation.quantiser_state import is_centred
from torchapprox.quantisation.torch_ao import quantiser_range

Range = tuple[int, int]
Ports = tuple[Port, Port]


class ProductParameters:
    """`product_parameters` of one layer, the same value again while nothing changes.

    Remembers nothing in copies and files, and nothing of quantisers that do more than quantise.

    Examples:
        >>> from torchapprox.quantisation.torch_ao import default_qconfig
        >>> scale, zero, quantiser = torch.ones(1), torch.zeros(1), default_qconfig().weight()
        >>> found = ProductParameters()
        >>> ranges = {"ports": None, "x_range": (0, 127), "x_clip": (0, 127), "w_clip": (-128, 127)}
        >>> first = found(scale, zero, quantiser, **ranges)
        >>> first is found(scale, zero, quantiser, **ranges)
        True
        >>> found(torch.ones(1), zero, quantiser, **ranges) is first
        False
    """

    def __init__(self) -> None:
        self._known: tuple[QuantizationParameters, Ports | None, Range | None] | None = None

    def __call__(
        self,
        x_scale: Tensor | None,
        x_zero_point: Tensor | None,
        weight_quantiser: nn.Module,
        *,
        ports: Ports | None,
        x_range: Range | None,
        x_clip: Range | None,
        w_clip: Range | None,
    ) -> QuantizationParameters | None:
        """Return the parameters; arguments and errors as those of `product_parameters`."""
        if w_clip is None or torch.compiler.is_compiling():
            return product_parameters(
                x_scale, x_zero_point, weight_quantiser,
                ports=ports, x_range=x_range, x_clip=x_clip, w_clip=w_clip,
            )  # fmt: skip
        if self._known is not None:
            known, of_ports, of_range = self._known
            buffers = weight_quantiser._buffers  # noqa: SLF001  modules are slow to ask
            if (
                known.x_scale is x_scale
                and known.x_zero_point is x_zero_point
                and known.w_scale is buffers.get("scale")
                and known.w_zero_point is buffers.get("zero_point")
                and (of_ports, of_range) == (ports, x_range)
                and (known.x_clip, known.w_clip) == (x_clip, w_clip)
                and known.w_centred == is_centred(weight_quantiser)
            ):
                return known
        found = product_parameters(
            x_scale, x_zero_point, weight_quantiser,
            ports=ports, x_range=x_range, x_clip=x_clip, w_clip=w_clip,
        )  # fmt: skip
        self._known = None if found is None else (found, ports, x_range)
        return found

    def __getstate__(self) -> dict[str, None]:
        return {"_known": None}


def product_parameters(
    x_scale: Tensor | None,
    x_zero_point: Tensor | None,
    weight_quantiser: nn.Module,
    *,
    ports: Ports | None,
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
        >>> from torchapprox.quantisation.torch_ao import default_qconfig
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
