"""Greedy selection of readable terms: one named function of an operand times a few of the other.

Terms that share a function f of one operand need one product for all, since the weighted sum of
their other functions is a single operand. So a call is chosen as a whole. With the others' mean
products G and the residual's correlations c with f times each of them, a call on f explains about
c G^-1 c / mean(f^2) of the residual's mean square; the f of either operand that explains the most
is taken. Of the other operand's functions, those that explain the most together are taken one after
the other, and each is exchanged for a better one while there is one. Then all calls choose anew,
each for what the others leave. In the end all coefficients are fitted by least
squares, and rounded one after the other, those that are left making up for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from htp.fitting.points import Points
from htp.fitting.rounding import rounded_coefficient
from htp.models.feature import Feature
from htp.models.operand_function import Combination, OperandFunction
from htp.models.term import Term

FloatArray = npt.NDArray[np.float64]

MOST_PARTS = 4
"""Functions of the other operand that one call adds up."""

_SINGULAR = 1e-10
_WORTHWHILE = 1e-3
_EXPLAINED = 1e-9
_REVISIONS = 3


def greedy_terms(
    points: Points,
    x_features: tuple[Feature, ...],
    w_features: tuple[Feature, ...],
    *,
    bits: int,
) -> Iterator[tuple[Term, ...]]:
    """Yield the terms of models of one call, two calls and so on that fit the points' target.

    Ends where nothing is left to explain.

    Args:
        points: The pairs, with the features' values.
        x_features: The functions of x to choose from, in the points' order.
        w_features: The functions of w.
        bits: Significant bits of a coefficient.
    """
    selection = _Selection(points)
    while selection.add_call():
        coefficients = selection.coefficients(bits)
        yield _terms(selection.calls, coefficients, x_features, w_features)


@dataclass(slots=True)
class _Call:
    """One call: a function of x (side 0) or w (side 1), and several of the other operand."""

    side: int
    anchor: int
    parts: tuple[int, ...]
    columns: FloatArray  # (parts, pairs), times the root of the pairs' probabilities


class _Selection:
    def __init__(self, points: Points) -> None:
        self.calls: list[_Call] = []
        self._points = points
        self._root = np.sqrt(points.probabilities).ravel()
        self._target = points.target.ravel() * self._root
        self._grams = points.grams()
        self._inverses = [
            np.linalg.pinv(gram, rcond=_SINGULAR, hermitian=True) for gram in self._grams
        ]

    def add_call(self) -> bool:
        """Choose one more call; return False if nothing is left to explain."""
        residual = self._residual(self.calls)
        if residual @ residual <= _EXPLAINED * (self._target @ self._target):
            return False
        call = self._call(*self._best_anchor(residual), residual)
        if not call.parts:
            return False
        self.calls.append(call)
        for _ in range(_REVISIONS):
            if not self._revise():
                break
        return True

    def coefficients(self, bits: int) -> FloatArray:
        """Return rounded coefficients of all calls' parts: the largest share is rounded first."""
        columns = np.concatenate([call.columns for call in self.calls])
        gram, towards, lengths = _normal_equations(columns, self._target)
        result, negligible = np.zeros(len(columns)), _EXPLAINED * np.sqrt(towards @ towards)
        free = np.ones(len(columns), bool)
        while free.any():
            fitted = np.linalg.lstsq(gram[np.ix_(free, free)], towards[free], rcond=_SINGULAR)[0]
            chosen = int(np.argmax(np.abs(fitted)))
            number = int(np.flatnonzero(free)[chosen])
            if abs(fitted[chosen]) <= negligible:
                break
            result[number] = rounded_coefficient(float(fitted[chosen] / lengths[number]), bits)
            towards = towards - gram[:, number] * result[number] * lengths[number]
            free[number] = False
        return result

    def _revise(self) -> bool:
        """Let each call choose anew, for what the others leave; return whether one did."""
        revised = False
        for number in range(len(self.calls)):
            others = [*self.calls[:number], *self.calls[number + 1 :]]
            rest, left = self._residual(others), self._residual(self.calls)
            least = (1 - _EXPLAINED) * float(left @ left)
            own = self.calls[number].side, self.calls[number].anchor
            for side, anchor in dict.fromkeys((own, self._best_anchor(rest))):
                new = self._call(side, anchor, rest)
                if not new.parts:
                    continue
                left = self._residual([*others, new])
                if left @ left < least:
                    least = (1 - _EXPLAINED) * float(left @ left)
                    self.calls[number], revised = new, True
        return revised

    def _residual(self, calls: list[_Call]) -> FloatArray:
        if not calls:
            return self._target
        columns = np.concatenate([call.columns for call in calls])
        gram, towards, lengths = _normal_equations(columns, self._target)
        fitted = np.linalg.lstsq(gram, towards, rcond=_SINGULAR)[0]
        return np.asarray(self._target - (fitted / lengths) @ columns)

    def _correlations(self, residual: FloatArray) -> FloatArray:
        # A pair that never occurs has no residual.
        unweighted = residual / np.where(self._root > 0, self._root, 1)
        return self._points.correlations(unweighted.reshape(self._points.target.shape))

    def _best_anchor(self, residual: FloatArray) -> tuple[int, int]:
        """Return side and number of the function on which a call would explain the most."""
        correlations = self._correlations(residual)
        explained = [self._explained(correlations, 0), self._explained(correlations.T, 1)]
        side = int(np.argmax([values.max() for values in explained]))
        return side, int(np.argmax(explained[side]))

    def _explained(self, correlations: FloatArray, side: int) -> FloatArray:
        """Return what a call on each function of one side would explain."""
        squares = np.diag(self._grams[side])
        inverse = self._inverses[1 - side]
        gains = np.einsum("ij,jk,ik->i", correlations, inverse, correlations)
        return np.asarray(
            np.divide(gains, squares, out=np.zeros_like(gains), where=squares > 0), np.float64
        )

    def _call(self, side: int, anchor: int, residual: FloatArray) -> _Call:
        correlations = self._correlations(residual)
        along = correlations[anchor] if side == 0 else correlations[:, anchor]
        gram = self._points.gram_along(side, anchor)
        parts = _best_parts(gram, along, _WORTHWHILE * float(residual @ residual))
        pairs = [(anchor, part) if side == 0 else (part, anchor) for part in parts]
        columns = [self._points.products(*pair).ravel() * self._root for pair in pairs]
        return _Call(side, anchor, parts, np.array(columns))


