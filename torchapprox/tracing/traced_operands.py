"""Counts and a sample of what a layer multiplied, by the two kinds of layers."""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.observed_codes import ObservedCodes
from torchapprox.tracing.operand_counts import MatrixCounts, WeightedCounts
from torchapprox.tracing.operand_sample import MatrixSampler, OperandSample, RowSampler
from torchapprox.tracing.waiting_codes import WaitingCodes

Counts = npt.NDArray[np.int64]


class TracedOperands(ABC):
    """The operands of one layer, of P input positions."""

    _counts: WeightedCounts | MatrixCounts

    @abstractmethod
    def add(self, operands: GemmOperands, sample_shape: tuple[int, ...]) -> None:
        """Look at the operands of one forward pass.

        Args:
            operands: The operands.
            sample_shape: Shape of one sample's matrices of the output, `(..., M, N)`; only that of
                products of two activations is looked at.
        """

    def settle(self) -> None:  # noqa: B027  most have nothing that waits
        """Count what still waits to be counted; what follows wants that."""

    @property
    def rows(self) -> int:
        """Rows of activations so far, of each group or of all matrices."""
        return self._counts.rows

    @property
    def x_counts(self) -> Counts:
        """How often each activation code occurred at each input position, int64 `(P, 256)`."""
        return self._counts.x_counts

    @property
    def joint_counts(self) -> Counts:
        """How often each pair of codes was multiplied, int64 `(256, 256)`, row = activation."""
        return self._counts.joint_counts

    @property
    @abstractmethod
    def sample(self) -> OperandSample:
        """Some of the operands, with the last weights."""


class WeightedOperands(TracedOperands):
    """Operands of a layer whose weights are its own: P = G * K positions.

    Args:
        groups: Number of groups, G.
        depth: Input positions of each, K.
        rows: Rows of each group that the sample keeps.
        seed: Chooses them.
    """

    def __init__(self, groups: int, depth: int, rows: int, seed: int) -> None:
        self._size = groups, depth
        self._counts: WeightedCounts = WeightedCounts()
        self._sampler = RowSampler(rows, seed)
        self._waiting = WaitingCodes(self._look)

    def add(
        self,
        operands: GemmOperands,
        sample_shape: tuple[int, ...],  # noqa: ARG002  as of any operands
    ) -> None:
        """Look at the operands of one forward pass."""
        if not self._counts.has(operands.w_codes):
            self.settle()
            self._counts.take(operands.w_codes)
        self._waiting.add(operands.observed_x)

    def settle(self) -> None:
        """Count and sample the rows that wait."""
        self._waiting.hand_on()

    @property
    def sample(self) -> OperandSample:
        """Some of the rows, with the last weights."""
        return self._sampler.sample(self._counts.w_codes)

    def _look(self, codes: ObservedCodes) -> None:
        self._counts.add(codes)
        self._sampler.add(codes, *self._size)


class MatrixOperands(TracedOperands):
    """Operands of a product of two activations: P = K positions, in all matrices together.

    Args:
        rows: Rows that the sample keeps.
        seed: Chooses them.
    """

    def __init__(self, rows: int, seed: int) -> None:
        self._counts: MatrixCounts = MatrixCounts()
        self._sampler = MatrixSampler(rows, seed)

    def add(self, operands: GemmOperands, sample_shape: tuple[int, ...]) -> None:
        """Look at the operands of one forward pass."""
        self._counts.add(operands)
        self._sampler.add(operands, sample_shape)

    @property
    def sample(self) -> OperandSample:
        """Some of the matrices, and rows and columns of each."""
        return self._sampler.sample
