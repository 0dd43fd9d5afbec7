"""What the outputs of a product of two activations share: elements, matrices, rows and columns.

The error of element (m, n) of the matrix of head h in sample s is, with the exact output y,

    E[s, h, m, n] = slope * y + f[h, m, n] + a[s, h] + b[s, h, m] + c[s, h, n] + z

**Fixed effects** f are what an element has in all samples, such as the errors of attention to a
class token, whose key hardly changes. They are sums of effects of heads, of columns and rows within
heads, and of elements, each the mean of what those before it leave over, shrunk towards 0 by

    var_effect / (var_effect + var_within / count)

since a mean of few samples is mostly their chance (Robinson 1991, equation 1.2, for one grouping
alone). **Random effects** a, b, c are drawn anew for every sample; their variances follow from
those of the means of matrices, rows and columns (Henderson 1953, method 1, for balanced data, as
every sampled matrix has equally many rows and columns).

References:
    C. R. Henderson (1953), Estimation of variance and covariance components, Biometrics 9(2),
    226-252.
    G. K. Robinson (1991), That BLUP is a good thing: the estimation of random effects, Statistical
    Science 6(1), 15-32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.error_models.output_slope import exact_outputs
from analysis.error_models.paired_histograms import output_moments
from multipliers import Multiplier
from torchapprox import LayerTrace

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MatrixEffects:
    """The effects of one layer, in units of the accumulator.

    Attributes:
        slope: Error per unit of output.
        offset: Error without the part that the slope explains, for each element of one sample's
            matrices, mean 0, float64 of the trace's ``sample_shape``; `(1,)` without elements.
        explained: Variance of the error that slope and offset explain.
        shares: What matrices, rows and columns share of the rest, float64 `(3,)`.
    """

    slope: float
    offset: Floats
    explained: float
    shares: Floats


def matrix_effects(
    multiplier: Multiplier, trace: LayerTrace, *, elements: bool = True
) -> MatrixEffects:
    """Fit the effects to the sampled outputs of a product of two activations.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer.
        elements: Whether elements have fixed effects. They have none where the matrices of a
            sample changed their shape.

    Raises:
        ValueError: If the multiplier's ports do not take the layer's operands.
    """
    rows, columns = trace.sample.x_codes.shape[1], trace.sample.w_codes.shape[1]
    errors, over_pairings = (
        values.reshape(-1, rows, columns) for values in output_moments(multiplier, trace)
    )
    outputs = exact_outputs(trace).reshape(-1, rows, columns)[: len(errors)]
    fixed = FixedEffects(trace, len(errors)) if elements and trace.sample_shape else Overall()
    e, y = (values - fixed.of(fixed.means(values)) for values in (errors, outputs))
    variance = np.square(y).mean()
    slope = float((e * y).mean() / variance) if variance > 0 else 0.0
    without_slope = errors - slope * outputs
    offset = fixed.means(without_slope)
    left = without_slope - fixed.of(offset)
    return MatrixEffects(
        slope=slope,
        offset=(offset - offset.mean()).reshape(fixed.shape),
        explained=float(errors.var() - np.square(left).mean()),
        shares=random_shares(left, float(over_pairings.mean())),
    )


class Overall:
    """No fixed effects but the mean of all elements."""

    shape: tuple[int, ...] = (1,)

    def means(self, values: Floats) -> Floats:
        """Return the mean, float64 `(1,)`."""
        return np.array([values.mean()])

    def of(self, means: Floats) -> Floats:
        """Return the entry of every sampled output, in a shape that broadcasts."""
        return means


class FixedEffects:
    """Estimates what the elements of one sample's matrices have in all samples.

    Args:
        trace: The layer.
        blocks: How many blocks of its sample to use, the first ones.

    Attributes:
        shape: Shape of one sample's matrices, `(..., M, N)`.
    """

    def __init__(self, trace: LayerTrace, blocks: int) -> None:
        self.shape: tuple[int, ...] = trace.sample_shape
        *matrices, rows, columns = self.shape
        self._size = math.prod(matrices), rows, columns
        x_places, w_places = trace.sample.x_places[:blocks], trace.sample.w_places[:blocks]
        matrix, row = np.divmod(x_places, rows)
        self._index = matrix[:, :, None], row[:, :, None], w_places[:, None, :]

    def means(self, values: Floats) -> Floats:
        """Return the shrunk mean of every element, float64 `(matrices, M, N)`.

        Args:
            values: Of the sampled outputs, float64 `(S, R, N)`.
        """
        found = np.full(self._size, values.mean())
        for kept in ((0,), (0, 2), (0, 1), (0, 1, 2)):
            left = values - self.of(found)
            found = found + self._effects(left, kept)
        return found

    def of(self, means: Floats) -> Floats:
        """Return the entry of every sampled output, float64 `(S, R, N)`."""
        entries: Floats = means[self._index]
        return entries

    def _effects(self, values: Floats, kept: tuple[int, ...]) -> Floats:
        """Return the shrunk means by some of the axes, in a shape that broadcasts to all."""
        shape = tuple(size if axis in kept else 1 for axis, size in enumerate(self._size))
        index = tuple(
            np.broadcast_to(place, values.shape) if axis in kept else 0
            for axis, place in enumerate(self._index)
        )
        group = np.broadcast_to(np.ravel_multi_index(index, shape), values.shape).ravel()
        count, total, square = (
            np.bincount(group, weights=weights.ravel(), minlength=math.prod(shape)).astype(float)
            for weights in (np.ones_like(values), values, np.square(values))
        )
        mean: Floats = total / np.maximum(count, 1)
        effects: Floats = mean * _shrinkage(count, mean, square)
        return effects.reshape(shape)


def _shrinkage(count: Floats, mean: Floats, square: Floats) -> Floats:
    """Return the factors of the means of groups; see the module's docstring.

    Analysis of variance of groups of unequal size: the variance of the effects is what the groups'
    means scatter more than the values within groups let expect.

    Args:
        count: Values in each group.
        mean: Their mean.
        square: Sum of their squares.
    """
    used = count > 0
    values, groups = count.sum(), int(used.sum())
    if values <= groups:
        return np.zeros_like(mean)
    if groups < 2:
        return np.ones_like(mean)
    within = (square.sum() - (count * np.square(mean)).sum()) / (values - groups)
    between = (count * np.square(mean)).sum() / groups
    typical = values / groups
    effect = max((between - within) / typical, 0.0)
    if effect == 0:
        return np.zeros_like(mean)
    factors: Floats = effect / (effect + within / np.maximum(count, 1))
    return factors


def random_shares(values: Floats, own_variance: float = 0.0) -> Floats:
    """Return the shares of the variance that matrices, rows and columns share.

    Args:
        values: Errors without fixed effects, float64 `(S, R, N)`.
        own_variance: Variance that each output has besides, which it does not share.

    Returns:
        float64 `(3,)`, not negative, at most 1 in all.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> columns = rng.standard_normal((500, 1, 8)) + np.zeros((1, 6, 1))
        >>> random_shares(columns).round(2).tolist()
        [0.0, 0.0, 1.0]
    """
    matrices, rows, columns = values.shape
    of_matrix = values.mean(axis=(1, 2), keepdims=True)
    of_row = values.mean(axis=2, keepdims=True) - of_matrix
    of_column = values.mean(axis=1, keepdims=True) - of_matrix
    rest = values - of_matrix - of_row - of_column
    own = np.square(rest).sum() / max(matrices * (rows - 1) * (columns - 1), 1)
    row = np.square(of_row).sum() / max(matrices * (rows - 1), 1) - own / columns
    column = np.square(of_column).sum() / max(matrices * (columns - 1), 1) - own / rows
    row, column = max(row, 0.0), max(column, 0.0)
    matrix = np.square(of_matrix).mean() - row / rows - column / columns - own / (rows * columns)
    found = np.array([max(matrix, 0.0), row, column])
    total = found.sum() + own + own_variance
    return found / total if total > 0 else found
