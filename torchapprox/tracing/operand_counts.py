"""How often the operands of a layer occur, each by itself and in pairs."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from torchapprox.kernels import joint_histogram_cpu, matrix_histogram_cpu
from torchapprox.kernels.statistics.joint_histogram_cpu import MOST_PAIRS, joint_unit
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.observed_codes import Codes, MatrixCodes, ObservedCodes, host_array

Counts = npt.NDArray[np.int64]

_POSITIONS_AT_ONCE = 2**13
_FLOAT32_PAIRS = 2**24
_MOST_RECENT = 2**31 - 1


class WeightedCounts:
    """Counts of a layer whose weights are its own and change rarely.

    There are P = G * K input positions. The joint counts follow from those of the positions, since
    all rows meet the same weights; they are kept apart from the counts since the weights last
    changed.

    Attributes:
        w_codes: The weights, uint8 `(G, N, K)`.
        rows: Rows that were counted.
    """

    def __init__(self) -> None:
        self.w_codes: Codes = np.zeros((0, 0, 0), np.uint8)
        self.rows: int = 0
        self._w_bytes = bytearray()
        self._x_counts: Counts = np.zeros((0, 256), np.int64)
        # Counts since the weights last changed; their products are not yet in the joint counts.
        # Half as wide as the others: writing them takes longer than counting.
        self._recent: npt.NDArray[np.int32] = np.zeros((0, 256), np.int32)
        self._recent_rows = 0
        self._joint: Counts = np.zeros((256, 256), np.int64)

    def has(self, w_codes: torch.Tensor) -> bool:
        """Whether the weights, uint8 `(G, N, K)`, are these."""
        if w_codes.shape != self.w_codes.shape:
            return False
        # Compared in place: a copy of the bytes takes longer, much of it to get new memory.
        return bool(self._w_bytes == host_array(w_codes))

    def take(self, w_codes: torch.Tensor) -> None:
        """Let rows meet other weights from now on."""
        if not self._x_counts.size:
            self._x_counts = np.zeros((w_codes.shape[0] * w_codes.shape[2], 256), np.int64)
            self._recent = np.zeros(self._x_counts.shape, np.int32)
        self._fold()
        self.w_codes = host_array(w_codes).copy()
        self._w_bytes = bytearray(self.w_codes)

    def add(self, codes: ObservedCodes) -> None:
        """Count rows of activations."""
        rows = codes.rows
        if self._recent_rows + rows > _MOST_RECENT:
            self._fold()
        codes.add_counts(self._recent)
        self._recent_rows += rows
        self.rows += rows

    @property
    def x_counts(self) -> Counts:
        """How often each activation code occurred, int64 `(G * K, 256)`, by input position."""
        return self._x_counts + self._recent

    @property
    def joint_counts(self) -> Counts:
        """How often each pair of codes was multiplied, int64 `(256, 256)`, row = activation."""
        return self._joint + self._joint_of_recent()

    def _fold(self) -> None:
        """Close the counts that belong to the weights so far."""
        self._joint += self._joint_of_recent()
        self._x_counts += self._recent
        self._recent[:] = self._recent_rows = 0

    def _joint_of_recent(self) -> Counts:
        if not self._recent_rows:
            return np.zeros((256, 256), np.int64)
        counts = np.zeros(self._recent.shape, np.int64)
        MatrixCodes.of(torch.from_numpy(self.w_codes)).add_counts(counts)
        return _paired(self._recent, counts)


class MatrixCounts:
    """Counts of a product of two activations, whose second operand differs in every matrix.

    There are P = K input positions. The matrices of a pass are paired one by one.

    Attributes:
        rows: Rows of all matrices that were counted.
    """

    def __init__(self) -> None:
        self.rows: int = 0
        self._x_counts: Counts = np.zeros((0, 256), np.int64)
        self._joint: Counts = np.zeros((256, 256), np.int64)

    def add(self, operands: GemmOperands) -> None:
        """Count the operands of one forward pass."""
        matrices, rows, depth = operands.x_codes.shape
        columns = operands.w_codes.shape[1]
        self.rows += matrices * rows
        if not self._x_counts.size:
            self._x_counts = np.zeros((depth, 256), np.int64)
        pairs = rows * columns * depth
        unit = joint_unit(rows, columns, depth)
        # Sums of no more than 2^24 pairs are exact in float32, half the time and memory.
        precise = unit is not None or torch.get_float32_matmul_precision() == "highest"
        narrow = precise and pairs <= _FLOAT32_PAIRS
        at_once = max(1, _POSITIONS_AT_ONCE // max(1, depth))
        if unit or narrow:
            most = MOST_PAIRS if unit else _FLOAT32_PAIRS
            at_once = max(1, min(at_once, most // max(1, pairs)))
        x, w = host_array(operands.x_codes), host_array(operands.w_codes)
        for first in range(0, matrices, at_once):
            codes = x[first : first + at_once], w[first : first + at_once]
            if unit:
                counts, threads = (self._joint, self._x_counts), torch.get_num_threads()
                joint_histogram_cpu(*codes, *counts, unit=unit, threads=threads)
            else:
                self._add_in_floats(*codes, np.float32 if narrow else np.float64)

    def _add_in_floats(self, x: Codes, w: Codes, dtype: type[np.floating]) -> None:
        """Count the operands of some matrices, on any CPU and however many rows there are."""
        (x_counts, x_codes), (w_counts, w_codes) = (
            _count_matrices(codes, total, dtype)
            for codes, total in ((x, self._x_counts), (w, None))
        )
        self._joint[:x_codes, :w_codes] += _product(x_counts[:, :x_codes].T, w_counts[:, :w_codes])

    @property
    def x_counts(self) -> Counts:
        """How often each activation code occurred, int64 `(K, 256)`, in all matrices together."""
        return self._x_counts

    @property
    def joint_counts(self) -> Counts:
        """How often each pair of codes was multiplied, int64 `(256, 256)`, row = activation."""
        return self._joint


def _count_matrices(
    codes: Codes, total: Counts | None, dtype: type[np.floating]
) -> tuple[npt.NDArray[Any], int]:
    """Return the counts of each matrix's positions, `(G * K, 256)`, and how many of 256 occur."""
    matrices, _, depth = codes.shape
    counts = np.empty((matrices, depth, 256), dtype)
    matrix_histogram_cpu(codes, counts, total, threads=torch.get_num_threads())
    return counts.reshape(-1, 256), int(codes.max(initial=0)) + 1


def _paired(x_counts: npt.NDArray[np.int32], w_counts: Counts) -> Counts:
    """Return activation counts times weight counts, summed over input positions."""
    # float64 products and sums are exact below 2^53 multiplications.
    return _product(x_counts.T.astype(np.float64), w_counts.astype(np.float64))


def _product(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Counts:
    """Return a matrix product of integer-valued floats, as integers."""
    # Through PyTorch: the threads of NumPy's library would fight with PyTorch's for the cores.
    with torch.autocast("cpu", enabled=False):
        product = torch.from_numpy(left) @ torch.from_numpy(right)
    counts: Counts = product.to(torch.int64).numpy()
    return counts
