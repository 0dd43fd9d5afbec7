"""Error figures of a multiplier over all operand pairs, as the field publishes them."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import Literal, get_args

from multipliers.characterisation.error_sums import ErrorSums, error_sums
from multipliers.characterisation.population import Weights, population
from multipliers.multiplier import Multiplier
from multipliers.parameters import check_kind

MredConvention = Literal["skip-zero", "max-one", "zero-counts"]
"""What the mean relative error does with the pairs whose exact product is 0."""


@dataclass(frozen=True, slots=True)
class ErrorFigures:
    """Error figures per product over all operand pairs, uniform or weighted.

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
        nmed: `mae` / 2^(x_width + w_width), the number of operand pairs, signed or not.
        wcre: Worst-case relative error, greatest abs(e) / abs(exact) where exact != 0; nan if no
            such pair occurs, as is `mred` if it leaves out the others.
        nwce: `wce` / 2^(x_width + w_width).
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
    nwce: float


def characterise(
    multiplier: Multiplier, *, mred: MredConvention = "skip-zero", weights: Weights = None
) -> ErrorFigures:
    """Return the error figures of a multiplier.

    With e = approximate - exact over the N = 2^(x_width + w_width) pairs of operand values:

    - error_mean = sum(e) / N, error_std = sqrt(mse - error_mean^2)
    - mae = sum(|e|) / N, wce = max(|e|), mse = sum(e^2) / N, error_rate = #(e != 0) / N
    - nmed = mae / N and nwce = wce / N, as EvoApproxLib's MAE% and WCE% divide by
      2^(width_a + width_b); others divide by the greatest exact product
    - wcre = max(|e| / |exact|) over the pairs with exact != 0
    - mred by convention: ``"skip-zero"`` the mean of |e| / |exact| over the pairs with exact != 0
      (EvoApproxLib); ``"max-one"`` the mean of |e| / max(1, |exact|) over all pairs (evoapprox8b);
      ``"zero-counts"`` the mean over all pairs with the pairs whose exact product is 0 counted as
      no error (Mitchell's, Kulkarni's and the minimally biased multiplier's publications)

    With weights, every sum and count weighs each pair by how often it occurs, N in the means is the
    sum of the weights, and the worst cases are those of the pairs that occur; nmed and nwce divide
    by the same number of pairs as ever.

    Unweighted or with integer weights, sums of e, |e| and e^2 are exact integers; only the
    quotients are rounded.

    Args:
        multiplier: The multiplier.
        mred: Convention of the mean relative error.
        weights: How often each pair of 8-bit codes occurs, counts or probabilities: `(256, 256)`,
            row = code of x, such as a trace's `joint_counts`; or a tuple of two `(256,)`, one per
            operand, where they are independent. None weighs all pairs alike.

    Returns:
        The figures.

    Raises:
        TypeError: If `multiplier` is no `Multiplier`, or `weights` holds no numbers.
        ValueError: If `mred` is none of the three, or `weights` has another shape, is negative, not
            finite or zero everywhere, or weighs a code that a port does not accept.

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
    check_convention(mred)
    pairs = population(multiplier, weights=weights)
    return figures_of_sums(
        error_sums(pairs.exact, pairs.error, weights=pairs.weights),
        multiplier.x_port.width + multiplier.w_port.width,
        mred=mred,
    )


def check_convention(mred: str) -> None:
    """Raise an error if `mred` is no `MredConvention`."""
    check_kind("mred", mred, str)
    if mred not in get_args(MredConvention):
        raise ValueError(f"'mred' must be one of {get_args(MredConvention)}, got {mred!r}")


def figures_of_sums(sums: ErrorSums, pair_bits: int, *, mred: MredConvention) -> ErrorFigures:
    """Return the figures that follow from the sums over all pairs.

    Args:
        sums: The sums.
        pair_bits: Width of both operands together in bits.
        mred: Convention of the mean relative error.

    Returns:
        The figures.

    Examples:
        >>> import numpy as np
        >>> sums = error_sums(np.array([4, -6]), np.array([0, -3]))
        >>> figures_of_sums(sums, 1, mred="skip-zero").mred
        0.25
    """
    total = sums.total
    mae = sums.distance / total
    return ErrorFigures(
        error_mean=sums.error / total,
        error_std=sqrt(max(0, sums.square * total - sums.error * sums.error)) / total,
        mae=mae,
        wce=sums.worst,
        mred=_mred(sums, mred),
        mred_convention=mred,
        error_rate=sums.wrong / total,
        mse=sums.square / total,
        nmed=mae / (1 << pair_bits),
        wcre=sums.worst_relative,
        nwce=sums.worst / (1 << pair_bits),
    )


def _mred(sums: ErrorSums, convention: MredConvention) -> float:
    if convention == "skip-zero":
        counted = sums.total - sums.zeros
        return sums.relative / counted if counted else nan
    distance_of_zeros = sums.distance_of_zeros if convention == "max-one" else 0
    return (sums.relative + distance_of_zeros) / sums.total
