"""A frozen quantiser in ordinary operations."""

from typing import Any

import torch
from torch import Tensor, nn

from torchapprox.quantisation.torch_ao import FakeQuantize, quantiser_range


class PlainQuantiser(nn.Module):
    """Quantises as a frozen fake-quantiser does.

    Args:
        quantiser: The fake-quantiser; its present scale and zero point become constants.

    Raises:
        NotImplementedError: It is something else than a fake-quantiser.

    Examples:
        >>> from torchapprox.quantisation.default_qconfig import default_qconfig
        >>> from torchapprox.quantisation.torch_ao import set_parameters
        >>> quantiser = default_qconfig().activation()
        >>> set_parameters(quantiser, 0.5, 3)
        >>> plain = PlainQuantiser(quantiser)
        >>> plain(torch.tensor([-9.0, 0.6])).tolist(), plain.integers(torch.tensor([0.6])).tolist()
        ([-1.5, 0.5], [4.0])
    """

    scale: Tensor
    zero_point: Tensor

    @property
    def zero(self) -> int:
        """The zero point of a quantiser per tensor."""
        if self.per_tensor is None:
            raise ValueError("activations must be quantised per tensor, got one scale per channel")
        return self.per_tensor[1]

    def __init__(self, quantiser: nn.Module) -> None:
        super().__init__()
        limits = quantiser_range(quantiser)
        if limits is None:
            raise NotImplementedError(
                f"only fake-quantisers can be exported, got {type(quantiser).__name__}"
            )
        fake: Any = quantiser
        # Numbers, not tensors, where there is one of each: exporters take them as constants.
        self.per_tensor: tuple[float, int] | None = (
            None if fake.is_per_channel else (float(fake.scale), int(fake.zero_point))
        )
        self.low: int = limits[0]
        self.high: int = limits[1]
        self.axis: int = fake.ch_axis if fake.is_per_channel else 0
        self.register_buffer("scale", fake.scale.detach().clone().float().view(-1))
        self.register_buffer(
            "zero_point", fake.zero_point.detach().clone().to(torch.int32).view(-1)
        )

    def forward(self, values: Tensor) -> Tensor:
        """Return the fake-quantised values, which exporters turn into QuantizeLinear and back."""
        if self.per_tensor is not None:
            return torch.fake_quantize_per_tensor_affine(
                values, *self.per_tensor, self.low, self.high
            )
        return torch.fake_quantize_per_channel_affine(
            values, self.scale, self.zero_point, self.axis, self.low, self.high
        )

    def integers(self, values: Tensor) -> Tensor:
        """Return the integers that enter the multiplier, floating point, shape of ``values``."""
        shape = (-1,) if self.per_tensor is not None else (-1, *[1] * (values.dim() - 1))
        q = (values * self.scale.reciprocal().view(shape)).round() + self.zero_point.view(shape)
        return q.clamp(self.low, self.high)


def is_frozen(quantiser: nn.Module) -> bool:
    """Whether a quantiser's parameters no longer change by themselves, and it is on."""
    if not isinstance(quantiser, FakeQuantize):
        return True
    fake: Any = quantiser
    return not bool(fake.observer_enabled[0]) and bool(fake.fake_quant_enabled[0])
