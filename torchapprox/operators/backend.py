"""The product of integer codes as existing users call it."""

import torch
from torch import Tensor

from torchapprox.operators.lookup.lut_matmul import lut_matmul


def approx(a: Tensor, b: Tensor, lut: Tensor) -> Tensor:
    """Multiply integer matrices, one of them batched, on an approximate multiplier.

    Args:
        a: int8 or uint8, `(B, M, K)` or `(M, K)`; selects rows of the table.
        b: int8 or uint8, `(K, N)` if ``a`` is batched, else `(B, K, N)`; selects columns.
        lut: Products, int32 `(256, 256)`.

    Returns:
        int32 `(B, M, N)`.

    Raises:
        TypeError: A dtype is not as above.
        ValueError: Not exactly one operand is batched, or shapes do not match.
        OverflowError: K * max|lut| does not provably fit int32; use
            `torchapprox.operators.lookup.lut_matmul`.

    Examples:
        >>> a = torch.tensor([[[1, 2]]], dtype=torch.uint8)
        >>> approx(a, torch.tensor([[3], [4]], dtype=torch.uint8), torch.ones(256, 256).int())
        tensor([[[2]]], dtype=torch.int32)
    """
    for name, operand in (("a", a), ("b", b)):
        if operand.dtype not in (torch.int8, torch.uint8):
            raise TypeError(f"'{name}' must be int8 or uint8, got {operand.dtype}")
    if {a.dim(), b.dim()} != {2, 3} or a.shape[-1] != b.shape[-2]:
        raise ValueError(
            "'a' and 'b' must be (B, M, K) and (K, N), or (M, K) and (B, K, N), "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    a_codes, b_codes = a.view(torch.uint8), b.view(torch.uint8)
    m, n = a.shape[-2], b.shape[-1]
    if a.dim() == 3:
        product = lut_matmul(a_codes.flatten(0, 1), b_codes.T, lut).reshape(len(a), m, n)
    else:
        columns = lut_matmul(a_codes, b_codes.mT.flatten(0, 1), lut)
        product = columns.reshape(m, len(b), n).transpose(0, 1)
    if product.dtype != torch.int32:
        raise OverflowError(
            f"'lut' has entries whose sum over K = {a.shape[-1]} may not fit int32; "
            "use torchapprox.operators.lookup.lut_matmul, which accumulates in int64"
        )
    return product
