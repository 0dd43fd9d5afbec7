"""The table products that tests compare and benchmarks time: closures over the same operands."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numba
import numpy as np
import torch
from torch import Tensor

from multipliers import Multiplier
from torchapprox.operators import lut_matmul


@dataclass(frozen=True)
class Shape:
    """Sizes of one product: M rows, N columns, K contracted."""

    m: int
    n: int
    k: int

    def __str__(self) -> str:
        return f"M={self.m} N={self.n} K={self.k}"

    @property
    def macs(self) -> int:
        return self.m * self.n * self.k


SHAPES = (
    Shape(1024, 256, 576),  # a middle layer of a ResNet at batch 16
    Shape(1, 1000, 2048),  # a classifier at batch 1
    Shape(12544, 32, 27),  # a first layer at 112x112
    Shape(197, 192, 768),  # a layer of a small vision transformer
)


def operands(shape: Shape, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return random codes x `(M, K)` and w `(N, K)` and a random asymmetric table."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int, *size: int) -> Tensor:
        return torch.randint(low, high, size, generator=generator)

    x = draw(0, 256, shape.m, shape.k).to(torch.uint8)
    w = draw(0, 256, shape.n, shape.k).to(torch.uint8)
    # Columns contiguous, as layers keep their tables.
    lut = draw(-(2**15), 2**15, 256, 256).to(torch.int32).T
    return x, w, lut


def full_rank() -> Multiplier:
    """Return a random table, which no factorisation makes smaller."""
    table = np.random.default_rng(0).integers(-(2**15), 2**15, (256, 256)).astype(np.int32)
    return Multiplier.from_lut(table, name="random")


def low_rank(rank: int) -> Multiplier:
    """Return a table of a given rank with factors of int8."""
    source = np.random.default_rng(rank)
    left, right = source.integers(-60, 60, (256, rank)), source.integers(-60, 60, (rank, 256))
    return Multiplier.from_lut((left @ right).astype(np.int32), name=f"rank {rank}")


@numba.njit(parallel=True)
def _naive(x, w, lut, out):
    for m in numba.prange(x.shape[0]):
        for n in range(w.shape[0]):
            total = 0
            for k in range(x.shape[1]):
                total += lut[x[m, k], w[n, k]]
            out[m, n] = total


def naive_loop(x: Tensor, w: Tensor, lut: Tensor) -> Tensor:
    """The baseline: three nested loops, as one writes them first, parallel over the rows."""
    out = np.empty((len(x), len(w)), np.int32)
    _naive(x.numpy(), w.numpy(), lut.contiguous().numpy(), out)
    return torch.from_numpy(out)


ENGINES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "naive loop": naive_loop,
    "lut_matmul": lut_matmul,
    "expanded": partial(lut_matmul, kernel="expanded", engine="lookup"),
    "portable": partial(lut_matmul, kernel="portable", engine="lookup"),
}
