"""Operand pairs at which a multiplier's error is known: all of them, or a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Points(Protocol):
    """Operand pairs with functions of their operands, as the greedy selection uses them."""

    @property
    def target(self) -> FloatArray:
        """What is to be fitted, of any shape that counts the pairs."""

    @property
    def probabilities(self) -> FloatArray:
        """How often each pair counts, of the shape of `target`, of sum 1."""

    def products(self, x_number: int, w_number: int) -> FloatArray:
        """Return the product of a function of x and one of w for each pair."""

    def correlations(self, residual: FloatArray) -> FloatArray:
        """Return the mean of residual times product for all functions of x and of w, `(p, q)`."""

    def grams(self) -> tuple[FloatArray, FloatArray]:
        """Return the mean products of the functions of x, `(p, p)`, and of those of w, `(q, q)`."""

    def gram_along(self, side: int, number: int) -> FloatArray:
        """Return the mean products of one operand's functions, each times one of the other's.

        Args:
            side: Operand of the one function, 0 for x and 1 for w.
            number: That function.

        Returns:
            `(q, q)` for a function of x, `(p, p)` for one of w.
        """


@dataclass(frozen=True, slots=True, eq=False)
class AllPairs:
    """Every pair of two ports' values.

    Attributes:
        target: float64 `(X, W)`.
        probabilities: float64 `(X, W)`, of sum 1.
        x_functions: Values of p functions, float64 `(p, X)`.
        w_functions: Values of q functions, float64 `(q, W)`.
    """

    target: FloatArray
    probabilities: FloatArray
    x_functions: FloatArray
    w_functions: FloatArray

    def products(self, x_number: int, w_number: int) -> FloatArray:
        """Return the product of a function of x and one of w for each pair."""
        return np.outer(self.x_functions[x_number], self.w_functions[w_number])

    def correlations(self, residual: FloatArray) -> FloatArray:
        """Return the mean of residual times product for all functions of x and of w."""
        weighted = self.probabilities * residual
        return np.asarray(self.x_functions @ weighted @ self.w_functions.T)

    def grams(self) -> tuple[FloatArray, FloatArray]:
        """Return the mean products of the functions of x and of those of w."""
        x_probabilities = self.probabilities.sum(axis=1)
        w_probabilities = self.probabilities.sum(axis=0)
        return (
            np.asarray((self.x_functions * x_probabilities) @ self.x_functions.T),
            np.asarray((self.w_functions * w_probabilities) @ self.w_functions.T),
        )

    def gram_along(self, side: int, number: int) -> FloatArray:
        """Return the mean products of one operand's functions, each times one of the other's."""
        own, others = (self.x_functions, self.w_functions)[:: -1 if side else 1]
        probabilities = self.probabilities.T if side else self.probabilities
        return np.asarray((others * (own[number] ** 2 @ probabilities)) @ others.T)


@dataclass(frozen=True, slots=True, eq=False)
class SampledPairs:
    """Pairs drawn from the operands' distribution.

    Attributes:
        target: float64 `(N,)`.
        x_functions: Values of p functions, float64 `(p, N)`.
        w_functions: Values of q functions, float64 `(q, N)`.
    """

    target: FloatArray
    x_functions: FloatArray
    w_functions: FloatArray

    @property
    def probabilities(self) -> FloatArray:
        """How often each pair counts, of sum 1."""
        return np.full(len(self.target), 1 / len(self.target))

    def products(self, x_number: int, w_number: int) -> FloatArray:
        """Return the product of a function of x and one of w for each pair."""
        return np.asarray(self.x_functions[x_number] * self.w_functions[w_number])

    def correlations(self, residual: FloatArray) -> FloatArray:
        """Return the mean of residual times product for all functions of x and of w."""
        return np.asarray((self.x_functions * residual) @ self.w_functions.T / len(residual))

    def grams(self) -> tuple[FloatArray, FloatArray]:
        """Return the mean products of the functions of x and of those of w."""
        count = len(self.target)
        return (
            np.asarray(self.x_functions @ self.x_functions.T / count),
            np.asarray(self.w_functions @ self.w_functions.T / count),
        )

    def gram_along(self, side: int, number: int) -> FloatArray:
        """Return the mean products of one operand's functions, each times one of the other's."""
        own, others = (self.x_functions, self.w_functions)[:: -1 if side else 1]
        return np.asarray((others * own[number] ** 2) @ others.T / len(self.target))
