"""A fake-quantiser whose scale is trained: learned step size quantisation."""

from typing import Any

import torch
from torch import Tensor, nn

from torchapprox.quantisation.torch_ao import FakeQuantize


class LearnedStepQuantize(FakeQuantize):  # type: ignore[misc]
    """A fake-quantiser whose scale an optimiser trains once its observer is off.

    While the observer is on, as during calibration, it sets scale and zero point like that of any
    other fake-quantiser. Then the zero point stays, and the scale s of n values gets the gradient

        1 / sqrt(n * reach) * sum_i g_i * d_i,   d_i = round(v_i / s) - v_i / s within the codes,
                                                 d_i = the code that v_i is clipped to - zero point

    with g the gradient of the quantised values and reach the greatest code minus the zero point.

    Args:
        args: As `torch.ao.quantization.FakeQuantize`.
        kwargs: Likewise.

    Examples:
        >>> quantiser = LearnedStepQuantize(quant_min=0, quant_max=15)
        >>> _ = quantiser(torch.linspace(0, 1, 100))
        >>> quantiser.disable_observer()
        >>> quantiser(torch.linspace(0, 1, 100)).sum().backward()
        >>> quantiser.scale.grad.shape
        torch.Size([1])

    References:
        S. K. Esser, J. L. McKinstry, D. Bablani, R. Appuswamy and D. S. Modha (2020), "Learned Step
        Size Quantization", ICLR, equation 3 and section 2.2.
    """

    scale: nn.Parameter
    zero_point: Tensor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scale = self.scale
        del self.scale
        self.scale = nn.Parameter(scale)

    def forward(self, x: Tensor) -> Tensor:
        """Return the fake-quantised values, floating point, shape of ``x``."""
        if self.observer_enabled[0] == 1:
            self._observe(x)
        elif torch.is_grad_enabled():
            with torch.no_grad():
                # An optimiser's step may have left the range of usable scales.
                self.scale.clamp_(min=float(self.activation_post_process.eps))
        if self.fake_quant_enabled[0] != 1:
            return x
        observer = self.activation_post_process
        low, high = observer.quant_min, observer.quant_max
        zero_point = self.zero_point.float()
        reach = max(1, high - int(self.zero_point.min()))
        gradient_scale = (max(1, x.numel()) * reach) ** -0.5
        if self.is_per_channel:
            gradient_scale *= len(self.scale) ** 0.5
            return torch._fake_quantize_learnable_per_channel_affine(  # noqa: SLF001
                x, self.scale, zero_point, self.ch_axis, low, high, gradient_scale
            )
        return torch._fake_quantize_learnable_per_tensor_affine(  # noqa: SLF001
            x, self.scale, zero_point, low, high, gradient_scale
        )

    @torch.no_grad()
    def _observe(self, x: Tensor) -> None:
        self.activation_post_process(x.detach())
        scale, zero_point = self.calculate_qparams()
        # The same parameter, since an optimiser may hold it.
        self.scale.data = scale.to(self.scale.device, self.scale.dtype)
        self.zero_point = zero_point.to(self.zero_point.device, self.zero_point.dtype)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # Per-channel quantisers start with one scale and have one per channel once calibrated.
        for name in ("scale", "zero_point"):
            saved, own = state_dict.get(f"{prefix}{name}"), getattr(self, name)
            if saved is not None and saved.shape != own.shape:
                own.data = own.data.new_empty(saved.shape)
        nn.Module._load_from_state_dict(self, state_dict, prefix, *args, **kwargs)  # noqa: SLF001
