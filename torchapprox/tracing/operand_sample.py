"""Some rows of a layer's operands as they were, for models that need more than counts."""

import math
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.observed_codes import ObservedCodes, rows_of_matrices
from torchapprox.tracing.key_stream import KeyReader
from torchapprox.tracing.reservoir import Reservoir

Codes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

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
        x_places: Of a product of two activations, where each row is among all rows of its sample's
            matrices, matrix after matrix, int64 `(S, R)`; else empty.
        w_places: Of a product of two activations, the column of the output that each row of
            ``w_codes`` makes, int64 `(S, N)`; else empty.
    """

    x_codes: Codes
    w_codes: Codes
    x_places: Places
    w_places: Places

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


class RowSampler:
    """Draws rows of a layer whose weights are its own.

    Args:
        rows: Rows to keep, of each group.
        seed: Chooses the rows.
    """

    def __init__(self, rows: int, seed: int) -> None:
        self._reservoir = Reservoir(rows, KeyReader(seed))
        self._x: Codes | None = None

    def add(self, codes: ObservedCodes, groups: int, depth: int) -> None:
        """Look at rows of activations.

        Args:
            codes: The rows.
            groups: Number of groups, G.
            depth: Input positions of a group, K.
        """
        items, places = self._reservoir.offer(codes.rows)
        if self._x is None:
            self._x = np.zeros((groups, self._reservoir.places, depth), np.uint8)
        if len(items):
            codes.copy_rows(items, self._x, places)

    def sample(self, w_codes: Codes) -> OperandSample:
        """Return what was drawn so far.

        Args:
            w_codes: The last weights, uint8 `(G, N, K)`.
        """
        if self._x is None:
            return _nothing()
        return replace(_nothing(), x_codes=self._x[:, self._reservoir.order], w_codes=w_codes)


class MatrixSampler:
    """Draws pairs of matrices of a product of two activations, and rows and columns of each.

    Args:
        rows: Rows to keep in all; of each matrix `ROWS_PER_MATRIX`, drawn again where it has fewer.
        seed: Chooses matrices, rows and columns.
    """

    def __init__(self, rows: int, seed: int) -> None:
        self._reservoir = Reservoir(max(1, rows // ROWS_PER_MATRIX), KeyReader(seed))
        self._seed = seed
        self._seen = 0
        self._kept: OperandSample | None = None

    def add(self, operands: GemmOperands, sample_shape: tuple[int, ...]) -> None:
        """Look at the operands of one forward pass.

        Args:
            operands: The operands.
            sample_shape: Shape of one sample's matrices of the output, `(..., M, N)`.
        """
        groups, columns, depth = operands.w_codes.shape
        kept = self._kept = self._kept or self._room(min(columns, COLUMNS_PER_MATRIX), depth)
        items, places = self._reservoir.offer(groups)
        if len(items):
            rows_per_sample = math.prod(sample_shape[:-1])
            height = operands.x_codes.shape[1]
            # By its number in the stream, so that cutting into batches does not matter.
            numbers = tuple((self._seen + items).tolist())
            rows, chosen = _drawn(self._seed, numbers, height, columns, kept.w_codes.shape[1])
            kept.x_codes[places] = rows_of_matrices(operands.x_codes, items, rows)
            kept.w_codes[places] = rows_of_matrices(operands.w_codes, items, chosen)
            kept.x_places[places] = (items[:, None] * height + rows) % rows_per_sample
            kept.w_places[places] = chosen
        self._seen += groups

    @property
    def sample(self) -> OperandSample:
        """Return what was drawn so far, each matrix with its own second operand."""
        if self._kept is None:
            return _nothing()
        order = self._reservoir.order
        return OperandSample(
            **{field.name: getattr(self._kept, field.name)[order] for field in fields(self._kept)}
        )

    def _room(self, columns: int, depth: int) -> OperandSample:
        """Return room for the matrices that the reservoir holds."""
        matrices, rows = self._reservoir.places, ROWS_PER_MATRIX
        return OperandSample(
            x_codes=np.zeros((matrices, rows, depth), np.uint8),
            w_codes=np.zeros((matrices, columns, depth), np.uint8),
            x_places=np.zeros((matrices, rows), np.int64),
            w_places=np.zeros((matrices, columns), np.int64),
        )


def _nothing() -> OperandSample:
    codes, places = np.zeros((0, 0, 0), np.uint8), np.zeros((0, 0), np.int64)
    return OperandSample(codes, codes, places, places)


@lru_cache(maxsize=32)  # all layers of a network draw the same
def _drawn(
    seed: int, matrices: tuple[int, ...], height: int, columns: int, wanted_columns: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Draw rows and columns of the matrices of some numbers in the stream."""
    rows, chosen = [], []
    for matrix in matrices:
        rng = np.random.default_rng([seed, matrix])
        rows.append(_some_rows(height, ROWS_PER_MATRIX, rng))
        chosen.append(_some_rows(columns, wanted_columns, rng))
    return np.array(rows), np.array(chosen)


def _some_rows(count: int, wanted: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw numbers of rows without replacement, or with where there are too few."""
    items: npt.NDArray[np.intp] = rng.choice(count, wanted, replace=wanted > count)
    return items
