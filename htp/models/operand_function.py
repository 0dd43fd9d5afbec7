"""Functions of one operand: named features, tables of 256 numbers, and weighted sums of these."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from htp.models.arrays import CODES, look_up
from htp.models.feature import Feature
from multipliers.parameters import check_kind, check_number


@dataclass(frozen=True, slots=True)
class TableFeature:
    """A function of an 8-bit operand, given by its value for every operand code.

    Args:
        values: 256 finite numbers, the value for code 0 first.

    Raises:
        ValueError: There are not 256 values, or one is not finite.

    Examples:
        >>> negated = TableFeature(tuple(float(-code) for code in range(256)))
        >>> negated(np.array([3.0, -1.0])).tolist()
        [-3.0, -255.0]
        >>> str(negated)
        'table of v'
    """

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        check_kind("values", self.values, tuple)
        if len(self.values) != CODES:
            raise ValueError(f"'values' must be {CODES} numbers, got {len(self.values)}")
        values = tuple(check_number("values", value) for value in self.values)
        object.__setattr__(self, "values", values)

    @classmethod
    def of(cls, values: npt.ArrayLike) -> "TableFeature":
        """Make the function from an array `(256,)`."""
        return cls(tuple(np.asarray(values, np.float64).tolist()))

    def __call__(self, operands: Any) -> Any:
        """Look up every element of an array or tensor of integer-valued floats, any shape."""
        return look_up(self.values, operands)

    def __str__(self) -> str:
        return "table of v"


@dataclass(frozen=True, slots=True)
class Combination:
    """A weighted sum of functions of the same operand.

    Args:
        parts: Factors and functions; at least one.

    Raises:
        ValueError: There is no part, or a factor is not finite.

    Examples:
        >>> line = Combination(((2.0, Feature("identity")), (-1.0, Feature("one"))))
        >>> line(np.array([3.0, -4.0])).tolist()
        [5.0, -9.0]
        >>> str(line)
        '2 v - 1'
    """

    parts: tuple[tuple[float, Feature | TableFeature], ...]

    def __post_init__(self) -> None:
        check_kind("parts", self.parts, tuple)
        if not self.parts:
            raise ValueError("'parts' must hold at least one function, got none")
        parts = []
        for part in self.parts:
            check_kind("parts", part, tuple, advice="of a factor and a function")
            factor, function = part
            check_kind("parts", function, Feature | TableFeature)
            parts.append((check_number("factor", factor), function))
        object.__setattr__(self, "parts", tuple(parts))

    def __call__(self, operands: Any) -> Any:
        """Apply the functions to an array or tensor of integer-valued floats and add up."""
        first, *others = (factor * function(operands) for factor, function in self.parts)
        return sum(others, start=first)

    def __str__(self) -> str:
        text = ""
        for factor, function in self.parts:
            constant = isinstance(function, Feature) and function.kind == "one"
            size = f"{abs(factor):.6g}"
            term = size if constant else f"{'' if size == '1' else size + ' '}{_braced(function)}"
            sign = "- " if factor < 0 else "+ "
            text += f" {sign}{term}" if text else f"{sign.strip('+ ')}{term}"
        return text


OperandFunction = Feature | TableFeature | Combination
"""A function of one operand: named, a table by code, or a sum of such functions."""


def magnitudes(function: OperandFunction, operands: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return a bound of the function's magnitude, partial sums included, for each operand."""
    if isinstance(function, Combination):
        sizes = [abs(factor) * magnitudes(part, operands) for factor, part in function.parts]
        return np.asarray(np.sum(sizes, axis=0), np.float64)
    return np.asarray(np.abs(function(operands)), np.float64)


def unit(function: OperandFunction, operands: npt.NDArray[Any]) -> float:
    """Return a power of two of which all values, partial sums included, are multiples; 0 if none.

    Examples:
        >>> unit(Combination(((0.75, Feature("identity")),)), np.array([4.0, -8.0]))
        1.0
    """
    if isinstance(function, Combination):
        units = [
            lowest_bit(factor) * unit(part, operands) for factor, part in function.parts if factor
        ]
        return min(units, default=1.0)
    values = np.unique(np.abs(function(operands)))
    return min((lowest_bit(value) for value in values.tolist() if value), default=1.0)


def lowest_bit(number: float) -> float:
    """Return the value of the lowest bit that is set in a finite number other than 0.

    Examples:
        >>> lowest_bit(12.0), lowest_bit(0.75)
        (4.0, 0.25)
    """
    numerator, denominator = abs(number).as_integer_ratio()
    return (numerator & -numerator) / denominator


def _braced(function: Feature | TableFeature) -> str:
    text = str(function)
    plain = text.isalnum() or text[0] in "[m"
    return text if plain else f"({text})"
