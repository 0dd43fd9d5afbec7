"""Where the codes stand that kernels look up which read them in place or gather them."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.lookup.table_planes import STEPS_MAX
from torchapprox.kernels.results.sum_places import ONE_LINE

DEPTH = STEPS_MAX  # of a panel
LANES = 64  # positions that are the unit of tiles
REGISTERS = 4
TILE = LANES * REGISTERS  # positions of a tile, at most
ROWS = 256  # of a task, at most
PANEL = DEPTH * (TILE + LANES)  # bytes of a panel, with a register to spare in each line
SUMS = ROWS * TILE  # of a task
IN_PLACE_ROWS = 4  # measured: from here on gathering a panel pays


class CodeLines(NamedTuple):
    """Where the codes of each step and position stand; the formula is that of `lookup_vector`.

    Attributes:
        codes: uint8, one-dimensional.
        group_stride: Bytes from one group to the next.
        taps: int64 `(K,)`.
        lines: int64 `(L,)`.
        length: Positions in a line.
        stride: Bytes from one position of a line to the next, 1 or K; where it is K the taps are
            0..K-1.
    """

    codes: NDArray[np.uint8]
    group_stride: int
    taps: NDArray[np.int64]
    lines: NDArray[np.int64]
    length: int
    stride: int

    @property
    def positions(self) -> int:
        """Number of positions, M."""
        return len(self.lines) * self.length

    @classmethod
    def of_runs(cls, runs: NDArray[np.uint8]) -> "CodeLines":
        """Describe codes `(G, K, M)`, C-contiguous."""
        _, depth, width = runs.shape
        return cls(runs.reshape(-1), depth * width, _taps(depth, width), ONE_LINE, width, 1)

    @classmethod
    def of_vectors(cls, vectors: NDArray[np.uint8]) -> "CodeLines":
        """Describe codes `(G, M, K)`, C-contiguous."""
        _, height, depth = vectors.shape
        taps, stride = _taps(depth, 1), max(depth, 1)
        return cls(vectors.reshape(-1), depth * height, taps, ONE_LINE, height, stride)


@lru_cache(maxsize=256)
def _taps(depth: int, apart: int) -> NDArray[np.int64]:
    return np.arange(depth, dtype=np.int64) * apart
