"""Gradients of a product through two tables, dLUT/dx and dLUT/dw.

With G the gradient of the output y = s_x s_w (sum_k lut[x, w] - zero-point terms), and real
operands that are s (q - zero point),

    dX[m, k] = sum_n G[m, n] s_w[n] (by_x[x[m, k], w[n, k]] - zw[n])
    dW[n, k] = s_x sum_m G[m, n] (by_w[x[m, k], w[n, k]] - zx).

Each table is taken apart into its mean over the own operand, a function of the other operand only,
and a rest. The mean, less the zero point, takes the part that the other operand's real values have
in the exact product's gradient: one ordinary product. A rest of low rank, sum_r a_r[own]
b_r[other], is r more of them, each followed by a product with a_r; any other rest is looked up.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.gradients.tables import GradientTables
from torchapprox.kernels.lookup.table_gradient_cpu import table_gradient_cpu
from torchapprox.operators.cuda_arrays import cuda_device, device_array
from torchapprox.operators.gradients.product_form import ProductForm
from torchapprox.operators.library_op import library_op

MOST_FACTORS = 24  # an estimate from the rates of products and of look-ups: above it, look up
_TOLERANCE = 1e-6  # of a table's greatest entry: what float32 rounds off


@dataclass(frozen=True)
class TableParts:
    """One gradient table, taken apart for one own operand.

    Attributes:
        mean: Mean over the own operand's codes, by code of the other one, float64 `(256,)`.
        factors: Factors of the rest by own and by other code, float64 `(R, 256)` each.
        rest: What ``factors`` do not give, float64 `(256, 256)`, row = own code; or None.
    """

    mean: Tensor
    factors: tuple[Tensor, Tensor]
    rest: Tensor | None

    @classmethod
    def of(
        cls, table: NDArray[np.float64], device: torch.device, *, most_factors: int = MOST_FACTORS
    ) -> "TableParts":
        """Take a table apart.

        Args:
            table: `(256, 256)`, row = own code.
            device: Where the parts shall be.
            most_factors: Greatest rank of a rest that is taken as factors.
        """
        mean = table.mean(axis=0)
        rest = table - mean
        own, sizes, other = np.linalg.svd(rest)
        rank = int(np.sum(sizes > _TOLERANCE * max(1e-300, np.abs(table).max()) * 16))
        if rank > most_factors:
            empty = torch.empty(0, 256, dtype=torch.float64, device=device)
            return cls(_to(mean, device), (empty, empty), _to(rest, device))
        own_factors = (own[:, :rank] * sizes[:rank]).T
        return cls(_to(mean, device), (_to(own_factors, device), _to(other[:rank], device)), None)


@dataclass(frozen=True)
class TableGradient:
    """The gradients of a product through tables; see `ProductGradient`.

    Attributes:
        x: Parts of dLUT/dx, the own operand being x.
        w: Parts of dLUT/dw, the own operand being w.
    """

    x: TableParts
    w: TableParts

    @classmethod
    def of(
        cls, tables: GradientTables, device: torch.device, *, most_factors: int = MOST_FACTORS
    ) -> "TableGradient":
        """Prepare tables; arguments as of `TableParts.of`."""
        parts = [
            TableParts.of(table, device, most_factors=most_factors)
            for table in (tables.by_x, tables.by_w.T)
        ]
        return cls(*parts)

    def gradients(
        self, form: ProductForm, grad: Tensor, needed: tuple[bool, bool]
    ) -> tuple[Tensor | None, ...]:
        """Return the gradients by both operands; see `ProductGradient`."""
        grad_x = self._by_x(form, grad) if needed[0] else None
        grad_w = self._by_w(form, grad) if needed[1] else None
        return form.restore(grad_x, grad_w)

    def _by_x(self, form: ProductForm, grad: Tensor) -> Tensor:
        own, other, dtype = form.x_codes, form.w_codes, grad.dtype
        scale, zero = form.w_scale.to(dtype), form.w_zero_point.to(dtype)
        total = form.by_x(grad, (look_up(self.x.mean, other, dtype) - zero) * scale)
        for of_own, of_other in zip(*self.x.factors, strict=True):
            part = form.by_x(grad, look_up(of_other, other, dtype) * scale)
            total += look_up(of_own, own, dtype) * part
        if self.x.rest is not None:
            table = self.x.rest.to(dtype)
            for tap in form.taps(form.scale_by_channel(grad)):
                form.add_x(total, tap, table_gradient(tap.grad, tap.x, tap.w, table))
        return total

    def _by_w(self, form: ProductForm, grad: Tensor) -> Tensor:
        own, other, dtype = form.w_codes, form.x_codes, grad.dtype
        total = form.by_w(grad, look_up(self.w.mean, other, dtype) - form.x_zero_point.to(dtype))
        for of_own, of_other in zip(*self.w.factors, strict=True):
            part = form.by_w(grad, look_up(of_other, other, dtype))
            total += look_up(of_own, own, dtype) * part
        if self.w.rest is not None:
            table = self.w.rest.to(dtype)
            for tap in form.taps(grad):
                form.add_w(total, tap, table_gradient(tap.grad.mT, tap.w, tap.x, table))
        return total * form.x_scale.to(dtype)


def look_up(values: Tensor, codes: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the value of each code, of type ``dtype``, shape of ``codes``."""
    found = values.to(dtype).index_select(0, codes.reshape(-1).to(torch.int32))
    return found.view(codes.shape)


