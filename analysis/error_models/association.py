"""The part of an error table that a few products of functions of one operand make up.

With the shares `p[x]` and `q[w]` of the operands of a layer, the best approximation of rank `r` of
the table ``sqrt(p) e sqrt(q)`` spans the same space as its leading left singular vectors. A few
steps of subspace iteration find it; what it leaves over stays in the caller's model, so that it
need not be exact. Main effects of one operand are left out, since no pairing changes their sum.

References:
    Halko, Martinsson and Tropp (2011), "Finding structure with randomness", SIAM Review 53(2),
    217-288, algorithm 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.error_models.block import Block
from torchapprox import LayerTrace

Floats = NDArray[np.float64]

_STEPS = 3


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """A table ``sum_r x_factors[x, r] * w_factors[w, r]``.

    Attributes:
        x_factors: float64 `(256, r)`.
        w_factors: float64 `(256, r)`.
    """

    x_factors: Floats
    w_factors: Floats

    def among(self, block: Block) -> Floats:
        """Return the table's entries for the codes that occur in a block, `(X, W)`."""
        return self.x_factors[block.x_alphabet] @ self.w_factors[block.w_alphabet].T

    def sums(self, block: Block) -> Floats:
        """Return the sums over the products of every output of a block, `(R, N)`."""
        sums = np.zeros((len(block.x_codes), len(block.w_codes)))
        for x_factor, w_factor in zip(self.x_factors.T, self.w_factors.T, strict=True):
            sums += x_factor[block.x_codes] @ w_factor[block.w_codes].T
        return sums


def associated_part(error: NDArray[np.integer], trace: LayerTrace, rank: int) -> LowRank:
    """Return the leading part of an error table without main effects, for a layer's operands.

    Args:
        error: Errors of the products, integers `(256, 256)`.
        trace: The layer, whose operands weigh the entries.
        rank: Its rank; 0 for an empty part.
    """
    p, q = (
        histogram / max(trace.products, 1) for histogram in (trace.x_histogram, trace.w_histogram)
    )
    x_codes, w_codes = np.flatnonzero(p), np.flatnonzero(q)
    rank = min(rank, len(x_codes), len(w_codes))
    factors = np.zeros((256, rank)), np.zeros((256, rank))
    if rank:
        p, q = p[x_codes], q[w_codes]
        table = error[np.ix_(x_codes, w_codes)].astype(np.float64)
        table -= p @ table
        table -= (table @ q)[:, None]
        root_p, root_q = np.sqrt(p)[:, None], np.sqrt(q)
        weighted = root_p * table * root_q
        basis = leading(weighted, rank)
        factors[0][x_codes] = basis / root_p
        factors[1][w_codes] = (weighted.T @ basis) / root_q[:, None]
    return LowRank(*factors)


def leading(matrix: Floats, rank: int) -> Floats:
    """Return an orthonormal basis near the leading left singular vectors, `(rows, rank)`.

    Args:
        matrix: float64 `(rows, columns)`.
        rank: At most the smaller of the two.

    Examples:
        >>> np.abs(leading(np.array([[9.0, 0.0], [0.0, 1.0]]), 1)).round(2).tolist()
        [[1.0], [0.0]]
    """
    start = np.random.default_rng(0).standard_normal((matrix.shape[1], rank))
    basis: Floats = np.linalg.qr(matrix @ start)[0]
    for _ in range(_STEPS):
        basis = np.linalg.qr(matrix @ (matrix.T @ basis))[0]
    return basis
