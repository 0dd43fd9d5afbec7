"""Matrix product in which every scalar product is looked up in a table."""

import torch
from torch import Tensor

from multipliers.parameters import integer
from torchapprox.kernels.compiling.cpu_kernel import forced_kernel
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.operators.cuda_arrays import on_cuda
from torchapprox.operators.engine.choice import chosen_engine, multiply_by_factors
from torchapprox.operators.engine.cuda_choice import multiply_on_cuda
from torchapprox.operators.library_op import library_op
from torchapprox.operators.lookup.cpu_lookup import cpu_lookup, runs_x
from torchapprox.operators.lookup.cuda_lookup import cuda_lookup
from torchapprox.operators.lookup.device_table import device_table, least_of_image
from torchapprox.operators.lookup.host_table import host_table

INT32_MAX = 2**31 - 1


def lut_matmul(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    *,
    lut_range: tuple[int, int] | None = None,
    kernel: str | None = None,
    engine: str = "auto",
) -> Tensor:
    """Return the matrix product of two code matrices on an approximate multiplier.

        y[m, n] = sum_k lut[x[m, k], w[n, k]]

    Exact in integers: the result is int32 where K * max|lut| proves that it fits, else int64.
    Integers have no gradient; `torchapprox.operators.ApproxGeMM` differentiates.

    Args:
        x: Activation codes, uint8 `(M, K)` or `(G, M, K)`.
        w: Weight codes, uint8 `(N, K)` or `(G, N, K)`.
        lut: Products, int32 `(256, 256)`, row = code of x. Fastest where ``lut.T`` is contiguous.
        lut_range: Bounds on the entries of ``lut``, least and greatest, for callers that know them;
            found by reading the table if None.
        kernel: CPU kernel, "vbmi", "avx512bw", "avx2", "expanded" or "portable"; None for what the
            environment variable ``TORCHAPPROX_KERNEL`` names, and without it for the fastest. All
            give equal results.
        engine: "auto", "lookup" or "factors", see `torchapprox.operators.engine.choice`; "auto"
            takes what is faster on this machine, unless the environment variable
            ``TORCHAPPROX_ENGINE`` names an engine or a kernel is forced. All give equal results.

    Returns:
        int32 or int64, `(M, N)` or `(G, M, N)`, on the operands' device.

    Raises:
        TypeError: A dtype is not as above.
        ValueError: Shapes do not match, devices differ, or there is no kernel or engine of that
            name.
        NotImplementedError: The operands are neither on the CPU nor on a CUDA device, or a kernel
            or engine is forced that this device or this table does not allow.

    Examples:
        >>> exact = torch.arange(256, dtype=torch.int32).outer(torch.arange(256, dtype=torch.int32))
        >>> x = torch.tensor([[1, 2, 3]], dtype=torch.uint8)
        >>> lut_matmul(x, x, exact)
        tensor([[14]], dtype=torch.int32)
    """
    check_operands(x, w, lut)
    lut_range = range_of_entries(lut, lut_range)
    wide = needs_int64(x.shape[-1], lut_range)
    kernel = forced_kernel(kernel)
    engine = chosen_engine(engine, kernel)
    groups = (x[None], w[None]) if x.dim() == 2 else (x, w)
    result: Tensor = torch.ops.torchapprox.lut_matmul(
        *groups, lut, wide, least_of_image(lut_range, wide=wide), kernel, engine
    )
    return result[0] if x.dim() == 2 else result


def entry_range(lut: Tensor) -> tuple[int, int]:
    """Return the least and the greatest entry of a table as Python ints.

    On a CUDA device, they are read once for each table.
    """
    if on_cuda(lut):
        return device_table(lut).range
    # Much faster along memory, and any order will do.
    low, high = torch.aminmax(lut.T if lut.T.is_contiguous() else lut)
    return int(low), int(high)


def needs_int64(depth: int, lut_range: tuple[int, int]) -> bool:
    """Whether sums of ``depth`` entries within bounds may not fit int32.

    Examples:
        >>> needs_int64(2**16, (-(2**15), 100)), needs_int64(2**16 - 1, (-(2**15), 100))
        (True, False)
    """
    return depth * max(-lut_range[0], lut_range[1]) > INT32_MAX


def check_operands(x: Tensor, w: Tensor, lut: Tensor) -> None:
    """Raise an error unless codes and table are as `lut_matmul` takes them."""
    check_table(x, w, lut)
    if x.dim() not in (2, 3) or x.dim() != w.dim() or x.shape[-1] != w.shape[-1]:
        raise ValueError(
            "'x' and 'w' must be (M, K) and (N, K), or (G, M, K) and (G, N, K), "
            f"got {tuple(x.shape)} and {tuple(w.shape)}"
        )
    if x.dim() == 3 and x.shape[0] != w.shape[0]:
        raise ValueError(f"'x' and 'w' must have equally many groups, got {len(x)} and {len(w)}")