def table_gradient(grad: Tensor, own: Tensor, other: Tensor, table: Tensor) -> Tensor:
    """Return ``sum_s grad[r, s] * table[own[r, k], other[s, k]]``.

    Args:
        grad: float32 or float64 `(G, R, S)`.
        own: uint8 `(G, R, K)`.
        other: uint8 `(G, S, K)`.
        table: Of the type of ``grad``, `(256, 256)`, row = own code.

    Returns:
        Of that type, `(G, R, K)`.

    Examples:
        >>> codes = torch.tensor([[[1, 2]]], dtype=torch.uint8)
        >>> table = torch.arange(256.0).outer(torch.ones(256))
        >>> table_gradient(torch.tensor([[[10.0]]]), codes, codes, table)
        tensor([[[10., 20.]]])
    """
    sums: Tensor = torch.ops.torchapprox.table_gradient(grad, own, other, table)
    return sums


def _anywhere(grad: Tensor, own: Tensor, other: Tensor, table: Tensor) -> Tensor:
    out = grad.new_empty(own.shape)
    for k in range(own.shape[2]):
        entries = table[own[:, :, k].int()[:, :, None], other[:, :, k].int()[:, None, :]]
        torch.sum(grad * entries, dim=2, out=out[:, :, k])
    return out


_table_gradient = library_op("table_gradient")(_anywhere)


@_table_gradient.register_kernel("cpu")
def _(grad: Tensor, own: Tensor, other: Tensor, table: Tensor) -> Tensor:
    out = torch.empty(own.shape, dtype=grad.dtype)
    table_gradient_cpu(
        _array(table), _array(own), _array(other.mT), _array(grad), out.numpy(),
        threads=torch.get_num_threads(),
    )  # fmt: skip
    return out


@_table_gradient.register_kernel("cuda")
def _(grad: Tensor, own: Tensor, other: Tensor, table: Tensor) -> Tensor:
    out = torch.empty(own.shape, dtype=grad.dtype, device=grad.device)
    tensors = [each.contiguous() for each in (table, own, other.mT, grad)]
    with cuda_device(grad.device) as stream:
        from torchapprox.kernels.lookup.table_gradient_cuda import table_gradient_cuda  # noqa: PLC0415

        entries, codes, columns, factors = map(device_array, tensors)
        table_gradient_cuda(entries, codes, columns, factors, device_array(out), stream=stream)
    return out


@_table_gradient.register_fake
def _(grad: Tensor, own: Tensor, other: Tensor, table: Tensor) -> Tensor:  # noqa: ARG001
    return torch.empty(own.shape, dtype=grad.dtype, device=grad.device)


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().contiguous().numpy()
    return array


def _to(array: NDArray[np.float64], device: torch.device) -> Tensor:
    return torch.tensor(array, dtype=torch.float64, device=device)
