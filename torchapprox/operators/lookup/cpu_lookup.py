"""Which kernel computes a table product on the CPU, and which operand it reads in runs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import lookup_dot_cpu, lookup_lines_cpu, lookup_runs_cpu
from torchapprox.kernels.compiling.cpu_kernel import line_kernels
from torchapprox.kernels.lookup.code_lines import CodeLines
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.kernels.lookup.table_planes import WHOLE, Planes, columns_of
from torchapprox.kernels.results.sum_places import ONE_LINE, Rescaling, SumPlaces
from torchapprox.operators.lookup.line_cycles import ProductSizes, copy_cycles, fastest_kernel

DOT_ROWS = 8  # measured: below it a dot product each is faster than copying into runs

_DOT_CYCLES = 1.1  # for one look-up without vectors
_RESCALE_CYCLES = 3e5  # for real numbers made of sums in a step of its own, 90 microseconds
_ROWS_WORTH_A_SCAN = 16


def cpu_lookup(
    x: Tensor, w: Tensor, table: LookupTable, result: Tensor, kernel: str | None
) -> None:
    """Fill ``result`` with the table product of two code matrices.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        table: The products.
        result: int32 or int64 `(G, M, N)`, contiguous, or the transpose of a contiguous tensor.
        kernel: The kernel to use, one of `available_kernels`; None for the fastest.

    Raises:
        NotImplementedError: A kernel is forced on a table or sums too wide for it.
    """
    if result.numel() == 0:
        return
    kernels = line_kernels(kernel)
    if kernels:
        plan = None if result.dtype == torch.int64 else _cheapest(x, w, table, result, kernels)
        if plan is not None and (kernel is not None or plan.cycles < _dot_cycles(x, w)):
            plan.run(result)
            return
        if plan is None and kernel is not None:
            raise NotImplementedError(
                f"the kernel {kernel!r} needs sums that fit int32 and a table whose rows or "
                f"columns span at most 16 bits each, got {result.dtype} sums and entries "
                f"{table.by_x.min()}..{table.by_x.max()}; use kernel 'portable' or None"
            )
    _portable(x, w, table, result)


def looked_up_reals(
    x: Tensor,
    w: Tensor,
    table: LookupTable,
    out: Tensor,
    terms: tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]],
    kernel: str | None,
) -> bool:
    """Fill ``out`` with what sums stand for as they are made; False where no kernel can.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        table: The products; sums of its entries fit int32.
        out: float32 or float64 `(G, M, N)`, contiguous.
        terms: Offset, scale and bias of `Rescaling`, `(G * N,)`.
        kernel: As `cpu_lookup` takes it.
    """
    kernels = line_kernels(kernel)
    if out.numel() == 0:
        return False
    plan = _cheapest(x, w, table, out, kernels)
    if plan is None or (kernel is None and plan.cycles >= _dot_cycles(x, w) + _RESCALE_CYCLES):
        return False
    plan.run(out, Rescaling(*terms, of_rows=plan.x_runs))
    return True


@dataclass(frozen=True, slots=True)
class _LinePlan:
    """One operand selects rows of the table, the other is looked up in them."""

    rows: Tensor
    runs: Tensor
    planes: Planes
    x_runs: bool
    kernel: str
    cycles: float

    def run(self, result: Tensor, rescaling: Rescaling | None = None) -> None:
        _, m, n = result.shape
        height, positions = (n, m) if self.x_runs else (m, n)
        row, step = (positions, 1) if _in_rows(result, x_runs=self.x_runs) else (1, height)
        flat = torch.as_strided(result, (result.numel(),), (1,))
        lines = (
            CodeLines.of_runs(self.runs.mT.numpy())
            if self.runs.mT.is_contiguous()
            else CodeLines.of_vectors(self.runs.contiguous().numpy())
        )
        lookup_lines_cpu(
            self.planes,
            self.rows.contiguous().numpy(),
            lines,
            flat.numpy(),
            SumPlaces(m * n, row, ONE_LINE, positions, positions, step),
            rescaling,
            kernel=self.kernel,
            threads=torch.get_num_threads(),
        )


def _in_rows(result: Tensor, *, x_runs: bool) -> bool:
    """Whether the sums of one selected row follow each other in the result."""
    return result.mT.is_contiguous() if x_runs else result.is_contiguous()


def _cheapest(
    x: Tensor, w: Tensor, table: LookupTable, result: Tensor, kernels: tuple[str, ...]
) -> _LinePlan | None:
    best: _LinePlan | None = None
    for rows, runs, x_runs in ((w, x, True), (x, w, False)):
        (height, depth), positions = rows.shape[1:], runs.shape[1]
        columns, turned = WHOLE, runs.mT
        along = turned.is_contiguous()
        if kernels and (height >= _ROWS_WORTH_A_SCAN or "expanded" in kernels):
            columns = columns_of((turned if along else runs.contiguous()).numpy())
        sizes = ProductSizes(height, depth, positions, along, _in_rows(result, x_runs=x_runs))
        choice = fastest_kernel(kernels, table, sizes, x_selects_rows=not x_runs, columns=columns)
        if choice is None:
            continue
        cycles = choice.cycles
        if not rows.is_contiguous():
            cycles += height * copy_cycles(depth)
        if best is None or cycles < best.cycles:
            best = _LinePlan(rows, runs, choice.planes, x_runs, choice.kernel, cycles)
    return best


def _dot_cycles(x: Tensor, w: Tensor) -> float:
    return x.shape[1] * w.shape[1] * x.shape[2] * _DOT_CYCLES


def _portable(x: Tensor, w: Tensor, table: LookupTable, result: Tensor) -> None:
    threads = torch.get_num_threads()
    x_runs = runs_x(x, w)
    longer = x if x_runs else w
    few = min(x.shape[1], w.shape[1]) < DOT_ROWS
    if few and not longer.mT.is_contiguous():
        # Arranging the longer operand in runs would cost as much as the look-ups do.
        out = result if result.is_contiguous() else torch.empty(result.shape, dtype=result.dtype)
        operands = x.contiguous().numpy(), w.contiguous().numpy()
        lookup_dot_cpu(table.by_x, *operands, out.numpy(), threads=threads)
        if out is not result:
            result.copy_(out)
        return
    # The longer one runs, the other selects rows.
    by_row, rows, runs, out = (
        (table.by_w, w, x, result.mT) if x_runs else (table.by_x, x, w, result)
    )
    operands = rows.contiguous().numpy(), runs.mT.contiguous().numpy()
    lookup_runs_cpu(by_row, *operands, out.numpy(), threads=threads)


def runs_x(x: Tensor, w: Tensor) -> bool:
    """Whether the activations are the longer operand; the result is then stored transposed."""
    return x.shape[1] >= w.shape[1]