def _best_parts(gram: FloatArray, along: FloatArray, least_gain: float) -> tuple[int, ...]:
    """Return the functions that explain the most together, added and exchanged one at a time."""
    parts: list[int] = []
    reached = 0.0
    while len(parts) < MOST_PARTS:
        best, gain = _best_addition(gram, along, parts)
        if gain - reached < least_gain or best in parts:
            break
        parts.append(best)
        reached = gain
        improving = True
        while improving:
            improving = False
            for position in range(len(parts)):
                others = parts[:position] + parts[position + 1 :]
                best, gain = _best_addition(gram, along, others)
                if gain > reached * (1 + _EXPLAINED):
                    parts[position], reached, improving = best, gain, True
    return tuple(parts)


def _best_addition(gram: FloatArray, along: FloatArray, parts: list[int]) -> tuple[int, float]:
    """Return the function that joins the given ones best, and what they explain together."""
    squares, gains = np.diag(gram).copy(), along.copy()
    before = 0.0
    if parts:
        solved = np.linalg.lstsq(gram[np.ix_(parts, parts)], gram[parts], rcond=_SINGULAR)[0]
        squares -= np.einsum("ij,ij->j", gram[parts], solved)
        gains -= along[parts] @ solved
        before = float(along[parts] @ np.linalg.lstsq(
            gram[np.ix_(parts, parts)], along[parts], rcond=_SINGULAR)[0])  # fmt: skip
    independent = squares > _SINGULAR * np.diag(gram)
    joined = np.divide(gains**2, squares, out=np.zeros_like(gains), where=independent)
    best = int(np.argmax(joined))
    return best, before + float(joined[best])


def _normal_equations(
    columns: FloatArray, target: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Gram matrix and right-hand side of the columns at length 1, and their lengths."""
    lengths = np.sqrt(np.einsum("ij,ij->i", columns, columns))
    return columns @ columns.T / np.outer(lengths, lengths), columns @ target / lengths, lengths


def _terms(
    calls: list[_Call],
    coefficients: FloatArray,
    x_features: tuple[Feature, ...],
    w_features: tuple[Feature, ...],
) -> tuple[Term, ...]:
    terms, start = [], 0
    for call in calls:
        end = start + len(call.parts)
        own, others = (x_features, w_features) if call.side == 0 else (w_features, x_features)
        weighted = zip(coefficients[start:end].tolist(), call.parts, strict=True)
        parts = tuple((factor, others[part]) for factor, part in weighted if factor)
        start = end
        anchor, factor = own[call.anchor], 1.0
        other: OperandFunction = Combination(parts or ((0.0, others[call.parts[0]]),))
        if len(parts) == 1:
            ((factor, other),) = parts
        functions = (anchor, other) if call.side == 0 else (other, anchor)
        terms.append(Term(factor, *functions))
    return tuple(terms)
