"""A block of sampled operands as histograms over the codes that occur in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torchapprox import LayerTrace

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]

HISTOGRAM_ROWS = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Rows of activations and the weights that they meet, and their histograms.

    Attributes:
        x_codes: Activation codes, uint8 `(R, K)`.
        w_codes: Weight codes, uint8 `(N, K)`.
        x_alphabet: Activation codes that occur, ascending, `(X,)`.
        w_alphabet: Weight codes that occur, ascending, `(W,)`.
        x_shares: Share of each of them in every row, float64 `(R, X)`, rows sum to 1.
        w_shares: Share of each of them in every column's weights, float64 `(N, W)`.
    """

    x_codes: Codes
    w_codes: Codes
    x_alphabet: NDArray[np.intp]
    w_alphabet: NDArray[np.intp]
    x_shares: Floats
    w_shares: Floats

    @classmethod
    def of(cls, x_codes: Codes, w_codes: Codes) -> Block:
        """Count the operands of a block.

        Examples:
            >>> block = Block.of(np.array([[3, 9]], np.uint8), np.array([[7, 7]], np.uint8))
            >>> block.x_alphabet.tolist(), block.x_shares.tolist(), block.w_shares.tolist()
            ([3, 9], [[0.5, 0.5]], [[1.0]])
        """
        x_alphabet, x_shares = _shares(x_codes)
        w_alphabet, w_shares = _shares(w_codes)
        return cls(x_codes, w_codes, x_alphabet, w_alphabet, x_shares, w_shares)

    def among(self, table: NDArray[np.generic]) -> Floats:
        """Return the entries of a table `(256, 256)` for the codes that occur, `(X, W)`."""
        entries: Floats = table[np.ix_(self.x_alphabet, self.w_alphabet)].astype(np.float64)
        return entries


def blocks(trace: LayerTrace, *, rows: int = HISTOGRAM_ROWS) -> Iterator[Block]:
    """Count the operands of the blocks of a layer's sample.

    Args:
        trace: The layer.
        rows: Rows to use in all. Where the sample has more, the first ones of each group, or the
            first pairs of matrices: they are in random order.
    """
    x_codes, w_codes = trace.sample.x_codes, trace.sample.w_codes
    count, each, _ = x_codes.shape
    if trace.fixed_weights:
        each = min(each, max(1, rows // count))
    else:
        count = min(count, max(1, rows // each))
    for x, w in zip(x_codes[:count, :each], w_codes[:count], strict=True):
        yield Block.of(x, w)


def _shares(codes: Codes) -> tuple[NDArray[np.intp], Floats]:
    """Return the codes that occur and their share in every row."""
    rows, depth = codes.shape
    places = np.arange(rows, dtype=np.int64)[:, None] * 256 + codes
    counts = np.bincount(places.ravel(), minlength=rows * 256).reshape(rows, 256)
    alphabet = np.flatnonzero(counts.any(axis=0))
    return alphabet, counts[:, alphabet] / depth
