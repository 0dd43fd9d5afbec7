"""One product of an HTP model."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from htp.models.operand_function import OperandFunction, lowest_bit, magnitudes, unit
from multipliers.parameters import check_kind, check_number

_MOST_PAIRS = 1 << 16


@dataclass(frozen=True, slots=True)
class Term:
    """One product: ``coefficient * base_func(x_function(x), w_function(w))``.

    Args:
        coefficient: A finite number.
        x_function: Function of the activation.
        w_function: Function of the weight.

    Raises:
        ValueError: The coefficient is not finite.

    Examples:
        >>> from htp.models.feature import Feature
        >>> print(Term(-0.5, Feature("mod", 3), Feature("one")))
        -0.5 * (x mod 2^3) * 1
    """

    coefficient: float
    x_function: OperandFunction
    w_function: OperandFunction

    def __post_init__(self) -> None:
        coefficient = check_number("coefficient", self.coefficient)
        object.__setattr__(self, "coefficient", coefficient)
        check_kind("x_function", self.x_function, OperandFunction)
        check_kind("w_function", self.w_function, OperandFunction)

    def __str__(self) -> str:
        x = str(self.x_function).replace("v", "x")
        w = str(self.w_function).replace("v", "w")
        factors = [text if text.isalnum() else f"({text})" for text in (x, w)]
        return f"{self.coefficient:.6g} * {factors[0]} * {factors[1]}"


def units_per_pair(
    terms: tuple[Term, ...], x: npt.NDArray[np.float64], w: npt.NDArray[np.float64]
) -> float:
    """Return u / T: the unit of all products over the greatest sum of the terms' magnitudes.

    The unit u is a power of two of which the functions' values times the coefficients give
    multiples. T is the maximum over all pairs of the sum of the terms' magnitudes, or, where there
    are more than 2^16 pairs, the sum of the terms' maxima, which is no less.

    Args:
        terms: The terms.
        x: Values of the activation.
        w: Values of the weight.
    """
    terms = tuple(term for term in terms if term.coefficient)
    if not terms:
        return 1.0
    least = min(
        lowest_bit(term.coefficient) * unit(term.x_function, x) * unit(term.w_function, w)
        for term in terms
    )
    x_sizes = np.stack([magnitudes(term.x_function, x) for term in terms])
    w_sizes = np.stack([abs(t.coefficient) * magnitudes(t.w_function, w) for t in terms])
    if len(x) * len(w) <= _MOST_PAIRS:
        greatest = float((x_sizes.T @ w_sizes).max())
    else:
        greatest = float(x_sizes.max(axis=1) @ w_sizes.max(axis=1))
    return least / max(greatest, least)
