"""Error figures of multipliers too wide for a table: all pairs in blocks, or a seeded sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from math import nan, sqrt
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt

from multipliers.characterisation.characterise import (
    ErrorFigures,
    MredConvention,
    check_convention,
    figures_of_sums,
)
from multipliers.characterisation.error_sums import ErrorSums, error_sums
from multipliers.parameters import check_kind, check_parameter
from multipliers.ports import Port
from multipliers.tabulate import call_vectorised

Int64Array = npt.NDArray[np.int64]

Progress = Callable[[int, int], object]
"""Takes the number of operand pairs that are done and that of all."""

EXHAUSTIVE_BITS = 24
"""Up to this width of both operands together, all pairs are evaluated unless told otherwise."""

DEFAULT_SAMPLES = 1 << 22

_PAIRS_PER_BLOCK = 1 << 17
_INT64_MAX = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class StandardErrors:
    """Standard error of each mean in `ErrorFigures`: 0 where all pairs were evaluated.

    By the central limit theorem, and for `error_std` by the delta method.

    Args:
        error_mean: Of the mean error.
        error_std: Of the standard deviation of the error.
        mae: Of the mean absolute error.
        mred: Of the mean relative error, by the same convention.
        error_rate: Of the error rate.
        mse: Of the mean squared error.
        nmed: Of the normalised mean error distance.
    """

    error_mean: float
    error_std: float
    mae: float
    mred: float
    error_rate: float
    mse: float
    nmed: float


@dataclass(frozen=True, slots=True)
class FunctionFigures:
    """Error figures of a function over all operand pairs or a sample of them.

    Args:
        figures: The figures.
        standard_errors: Standard errors of those that are means.
        pairs: Number of pairs that were evaluated.
        exhaustive: Whether these are all pairs, each once. If not, `wce`, `nwce` and `wcre` are the
            greatest errors found, lower bounds of the greatest there are.
    """

    figures: ErrorFigures
    standard_errors: StandardErrors
    pairs: int
    exhaustive: bool


def characterise_function(
    function: Callable[[Any, Any], Any],
    x_port: Port,
    w_port: Port,
    *,
    samples: int | None = None,
    seed: int = 0,
    mred: MredConvention = "skip-zero",
    progress: Progress | None = None,
) -> FunctionFigures:
    """Return the error figures of a multiplier that is given as a function.

    The figures are defined as for `characterise`. Pairs are evaluated in blocks, so that the memory
    in use does not depend on their number.

    Args:
        function: Takes int64 arrays of one shape, values of the first and of the second operand,
            and returns their products, integers of that shape.
        x_port: Port of the first operand, 1 to 16 bits.
        w_port: Port of the second operand, 1 to 16 bits.
        samples: Number of pairs to draw uniformly with replacement, at least 2. None takes all
            pairs if both ports together are at most 24 bits wide, else draws 2^22.
        seed: Seed of the sample.
        mred: Convention of the mean relative error.
        progress: Called after each block of pairs.

    Returns:
        The figures with their standard errors.

    Raises:
        TypeError: If the products are no integers.
        ValueError: If they have another shape than the operands or errors of 2^40 and more, if
            `samples` is less than 2, or if `mred` is no convention.

    Examples:
        >>> def truncated(x, w):
        ...     return ((x >> 2) * (w >> 2)) << 4
        >>> port = Port(8, signed=False)
        >>> found = characterise_function(truncated, port, port)
        >>> found.figures.mae, found.figures.wce, found.exhaustive
        (380.25, 1521, True)
        >>> sample = characterise_function(truncated, port, port, samples=10_000)
        >>> abs(sample.figures.mae - 380.25) < 4 * sample.standard_errors.mae
        True
    """
    check_kind("function", function, Callable)
    check_kind("x_port", x_port, Port)
    check_kind("w_port", w_port, Port)
    if samples is not None:
        samples = check_parameter("samples", samples, 2)
    seed = check_parameter("seed", seed, 0)
    check_convention(mred)
    if progress is not None:
        check_kind("progress", progress, Callable)
    pair_bits = x_port.width + w_port.width
    exhaustive = samples is None and pair_bits <= EXHAUSTIVE_BITS
    if exhaustive:
        pairs, blocks = 1 << pair_bits, _all_pairs(x_port, w_port)
    else:
        pairs = samples or DEFAULT_SAMPLES
        blocks = _drawn_pairs(x_port, w_port, pairs, seed)
    sums = reduce(add, _sums_of_blocks(function, blocks, pairs, progress))
    figures = figures_of_sums(sums, pair_bits, mred=mred)
    if exhaustive:
        errors = StandardErrors(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    else:
        errors = _standard_errors(sums, figures, pair_bits)
    return FunctionFigures(figures, errors, int(sums.total), exhaustive)


def _all_pairs(x_port: Port, w_port: Port) -> Iterator[tuple[Int64Array, Int64Array]]:
    w = w_port.values
    rows = max(1, _PAIRS_PER_BLOCK // len(w))
    for start in range(0, 1 << x_port.width, rows):
        x = x_port.values[start : start + rows]
        yield np.repeat(x, len(w)), np.tile(w, len(x))


def _drawn_pairs(
    x_port: Port, w_port: Port, samples: int, seed: int
) -> Iterator[tuple[Int64Array, Int64Array]]:
    generator = np.random.default_rng(seed)
    for start in range(0, samples, _PAIRS_PER_BLOCK):
        size = min(_PAIRS_PER_BLOCK, samples - start)
        x = generator.integers(x_port.low, x_port.high, size=size, endpoint=True)
        yield x, generator.integers(w_port.low, w_port.high, size=size, endpoint=True)


def _sums_of_blocks(
    function: Callable[[Any, Any], Any],
    blocks: Iterable[tuple[Int64Array, Int64Array]],
    pairs: int,
    progress: Progress | None,
) -> Iterator[ErrorSums]:
    done = 0
    for x, w in blocks:
        yield _block_sums(function, x, w)
        done += len(x)
        if progress is not None:
            progress(done, pairs)


def _block_sums(function: Callable[[Any, Any], Any], x: Int64Array, w: Int64Array) -> ErrorSums:
    exact = x * w
    products = call_vectorised(function, x, w=w)
    if products.dtype == np.uint64 and int(products.max()) > _INT64_MAX:
        raise ValueError(f"'function' must return products that fit int64, got {products.max()}")
    return error_sums(exact, products.astype(np.int64, copy=False) - exact)


def _standard_errors(sums: ErrorSums, figures: ErrorFigures, pair_bits: int) -> StandardErrors:
    count, mean, variance = sums.total, figures.error_mean, figures.error_std**2
    third, fourth = sums.cube / count, sums.fourth / count
    central_fourth = fourth - 4 * mean * third + 6 * mean**2 * figures.mse - 3 * mean**4
    of_variance = _of_mean(central_fourth, variance, count)
    mae = _of_mean(figures.mse, figures.mae, count)
    return StandardErrors(
        error_mean=figures.error_std / sqrt(count),
        error_std=of_variance / (2 * figures.error_std) if figures.error_std else 0.0,
        mae=mae,
        mred=_of_mred(sums, figures),
        error_rate=_of_mean(figures.error_rate, figures.error_rate, count),
        mse=_of_mean(fourth, figures.mse, count),
        nmed=mae / (1 << pair_bits),
    )


def _of_mred(sums: ErrorSums, figures: ErrorFigures) -> float:
    count, squares = sums.total, sums.relative_square
    if figures.mred_convention == "skip-zero":
        count -= sums.zeros
    elif figures.mred_convention == "max-one":
        squares += sums.square_of_zeros
    return _of_mean(squares / count, figures.mred, count) if count else nan


def _of_mean(mean_of_squares: float, mean: float, count: float) -> float:
    """Return the standard error of a mean; rounding may take a variance of 0 below that."""
    return sqrt(max(0.0, mean_of_squares - mean * mean) / count)
