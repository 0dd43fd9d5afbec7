"""A product's gradients as products on the same multiplier; see `ApproximateBackward`.

With g the quantised gradient, zg its zero point and integers throughout,

    sum_n (g - zg) (w - zw) = sum_n g w - zg sum_n w - sum_n zw (g - zg)

of which the multiplier computes the first sum, and likewise for x.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from torchapprox.operators.affine.codes import code_tensor_values
from torchapprox.operators.gradients.product_form import ProductForm, Range
from torchapprox.operators.lookup.exact_table import exact_table
from torchapprox.operators.lookup.lut_matmul import lut_matmul


@dataclass(frozen=True)
class QuantisedGradient:
    """A gradient as codes of one port.

    Attributes:
        codes: uint8, any shape.
        scale: One element.
        zero_point: The code value that stands for 0.
        port: Least and greatest value of the port.
    """

    codes: Tensor
    scale: Tensor
    zero_point: int
    port: Range

    @classmethod
    def of(cls, grad: Tensor, port: Range) -> "QuantisedGradient":
        """Quantise a gradient per tensor by its greatest magnitude, rounded to nearest."""
        low, high = port
        zero_point = 0 if low < 0 else (low + high + 1) // 2
        reach = high - zero_point
        greatest = grad.abs().amax() if grad.numel() else grad.new_zeros(())
        # Where all gradients are 0, any scale does.
        scale = torch.where(greatest > 0, greatest / reach, torch.ones_like(greatest))
        q = (grad / scale).round_().clamp_(-reach, reach) + zero_point
        return cls(q.to(torch.int16).to(torch.uint8), scale, zero_point, port)

    def centred(self, codes: Tensor) -> Tensor:
        """Return the integers of some of the codes less the zero point, int64."""
        return _integers(codes, self.port) - self.zero_point


@dataclass(frozen=True)
class ApproximateProductGradient:
    """The gradients of the exact product, computed on a multiplier; see `ProductGradient`.

    Attributes:
        lut: Products, int32 `(256, 256)`, row = activation code; the exact ones if None.
        lut_range: Bounds on the entries of lut, least and greatest, where known.
    """

    lut: Tensor | None
    lut_range: Range | None = None

    def gradients(
        self, form: ProductForm, grad: Tensor, needed: tuple[bool, bool]
    ) -> tuple[Tensor | None, ...]:
        """Return the gradients by both operands; see `ProductGradient`."""
        grad_x = self._by_x(form, grad) if needed[0] else None
        grad_w = self._by_w(form, grad) if needed[1] else None
        return form.restore(grad_x, grad_w)

    def _by_x(self, form: ProductForm, grad: Tensor) -> Tensor:
        quantised = QuantisedGradient.of(form.scale_by_channel(grad), form.x_range)
        lut, zero = self._lut(form), form.zero_points[:, None, :]
        sums = torch.zeros(form.x_codes.shape, dtype=torch.int64, device=grad.device)
        for tap in form.taps(quantised.codes, fill=quantised.zero_point % 256):
            w = _integers(tap.w, form.w_range)
            part = (
                self._multiply(tap.grad, tap.w.mT, lut) - quantised.zero_point * w.sum(1)[:, None]
            )
            part -= (zero * quantised.centred(tap.grad)).sum(2)[:, :, None]
            form.add_x(sums, tap, part)
        return (sums * quantised.scale).to(grad.dtype)

    def _by_w(self, form: ProductForm, grad: Tensor) -> Tensor:
        quantised = QuantisedGradient.of(grad, form.w_range)
        lut = self._lut(form)
        sums = torch.zeros(form.w_codes.shape, dtype=torch.int64, device=grad.device)
        for tap in form.taps(quantised.codes, fill=quantised.zero_point % 256):
            x = _integers(tap.x, form.x_range)
            part = self._multiply(tap.x.mT, tap.grad.mT, lut).mT
            part = part - quantised.zero_point * x.sum(1)[:, None]
            part -= (
                form.x_zero_point.to(torch.int64) * quantised.centred(tap.grad).sum(1)[..., None]
            )
            form.add_w(sums, tap, part)
        return (sums * (quantised.scale * form.x_scale)).to(grad.dtype)

    def _multiply(self, x: Tensor, w: Tensor, lut: Tensor) -> Tensor:
        return lut_matmul(x, w, lut, lut_range=self.lut_range)

    def _lut(self, form: ProductForm) -> Tensor:
        if self.lut is not None:
            return self.lut
        return exact_table(form.x_range[0] < 0, form.w_range[0] < 0, form.x_codes.device)


def _integers(codes: Tensor, port: Range) -> Tensor:
    return code_tensor_values(codes, signed=port[0] < 0).to(torch.int64)
