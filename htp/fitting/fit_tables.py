"""Corrections that are products of small integer tables, one of each operand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from htp.fitting.basis import candidate_features
from htp.fitting.low_rank import Measure, best_left, dominant_pair, refined
from htp.fitting.rounding import integer_table, rounded_table
from htp.models.feature import Feature
from multipliers import Port

FloatArray = npt.NDArray[np.float64]
Pairs = list[tuple[FloatArray, FloatArray]]

_SETTLING_ROUNDS = 4
_MIXED_ROUNDS = 30
_LEVEL = 0.01
_PLAIN = Measure(2, 0.0)


def table_pairs(
    target: FloatArray,
    probabilities: FloatArray,
    *,
    measure: Measure,
    bits: int,
    terms: int,
    fewest: int = 1,
) -> Iterator[Pairs]:
    """Yield tables f and g of the best sums of outer products, for more and more of them.

    f holds signed integers of ``bits`` bits, g such integers times a power of two. Ends where
    nothing is left.

    Args:
        target: What the sums come near to, float64 `(X, W)`.
        probabilities: Weight of each pair, `(X, W)`, all positive, of sum 1.
        measure: What to make small.
        bits: Bits of the integers, sign included.
        terms: Most outer products.
        fewest: Number of outer products from which on a measure other than the mean square is
            worth the time.
    """
    if measure == _PLAIN:
        yield from _deflated(target, probabilities, bits, terms)
        return
    pairs = []
    rest = target
    middle = (float(target.min()) + float(target.max())) / 2
    level = np.ones(len(target)), np.full(target.shape[1], _LEVEL * middle)
    for number in range(1, terms + 1):
        if not rest.any():
            return
        pairs.append(dominant_pair(rest, probabilities))
        rest = rest - np.outer(*pairs[-1])
        if number < fewest:
            continue
        starts = [_refined(target, probabilities, pairs, measure)]
        if measure.peak:
            # Lowers the greatest of errors that few pairs have, at which no dominant pair looks.
            starts.append(_refined(target, probabilities, [*pairs[:-1], level], measure))
        left, right = min(
            starts, key=lambda start: measure(target - start[0] @ start[1].T, probabilities)
        )
        yield _rounded(target, probabilities, left, right, measure=measure, bits=bits)


def _refined(
    target: FloatArray, probabilities: FloatArray, pairs: Pairs, measure: Measure
) -> tuple[FloatArray, FloatArray]:
    left, right = (np.stack(side, axis=1) for side in zip(*pairs, strict=True))
    return refined(target, probabilities, left, right, measure=measure)


def mixed_pairs(
    target: FloatArray,
    probabilities: FloatArray,
    x_port: Port,
    *,
    measure: Measure,
    bits: int,
    terms: int,
) -> Iterator[list[tuple[Feature, FloatArray]]]:
    """Yield named functions of x with a table of w each, for one term, for two, and so on.

    The function that explains most of what is left joins those chosen before; then the tables of
    all are fitted anew, column by column of the target.

    Args:
        target: What the sums come near to, float64 `(X, W)`.
        probabilities: Weight of each pair, `(X, W)`, all positive, of sum 1.
        x_port: Port of x.
        measure: What to make small.
        bits: Bits of the tables' integers, sign included.
        terms: Most terms.
    """
    features = candidate_features(x_port)
    values = np.stack([feature(x_port.values.astype(np.float64)) for feature in features])
    squares = values**2 @ probabilities
    chosen: list[int] = []
    rest = target
    for _ in range(min(terms, len(features))):
        along = values @ (probabilities * rest)
        gains = np.divide(along**2, squares, out=np.zeros_like(along), where=squares > 0).sum(
            axis=1
        )
        gains[chosen] = 0
        if not rest.any() or not gains.any():
            return
        chosen.append(int(np.argmax(gains)))
        right = _tables_of(target, probabilities, values[chosen].T, measure=measure, bits=bits)
        rest = target - values[chosen].T @ right.T
        yield [(features[number], right[:, k]) for k, number in enumerate(chosen)]


def _deflated(
    target: FloatArray, probabilities: FloatArray, bits: int, terms: int
) -> Iterator[Pairs]:
    """The nearest outer product, rounded, then that of what it leaves, rounding errors included."""
    pairs: Pairs = []
    rest = target
    for _ in range(terms):
        if not rest.any():
            return
        f = integer_table(dominant_pair(rest, probabilities)[0], bits)
        g = rounded_table((probabilities * rest).T @ f / (probabilities.T @ f**2), bits)
        pairs.append((f, g))
        rest = rest - np.outer(f, g)
        yield list(pairs)


def _rounded(
    target: FloatArray,
    probabilities: FloatArray,
    left: FloatArray,
    right: FloatArray,
    *,
    measure: Measure,
    bits: int,
) -> Pairs:
    """Round the terms one after the other; those that are left make up for the rounding."""
    pairs: Pairs = []
    while left.shape[1]:
        f = integer_table(left[:, 0], bits)
        scale = np.abs(left[:, 0]).max() / max(np.abs(f).max(), 1)
        g = rounded_table(right[:, 0] * scale, bits)
        pairs.append((f, g))
        target = target - np.outer(f, g)
        left, right = left[:, 1:], right[:, 1:]
        if left.shape[1]:
            left, right = refined(
                target, probabilities, left, right, measure=measure, rounds=_SETTLING_ROUNDS
            )
    return pairs


def _tables_of(
    target: FloatArray,
    probabilities: FloatArray,
    left: FloatArray,
    *,
    measure: Measure,
    bits: int,
) -> FloatArray:
    """Return the rounded tables of w, `(W, t)`, for given functions of x."""
    sizes = np.abs(left).max(axis=0)
    scaled = left / sizes
    right = np.zeros((target.shape[1], left.shape[1]))
    rest, free = target, np.ones(left.shape[1], bool)
    while free.any():
        tables = best_left(
            rest.T, probabilities.T, scaled[:, free], measure=measure, rounds=_MIXED_ROUNDS
        )
        greatest = int(np.argmax(np.abs(tables).max(axis=0)))
        number = int(np.flatnonzero(free)[greatest])
        table = rounded_table(tables[:, greatest] / sizes[number], bits)
        right[:, free] = tables
        right[:, number] = table
        rest = rest - np.outer(left[:, number], table)
        free[number] = False
    return right
