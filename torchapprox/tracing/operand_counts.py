"""How often the operands of a layer occur, each by itself and in pairs."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.observed_codes import add_code_counts

Counts = npt.NDArray[np.int64]

_POSITIONS_AT_ONCE = 2**13
_FLOAT32_PAIRS = 2**24
_MOST_RECENT = 2**31 - 1


class OperandCounts(Protocol):
    """Counts the operands of one layer."""

    def add(self, operands: GemmOperands) -> None:
        """Count the operands of one forward pass."""

    @property
    def x_counts(self) -> Counts:
        """How often each activation code occurred at each input position, int64 `(P, 256)`."""

    @property
    def joint_counts(self) -> Counts:
        """How often each pair of codes was multiplied, int64 `(256, 256)`, row = activation."""


class WeightedCounts:
    """Counts of a layer whose weights are its own and change rarely.

    There are P = G * K input positions. The joint counts follow from those of the positions, since
    all rows meet the same weights; they are kept apart from the counts since the weights last
    changed.
    """

    def __init__(self) -> None:
        self._w_codes: npt.NDArray[np.uint8] = np.zeros((0, 0, 0), np.uint8)
        self._x_counts: Counts = np.zeros((0, 256), np.int64)
        # Counts since the weights last changed; their products are not yet in the joint counts.
        # Half as wide as the others: writing them takes longer than counting.
        self._recent: npt.NDArray[np.int32] = np.zeros((0, 256), np.int32)
        self._recent_rows = 0
        self._joint: Counts = np.zeros((256, 256), np.int64)

    def add(self, operands: GemmOperands) -> None:
        """Count the operands of one forward pass."""
        w_codes = operands.w_codes.cpu().numpy()
        if not self._x_counts.size:
            self._x_counts = np.zeros((w_codes.shape[0] * w_codes.shape[2], 256), np.int64)
            self._recent = np.zeros(self._x_counts.shape, np.int32)
        changed = not np.array_equal(w_codes, self._w_codes)
        if changed or self._recent_rows + operands.rows > _MOST_RECENT:
            self._joint += self._joint_of_recent()
            self._x_counts += self._recent
            self._recent[:] = self._recent_rows = 0
        if changed:
            self._w_codes = w_codes.copy()
        operands.add_x_counts(self._recent)
        self._recent_rows += operands.rows

    @property
    def x_counts(self) -> Counts:
        """How often each activation code occurred, int64 `(G * K, 256)`, by input position."""
        return self._x_counts + self._recent

    @property
    def joint_counts(self) -> Counts:
        """How often each pair of codes was multiplied, int64 `(256, 256)`, row = activation."""
        return self._joint + self._joint_of_recent()

    def _joint_of_recent(self) -> Counts:
        if not self._w_codes.size:
            return np.zeros((256, 256), np.int64)
        counts = np.zeros(self._recent.shape, np.int64)
        add_code_counts(torch.from_numpy(self._w_codes), counts)
        return _paired(self._recent, counts)


class MatrixCounts:
    """Counts of a product of two activations, whose second operand differs in every matrix.

    There are P = K input positions. The matrices of a pass are paired one by one.
    """

    def __init__(self) -> None:
        self._x_counts: Counts = np.zeros((0, 256), np.int64)
        self._joint: Counts = np.zeros((256, 256), np.int64)

    def add(self, operands: GemmOperands) -> None:
        """Count the operands of one forward pass."""
        depth = operands.x_codes.shape[2]
        pairs = operands.x_codes.shape[1] * operands.w_codes.shape[1] * depth
        if not self._x_counts.size:
            self._x_counts = np.zeros((depth, 256), np.int64)
        # Sums of no more than 2^24 pairs are exact in float32, half the time and memory.
        precise = torch.get_float32_matmul_precision() == "highest"
        narrow = precise and pairs <= _FLOAT32_PAIRS
        dtype: type[np.floating] = np.float32 if narrow else np.float64
        limit = _FLOAT32_PAIRS // max(1, pairs) or _POSITIONS_AT_ONCE // depth
        at_once = max(1, min(limit, _POSITIONS_AT_ONCE // depth))
        for x, w in zip(
            torch.split(operands.x_codes, at_once),
            torch.split(operands.w_codes, at_once),
            strict=True,
        ):
            x_counts, w_counts = (np.zeros((len(x) * depth, 256), dtype) for _ in range(2))
            add_code_counts(x, x_counts)
            add_code_counts(w, w_counts)
            by_matrix = x_counts.reshape(len(x), depth, 256)
            self._x_counts += by_matrix.sum(axis=0, dtype=np.float64).astype(np.int64)
            self._joint += _product(x_counts.T, w_counts)

    @property
    def x_counts(self) -> Counts:
        """How often each activation code occurred, int64 `(K, 256)`, in all matrices together."""
        return self._x_counts

    @property
    def joint_counts(self) -> Counts:
        """How often each pair of codes was multiplied, int64 `(256, 256)`, row = activation."""
        return self._joint


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
