"""Error figures of a multiplier over all operand pairs, as the field publishes them."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal, get_args

import numpy as np

from multipliers.multiplier import Multiplier

MredConvention = Literal["skip-zero", "max-one", "zero-counts"]
"""What the mean relative error does with the pairs whose exact product is 0."""

_PAIRS = 1 << 16
_GREATEST_SQUARED = 1 << 23  # squares of such errors sum to at most 2^62 over all pairs


@dataclass(frozen=True, slots=True)
class ErrorFigures:
    """Error figures per product, uniform over all 65536 operand pairs.

    e = approximate - exact product. Relative figures and rates are fractions, not percent.

    Args:
        error_mean: Mean of e (bias), signed.
        error_std: Standard deviation of e over the whole population.
        mae: Mean absolute error, mean of abs(e); also called mean error distance (MED).
        wce: Worst-case error, greatest abs(e).
        mred: Mean relative error distance by `mred_convention`; also called MRE.
        mred_convention: What `mred` does with the pairs whose exact product is 0.
        error_rate: Share of pairs with e != 0; also called error probability (EP).
        mse: Mean of e squared.
        nmed: `mae` / 2^16, the operands' number of codes multiplied, signed or not.
        wcre: Worst-case relative error, greatest abs(e) / abs(exact) where exact != 0.
    """

    error_mean: float
    error_std: float
    mae: float
    wce: int
    mred: float
    mred_convention: MredConvention
    error_rate: float
    mse: float
    nmed: float
    wcre: float


def characterise(multiplier: Multiplier, *, mred: MredConvention = "skip-zero") -> ErrorFigures:
    """Return the error figures of a multiplier.

    With e = approximate - exact and N = 65536 pairs of uniformly distributed operand codes:

    - error_mean = sum(e) / N, error_std = sqrt(mse - error_mean^2)
    - mae = sum(|e|) / N, wce = max(|e|), mse = sum(e^2) / N, error_rate = #(e != 0) / N
    - nmed = mae / 2^16, as EvoApproxLib's MAE% divides by 2^(width_a + width_b); others divide by
      the greatest exact product
    - wcre = max(|e| / |exact|) over the pairs with exact != 0
    - mred by convention: ``"skip-zero"`` the mean of |e| / |exact| over the pairs with exact != 0
      (EvoApproxLib); ``"max-one"`` the mean of |e| / max(1, |exact|) over all pairs (evoapprox8b);
      ``"zero-counts"`` the mean over all pairs with the pairs whose exact product is 0 counted as
      no error (Mitchell's, Kulkarni's and the minimally biased multiplier's publications)

    Sums of e, |e| and e^2 are exact integers; only the quotients are rounded.

    Args:
        multiplier: The multiplier.
        mred: Convention of the mean relative error.

    Returns:
        The figures.

    Raises:
        ValueError: If `mred` is none of the three, or errors reach 2^23.

    Examples:
        >>> from multipliers import Multiplier, truncated_multiplier
        >>> tm2 = Multiplier.from_netlist(truncated_multiplier(2, signed=False))
        >>> figures = characterise(tm2)
        >>> figures.mae, figures.wce, round(figures.mred, 5)
        (380.25, 1521, 0.07005)

    References:
        V. Mrazek et al., "EvoApprox8b: Library of approximate adders and multipliers for circuit
        design and benchmarking of approximation methods", DATE 2017.
        J. Liang, J. Han and F. Lombardi, "New metrics for the reliability of approximate and
        probabilistic adders", IEEE Trans. Computers 62(9), 2013 (MED, NMED).
    """
    if mred not in get_args(MredConvention):
        raise ValueError(f"'mred' must be one of {get_args(MredConvention)}, got {mred!r}")
    exact = np.abs(multiplier.exact.astype(np.int64))
    error = multiplier.error.astype(np.int64)
    distance = np.abs(error)
    worst = int(distance.max())
    if worst >= _GREATEST_SQUARED:
        raise ValueError(f"errors must be less than 2^23 in size, got {worst}")
    total, squares = int(error.sum()), int((error * error).sum())
    mae = int(distance.sum()) / _PAIRS
    not_zero = exact != 0
    relative = distance[not_zero] / exact[not_zero]
    return ErrorFigures(
        error_mean=total / _PAIRS,
        error_std=sqrt(squares * _PAIRS - total * total) / _PAIRS,
        mae=mae,
        wce=worst,
        mred=_mred(relative, int(distance[~not_zero].sum()), mred),
        mred_convention=mred,
        error_rate=int(np.count_nonzero(error)) / _PAIRS,
        mse=squares / _PAIRS,
        nmed=mae / _PAIRS,
        wcre=float(relative.max()),
    )


def _mred(
    relative: np.ndarray[tuple[int], np.dtype[np.float64]],
    distance_of_zeros: int,
    convention: MredConvention,
) -> float:
    """Return the mean relative error.

    Args:
        relative: Relative errors of the pairs whose exact product is not 0, float64 `(pairs,)`.
        distance_of_zeros: Sum of abs(e) over the other pairs.
        convention: What to do with those.
    """
    total = float(relative.sum())
    if convention == "skip-zero":
        return total / relative.size
    return (total + (distance_of_zeros if convention == "max-one" else 0)) / _PAIRS
