"""Some rows of a layer's operands as they were, for models that need more than counts."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.observed_codes import rows_of
from torchapprox.tracing.reservoir import Reservoir

Codes = npt.NDArray[np.uint8]

ROWS_PER_MATRIX = 8
COLUMNS_PER_MATRIX = 64

MIN_ROWS, MAX_ROWS = 512, 4096
BYTES = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class OperandSample:
    """Rows of activations and the weights that they meet.

    Of a layer with weights, rows are drawn from all output positions of all traced batches,
    without replacement and with equal probabilities, and there is one block for each group. Of a
    product of two activations, matrices are drawn, and at most 8 rows and 64 columns of each: one
    block is a pair of matrices.

    Attributes:
        x_codes: Activation codes, uint8 `(S, R, K)`: blocks, rows, products of an output.
        w_codes: Weight codes, uint8 `(S, N, K)`; row `r` of a block met all `N` columns.
    """

    x_codes: Codes
    w_codes: Codes

    @property
    def rows(self) -> int:
        """Rows in all blocks."""
        blocks, rows, _ = self.x_codes.shape
        return int(blocks) * int(rows)


def default_rows(positions: int) -> int:
    """Return how many rows a sample keeps: as many as 1 MB holds, but 512 to 4096.

    The standard error of a standard deviation falls with the root of their number.

    Args:
        positions: Input positions, G * K.

    Examples:
        >>> [default_rows(positions) for positions in (9, 576, 4608)]
        [4096, 1820, 512]
    """
    return min(max(BYTES // max(positions, 1), MIN_ROWS), MAX_ROWS)


class OperandSampler(Protocol):
    """Draws an `OperandSample` from the products of a layer."""

    def add(self, operands: GemmOperands) -> None:
        """Look at the operands of one forward pass."""

    @property
    def sample(self) -> OperandSample:
        """What was drawn so far."""


class RowSampler:
    """Draws rows of a layer whose weights are its own; the last weights count.

    Args:
        rows: Rows to keep, of each group.
        seed: Chooses the rows.
    """

    def __init__(self, rows: int, seed: int) -> None:
        self._reservoir = Reservoir(rows, np.random.default_rng(seed))
        self._rows = rows
        self._x: Codes | None = None
        self._w: Codes | None = None

    def add(self, operands: GemmOperands) -> None:
        """Look at the operands of one forward pass."""
        items, places = self._reservoir.offer(operands.rows)
        if self._x is None:
            groups, _, depth = operands.w_codes.shape
            self._x = np.zeros((groups, self._rows, depth), np.uint8)
        self._x[:, places] = operands.x_rows(items).cpu().numpy()
        self._w = operands.w_codes.cpu().numpy().copy()

    @property
    def sample(self) -> OperandSample:
        """What was drawn so far."""
        if self._x is None or self._w is None:
            return OperandSample(np.zeros((0, 0, 0), np.uint8), np.zeros((0, 0, 0), np.uint8))
        return OperandSample(self._x[:, self._reservoir.order], self._w)


class MatrixSampler:
    """Draws pairs of matrices of a product of two activations, and rows and columns of each.

    Args:
        rows: Rows to keep in all; of each matrix `ROWS_PER_MATRIX`, drawn again where it has fewer.
        seed: Chooses matrices, rows and columns.
    """

    def __init__(self, rows: int, seed: int) -> None:
        self._matrices = max(1, rows // ROWS_PER_MATRIX)
        self._reservoir = Reservoir(self._matrices, np.random.default_rng(seed))
        self._seed = seed
        self._seen = 0
        self._columns = 0
        self._x: Codes | None = None
        self._w: Codes | None = None

    def add(self, operands: GemmOperands) -> None:
        """Look at the operands of one forward pass."""
        groups, columns, depth = operands.w_codes.shape
        if self._x is None or self._w is None:
            self._columns = min(columns, COLUMNS_PER_MATRIX)
            self._x = np.zeros((self._matrices, ROWS_PER_MATRIX, depth), np.uint8)
            self._w = np.zeros((self._matrices, self._columns, depth), np.uint8)
        for item, place in zip(*self._reservoir.offer(groups), strict=True):
            # By its number in the stream, so that cutting into batches does not matter.
            rng = np.random.default_rng([self._seed, self._seen + int(item)])
            self._x[place] = _some_rows(operands.x_codes[item], ROWS_PER_MATRIX, rng)
            self._w[place] = _some_rows(operands.w_codes[item], self._columns, rng)
        self._seen += groups

    @property
    def sample(self) -> OperandSample:
        """What was drawn so far."""
        if self._x is None or self._w is None:
            return OperandSample(np.zeros((0, 0, 0), np.uint8), np.zeros((0, 0, 0), np.uint8))
        order = self._reservoir.order
        return OperandSample(self._x[order], self._w[order])


def _some_rows(codes: Tensor, wanted: int, rng: np.random.Generator) -> Codes:
    """Draw rows of a matrix without replacement, or with where there are too few."""
    items = rng.choice(len(codes), wanted, replace=wanted > len(codes))
    rows: Codes = rows_of(codes, items).cpu().numpy()
    return rows
