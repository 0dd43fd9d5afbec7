"""Where operators hand the operand codes that they multiply, for whoever traces them."""

from typing import Protocol

import torch
from torch import Tensor

from torchapprox.operators.gemm_operands import GemmOperands

DEFAULT_MAX_ROWS = 4096


class OperandSink(Protocol):
    """Receives the operands of every product."""

    def receive(self, operands: GemmOperands) -> None:
        """Take note of one product's operands."""


class LastOperands:
    """Keeps the operands of the last product, without a copy.

    Attributes:
        operands: They, or None before the first product.
    """

    def __init__(self) -> None:
        self.operands: GemmOperands | None = None

    def receive(self, operands: GemmOperands) -> None:
        """Keep the operands of one product; see `OperandSink`."""
        self.operands = operands


class TracedGeMMInputs:
    """The operands of a layer's products, kept for inspection up to a bound.

    Set one as a layer's ``traced_inputs``; every forward pass in any mode then appends to it.
    For distributions over whole data sets use `torchapprox.trace`, which needs no more memory
    however many batches it sees.

    Args:
        features: Activations to start with, or None.
        weights: Weights to start with, or None.
        max_rows: Rows of activations that are kept; further rows are counted in ``rows_dropped``.

    Attributes:
        features: Activations as integers, int8 or uint8, `(rows, K)`, of grouped convolutions
            `(G, rows, K)`; None before the first product.
        weights: Weights of the last product, int8 or uint8, `(N, K)` or `(G, N, K)`; or None.
        rows_dropped: Rows that were not kept.

    Raises:
        ValueError: ``max_rows`` is less than 1.
    """

    def __init__(
        self,
        features: Tensor | None = None,
        weights: Tensor | None = None,
        *,
        max_rows: int = DEFAULT_MAX_ROWS,
    ) -> None:
        if max_rows < 1:
            raise ValueError(f"'max_rows' must be at least 1, got {max_rows}")
        self.features = features
        self.weights = weights
        self.max_rows = max_rows
        self.rows_dropped: int = 0

    def trace(self, x_q: Tensor, w_q: Tensor) -> None:
        """Append activations and replace the weights.

        Args:
            x_q: Integers, `(rows, K)` or `(G, rows, K)`.
            w_q: Integers, `(N, K)` or `(G, N, K)`.
        """
        kept = 0 if self.features is None else self.features.shape[-2]
        new = x_q.detach()[..., : self.max_rows - kept, :]
        self.rows_dropped += x_q.shape[-2] - new.shape[-2]
        # A copy, so that a few kept rows do not keep a whole batch alive.
        self.features = (
            new.clone() if self.features is None else torch.cat([self.features, new], dim=-2)
        )
        self.weights = w_q.detach().clone()

    def receive(self, operands: GemmOperands) -> None:
        """Trace the operands of one product; see `OperandSink`."""
        x, w = operands.x_values, operands.w_values
        self.trace(x[0], w[0]) if len(x) == 1 else self.trace(x, w)
