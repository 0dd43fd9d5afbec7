"""Matrix product by look-ups in real units."""

import torch
from torch import Tensor

from torchapprox.kernels.compiling.cpu_kernel import forced_kernel
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.operators.affine.product_terms import ProductTerms
from torchapprox.operators.cuda_arrays import on_cuda
from torchapprox.operators.engine.choice import chosen_engine, multiply_by_factors
from torchapprox.operators.library_op import library_op
from torchapprox.operators.lookup.cpu_lookup import looked_up_reals
from torchapprox.operators.lookup.fused_terms import fused_terms
from torchapprox.operators.lookup.host_table import host_table
from torchapprox.operators.lookup.lut_matmul import (
    check_operands,
    entry_range,
    lut_matmul,
    matrix_sums,
    needs_int64,
)


def lut_matmul_reals(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    terms: ProductTerms,
    *,
    dtype: torch.dtype,
    lut_range: tuple[int, int] | None = None,
    engine: str = "auto",
) -> Tensor:
    """Return the real numbers that the sums of `lut_matmul` stand for.

    Of the bits that `ProductTerms.rescaled` gives; where a kernel can, on the CPU, they are made
    where the sums would be written. Arguments and errors beside these as those of `lut_matmul`.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        lut: Products, int32 `(256, 256)`, row = code of x.
        terms: What turns sums into real numbers, by channel `(G, N)`.
        dtype: Floating-point type of the result.
        lut_range: Bounds on the entries of ``lut``.
        engine: Computes the sums.

    Returns:
        ``dtype``, `(G, M, N)`, contiguous.

    Examples:
        >>> exact = torch.arange(256, dtype=torch.int32).outer(torch.arange(256, dtype=torch.int32))
        >>> x = torch.tensor([[[1, 2, 3]]], dtype=torch.uint8)
        >>> terms = ProductTerms(torch.tensor([1]), torch.tensor([[0.5]]), w_signed=False)
        >>> lut_matmul_reals(x, x, exact, terms, dtype=torch.float32)
        tensor([[[4.]]])
    """
    if on_cuda(x):
        sums = lut_matmul(x, w, lut, lut_range=lut_range, engine=engine)
        return terms.rescaled(sums, w, channel_axis=2, dtype=dtype)
    check_operands(x, w, lut)
    wide = needs_int64(x.shape[-1], lut_range or entry_range(lut))
    kernel = forced_kernel(None)
    engine = chosen_engine(engine, kernel)
    scale = terms.scale.to(torch.promote_types(dtype, torch.float32))
    fused: Tensor = torch.ops.torchapprox.lut_matmul_reals(
        *(x, w, lut, terms.x_zero_point, scale, terms.w_signed, terms.bias),
        *(terms.w_zero_point, terms.x_sums, wide, kernel, engine),
    )
    return fused.to(dtype)


@library_op("lut_matmul_reals", device="cpu")
def _lut_matmul_reals(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    x_zero_point: Tensor,
    scale: Tensor,
    w_signed: bool,
    bias: Tensor | None,
    w_zero_point: Tensor | None,
    x_sums: Tensor | None,
    wide: bool,
    kernel: str | None,
    engine: str,
) -> Tensor:
    terms = ProductTerms(x_zero_point, scale, w_signed, bias, w_zero_point, x_sums)
    table = host_table(lut)
    return matrix_reals(x.detach(), w.detach(), table, terms, engine, kernel, wide=wide)


def matrix_reals(
    x: Tensor,
    w: Tensor,
    table: LookupTable,
    terms: ProductTerms,
    engine: str,
    kernel: str | None,
    *,
    wide: bool,
) -> Tensor:
    """Return a matrix product in real units on the CPU, of the type of the terms' scale.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        table: The products.
        terms: What turns sums into real numbers.
        engine: As `chosen_engine` returns it.
        kernel: As `forced_kernel` returns it.
        wide: Whether the sums need int64.
    """
    w = w.contiguous()
    fused = None if wide else fused_terms(terms, w)
    if fused is not None:
        out = _empty(x, w, terms.scale)
        if multiply_by_factors(x, w, table, out, engine, fused) or looked_up_reals(
            x, w, table, out, fused, kernel
        ):
            return out
    sums = matrix_sums(x, w, table, engine, kernel, wide=wide)
    return terms.rescaled(sums, w, channel_axis=2, dtype=terms.scale.dtype)


@_lut_matmul_reals.register_fake
def _(
    x: Tensor,
    w: Tensor,
    lut: Tensor,  # noqa: ARG001
    x_zero_point: Tensor,  # noqa: ARG001
    scale: Tensor,
    *_: object,
) -> Tensor:
    return _empty(x, w, scale)


def _empty(x: Tensor, w: Tensor, scale: Tensor) -> Tensor:
    return x.new_empty((x.shape[0], x.shape[1], w.shape[1]), dtype=scale.dtype)
