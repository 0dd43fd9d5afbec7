"""Paired histograms: which operands a row and a channel have, not how they are paired.

By the law of total variance over channels `o`, rows `n`, and the pairing of a row's activations
with a channel's weights::

    var = Var_o(m_o) + mean_o Var_n(Y_no) + mean_on V_no

`m_o` is the mean error of a channel, exact for the traced data. `Y_no` is the mean of the error of
output (n, o) over all pairings, and `V_no` its variance. With the shares `H_n` of activation codes
in a row and `Q_o` of weight codes in a channel (`K` codes each)::

    A = H e,    M = A Q^T,    Y = K M
    V = K**2 / (K - 1) * ((H e**2) Q^T - A**2 Q^T - H (e Q^T)**2 + M**2)

`V` is the variance of a sum over a random permutation (Hoeffding 1951, theorem 2): what depends on
the activation alone or on the weight alone is the same in every pairing and contributes nothing.

**Association.** A network's pairing is not random: particular activations meet particular weights
at the same position. A part of the error of low rank, ``L[x, w] = sum_r f_r[x] g_r[w]``, does not
need a model of the pairing, since its sums over `k` are `r` ordinary matrix products. With
``Z_no = sum_k L[x_nk, w_ok] + K M_no``, where `M` and `V` are now those of the rest ``e - L``::

    var = Var_o(m_o) + mean_o Var_n(Z_no) + mean_on V_no

The rest's pairing is taken as random and as uncorrelated with `Z`. Where the error table itself is
of low rank, as those of truncated and perforated multipliers are, nothing is left to assume. Nor is
it where `L` is the whole table: then `Z` are the errors of the sampled rows through the table,
which is the faster way in all but large layers.

References:
    Hoeffding (1951), "A combinatorial central limit theorem", Annals of Mathematical Statistics
    22(4), 558-566.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.error_models.association import LowRank, associated_part
from analysis.error_models.block import Block, blocks
from analysis.error_models.layer_error import LayerError
from analysis.error_models.sampled_rows import sampled_errors
from analysis.error_models.spread import by_channel, variance_over_rows
from multipliers import Multiplier
from torchapprox import LayerTrace, channel_error_means

LARGE_LAYER_RANK = 4
LOOKUPS = 2**26

Floats = NDArray[np.float64]


def paired_histograms(
    multiplier: Multiplier, trace: LayerTrace, *, rank: int | None = None
) -> LayerError:
    """Predict a layer's error from exact means and the histograms of rows and channels.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.
        rank: Rank of the part of the error table whose pairing is known, 0 for none. None takes
            the whole table where the sample has at most `LOOKUPS` products, else
            `LARGE_LAYER_RANK`.

    Raises:
        ValueError: If the multiplier's ports do not take the layer's operands, or ``rank`` is
            negative.
    """
    means = channel_error_means(multiplier, trace)
    expected, over_pairings = output_moments(multiplier, trace, rank=rank)
    variance = variance_over_rows(trace, expected) + over_pairings.mean(axis=0)
    return LayerError(
        fan_in=trace.fan_in,
        scale=trace.scale,
        channel_mean=means,
        channel_std=np.sqrt(variance),
    )


def output_moments(
    multiplier: Multiplier, trace: LayerTrace, *, rank: int | None = None
) -> tuple[Floats, Floats]:
    """Return `Z` and `V` of the sampled outputs by channel; see the module's docstring.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.
        rank: As `paired_histograms`.

    Returns:
        Mean and variance over pairings, float64 `(rows, out_channels)` each, in units of the
        accumulator.

    Raises:
        ValueError: If ``rank`` is negative.
    """
    if rank is not None and rank < 0:
        raise ValueError(f"'rank' must be at least 0, got {rank}")
    sample = trace.sample
    if rank is None and sample.rows * sample.w_codes[0].size <= LOOKUPS:
        errors = by_channel(trace, list(sampled_errors(multiplier, trace)))
        return errors, np.zeros_like(errors)
    low_rank = associated_part(multiplier.error, trace, LARGE_LAYER_RANK if rank is None else rank)
    moments = [block_moments(block, multiplier.error, low_rank) for block in blocks(trace)]
    expected, variance = zip(*moments, strict=True)
    return by_channel(trace, expected), by_channel(trace, variance)


def block_moments(
    block: Block, error: NDArray[np.integer], low_rank: LowRank
) -> tuple[Floats, Floats]:
    """Return `Z` and `V` of every output of a block; see the module's docstring.

    Args:
        block: Rows and columns.
        error: Errors of the products, integers `(256, 256)`.
        low_rank: The part whose pairing is known.

    Returns:
        Mean over pairings and variance over pairings, float64 `(R, N)` each.
    """
    depth = block.x_codes.shape[1]
    rest = block.among(error) - low_rank.among(block)
    h, q = block.x_shares, block.w_shares
    a = h @ rest
    m = a @ q.T
    z = depth * m + low_rank.sums(block)
    if depth == 1:
        return z, np.zeros_like(z)
    bracket = (
        (h @ np.square(rest)) @ q.T - np.square(a) @ q.T - h @ np.square(rest @ q.T) + np.square(m)
    )
    # A variance, apart from the rounding of its terms.
    return z, depth**2 / (depth - 1) * np.maximum(bracket, 0)
