"""Tables of one operand whose products fit a table of two: weighted low-rank approximation.

A model of t calls is a sum ``F @ G.T`` of t outer products, F `(X, t)`, G `(W, t)`. The measure is

    (mean |d|^p)^(1/p) + peak * (mean |d|^q)^(1/q),    d = target - F @ G.T,

with p = 2 for the mean square, p = 1 for the mean magnitude, and a large q for the greatest
difference. For p = 2 without a peak and independent operands, the truncated singular value
decomposition is the optimum (Eckart and Young 1936). Everything else is found from there by
iteratively reweighted least squares, F and G in turn, with a step that never raises the measure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_PEAK_EXPONENT = 32
_STEPS = (1.0, 0.5, 0.25, 0.1, 0.03, 0.01)
_SMALLEST = 1e-3
_SETTLED = 1e-4
_RIDGE = 1e-9
_ALTERNATIONS = 50


@dataclass(frozen=True, slots=True)
class Measure:
    """What a fit makes small, see the module.

    Attributes:
        exponent: p, 1 or 2.
        peak: Factor of the part that stands for the greatest difference, 0 or more.
    """

    exponent: int
    peak: float

    def __call__(self, difference: FloatArray, probabilities: FloatArray) -> float:
        """Return the measure of a table of differences."""
        value = _mean_power(difference, probabilities, self.exponent)
        if self.peak:
            value += self.peak * _mean_power(difference, probabilities, _PEAK_EXPONENT)
        return value

    def weights(
        self, difference: FloatArray, probabilities: FloatArray, smallest: float
    ) -> FloatArray:
        """Return weights whose least squares descend as the measure does."""
        sizes = np.maximum(np.abs(difference), smallest)
        weights = np.zeros_like(sizes)
        parts = [(1.0, self.exponent), *([(self.peak, _PEAK_EXPONENT)] if self.peak else [])]
        for factor, exponent in parts:
            mean = _mean_power(sizes, probabilities, exponent)
            relative = sizes / mean
            weights += factor / mean * probabilities * _power(relative, exponent) / relative**2
        return weights


def dominant_pair(residual: FloatArray, probabilities: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return f and g whose outer product is nearest to a table in the weighted mean square.

    Args:
        residual: float64 `(X, W)`.
        probabilities: Weight of each pair, `(X, W)`, all positive.

    Returns:
        f `(X,)` and g `(W,)`; zeros for a table of zeros.
    """
    x_root, w_root = (np.sqrt(probabilities.sum(axis=axis)) for axis in (1, 0))
    scaled = residual * np.outer(x_root, w_root)
    from scipy.linalg import eigh  # noqa: PLC0415  it takes long to load

    _, vectors = eigh(scaled @ scaled.T, subset_by_index=[len(scaled) - 1] * 2)
    f = vectors[:, 0] / x_root
    f *= 1.0 if f[np.argmax(np.abs(f))] >= 0 else -1.0
    g = _nearest(residual, probabilities, f)
    if np.allclose(probabilities, np.outer(x_root**2, w_root**2), rtol=1e-9, atol=0):
        return f, g
    for _ in range(_ALTERNATIONS):
        f = _nearest(residual.T, probabilities.T, g)
        g = _nearest(residual, probabilities, f)
    return f, g


def refined(
    target: FloatArray,
    probabilities: FloatArray,
    left: FloatArray,
    right: FloatArray,
    *,
    measure: Measure,
    rounds: int = 40,
) -> tuple[FloatArray, FloatArray]:
    """Return factors of a measure that is no larger.

    Args:
        target: float64 `(X, W)`.
        probabilities: Weight of each pair, `(X, W)`, all positive, of sum 1.
        left: F to start from, `(X, t)`.
        right: G to start from, `(W, t)`.
        measure: What to make small.
        rounds: Most alternations between F and G.
    """
    scale = float((probabilities * np.abs(target)).sum())
    reached = measure(target - left @ right.T, probabilities)
    for number in range(rounds):
        before = reached
        smallest = scale * max(_SMALLEST, 0.5 * 0.8**number)
        left, reached = _improved(
            target, probabilities, left, right, measure=measure, reached=reached, smallest=smallest
        )
        right, reached = _improved(
            target.T, probabilities.T, right, left,
            measure=measure, reached=reached, smallest=smallest,
        )  # fmt: skip
        if smallest == scale * _SMALLEST and reached > before * (1 - _SETTLED):
            break
    return left, right


def best_left(
    target: FloatArray,
    probabilities: FloatArray,
    right: FloatArray,
    *,
    measure: Measure,
    rounds: int,
) -> FloatArray:
    """Return the left factor for a fixed right one; arguments as for `refined`."""
    left = _least_squares(target, probabilities, right)
    if measure == Measure(2, 0.0):
        return left
    scale = float((probabilities * np.abs(target)).sum())
    reached = measure(target - left @ right.T, probabilities)
    for number in range(rounds):
        smallest = scale * max(_SMALLEST, 0.5 * 0.8**number)
        left, reached = _improved(
            target, probabilities, left, right, measure=measure, reached=reached, smallest=smallest
        )
    return left


def _improved(
    target: FloatArray,
    probabilities: FloatArray,
    left: FloatArray,
    right: FloatArray,
    *,
    measure: Measure,
    reached: float,
    smallest: float,
) -> tuple[FloatArray, float]:
    """Return a better left factor for a fixed right one, and its measure."""
    weights = measure.weights(target - left @ right.T, probabilities, smallest)
    step = _least_squares(target, weights, right) - left
    for share in _STEPS:
        moved = left + share * step
        value = measure(target - moved @ right.T, probabilities)
        if value < reached:
            return moved, value
    return left, reached


def _least_squares(target: FloatArray, weights: FloatArray, right: FloatArray) -> FloatArray:
    """Return the F that is best for a fixed G: one small system of equations a row."""
    terms = right.shape[1]
    squares = (right[:, :, None] * right[:, None, :]).reshape(len(right), -1)
    systems = (weights @ squares).reshape(-1, terms, terms)
    traces = np.trace(systems, axis1=1, axis2=2)[:, None, None]
    systems += (_RIDGE * traces + np.finfo(np.float64).tiny) * np.eye(terms)
    along = ((weights * target) @ right)[:, :, None]
    return np.asarray(np.linalg.solve(systems, along)[:, :, 0], np.float64)


def _nearest(residual: FloatArray, probabilities: FloatArray, f: FloatArray) -> FloatArray:
    """Return the g for which f g^T is nearest to a table."""
    squares = probabilities.T @ f**2
    along = (probabilities * residual).T @ f
    return np.divide(along, squares, out=np.zeros_like(along), where=squares > 0)


def _mean_power(values: FloatArray, probabilities: FloatArray, exponent: int) -> float:
    """Return (mean |v|^p)^(1/p), without overflow."""
    sizes = np.abs(values)
    greatest = float(sizes.max())
    if greatest == 0:
        return 0.0
    mean = float((probabilities * _power(sizes / greatest, exponent)).sum())
    return float(greatest * mean ** (1 / exponent))


def _power(values: FloatArray, exponent: int) -> FloatArray:
    """Return the values to the power of 1, 2, 4, 8 and so on, by squaring."""
    while exponent > 1:
        values = values * values
        exponent //= 2
    return values