def check_table(x: Tensor, w: Tensor, lut: Tensor) -> None:
    """Raise an error unless operands of any shape are codes, and table and device suit them."""
    for name, operand in (("x", x), ("w", w)):
        if not isinstance(operand, Tensor) or operand.dtype != torch.uint8:
            raise TypeError(f"'{name}' must be uint8 codes, got {_kind(operand)}")
    check_lut(lut)
    if not x.device == w.device == lut.device:
        raise ValueError(
            f"'x', 'w' and 'lut' must be on one device, got {x.device}, {w.device} and {lut.device}"
        )
    if x.device.type not in ("cpu", "cuda"):
        raise NotImplementedError(
            f"'x' must be on the CPU or a CUDA device, got {x.device}; move the operands first"
        )


def check_lut(lut: Tensor, device: torch.device | None = None) -> None:
    """Raise an error unless a tensor is a product table, on a device if one is given."""
    if not isinstance(lut, Tensor):
        raise TypeError(f"'lut' must be an int32 tensor (256, 256), got {_kind(lut)}")
    if lut.dtype != torch.int32:
        raise TypeError(f"'lut' must be int32 (256, 256), got {lut.dtype} {tuple(lut.shape)}")
    if lut.shape != (256, 256):
        raise ValueError(f"'lut' must be int32 (256, 256), got {lut.dtype} {tuple(lut.shape)}")
    if device is not None and lut.device != device:
        raise ValueError(f"'lut' must be on the operands' device, {device}, got {lut.device}")


def range_of_entries(lut: Tensor, stated: tuple[int, int] | None) -> tuple[int, int]:
    """Return bounds on a table's entries as ints: those stated, or else the table's own.

    Raises:
        TypeError: They are no pair of ints, the lesser one first.
    """
    if stated is None:
        return entry_range(lut)
    if isinstance(stated, tuple) and len(stated) == 2:
        least, greatest = integer(stated[0]), integer(stated[1])
        if least is not None and greatest is not None and least <= greatest:
            return least, greatest
    raise TypeError(
        f"'lut_range' must be a pair of ints, the least and the greatest entry, got {stated}"
    )


def _kind(value: object) -> str:
    return str(value.dtype) if isinstance(value, Tensor) else type(value).__name__


@library_op("lut_matmul", device="cpu")
def _lut_matmul(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    wide: bool,
    least: int | None,  # noqa: ARG001
    kernel: str | None,
    engine: str,
) -> Tensor:
    table = host_table(lut)
    return matrix_sums(x.detach(), w.detach(), table, engine, kernel, wide=wide)


def matrix_sums(
    x: Tensor, w: Tensor, table: LookupTable, engine: str, kernel: str | None, *, wide: bool
) -> Tensor:
    """Return the sums of a matrix product on the CPU; operands as `lut_matmul` takes them.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        table: The products.
        engine: As `chosen_engine` returns it.
        kernel: As `forced_kernel` returns it.
        wide: Whether the sums need int64.
    """
    result = _empty_result(x, w, wide)
    if not multiply_by_factors(x, w, table, result, engine):
        cpu_lookup(x, w, table, result, kernel)
    return result


@_lut_matmul.register_kernel("cuda")
def _(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    wide: bool,
    least: int | None,
    kernel: str | None,  # noqa: ARG001
    engine: str,
) -> Tensor:
    result = _empty_result(x, w, wide)
    if not multiply_on_cuda(x, w, lut, result, engine, least):
        cuda_lookup(x, w, lut, result, least)
    return result


@_lut_matmul.register_fake
def _(
    x: Tensor,
    w: Tensor,
    lut: Tensor,  # noqa: ARG001
    wide: bool,
    least: int | None,  # noqa: ARG001
    kernel: str | None,  # noqa: ARG001
    engine: str,  # noqa: ARG001
) -> Tensor:
    return _empty_result(x, w, wide)


def _empty_result(x: Tensor, w: Tensor, wide: bool) -> Tensor:
    dtype = torch.int64 if wide else torch.int32
    groups, m, n = x.shape[0], x.shape[1], w.shape[1]
    if runs_x(x, w):
        return x.new_empty((groups, n, m), dtype=dtype).mT
    return x.new_empty((groups, m, n), dtype=dtype)
