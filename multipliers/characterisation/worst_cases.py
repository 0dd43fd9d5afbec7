"""The operand pairs on which a multiplier errs most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from multipliers.characterisation.population import Weights, population
from multipliers.multiplier import Multiplier
from multipliers.parameters import check_kind, check_parameter

Severity = Literal["absolute", "relative"]
"""By abs(error), or by abs(error) / abs(exact) among the pairs whose exact product is not 0."""


@dataclass(frozen=True, slots=True)
class WorstCase:
    """One operand pair and its products.

    Args:
        x: Value of the first operand.
        w: Value of the second operand.
        exact: Exact product.
        approximate: The multiplier's product.
    """

    x: int
    w: int
    exact: int
    approximate: int

    @property
    def error(self) -> int:
        """Approximate minus exact product."""
        return self.approximate - self.exact

    def __str__(self) -> str:
        return f"{self.x} x {self.w} = {self.approximate} instead of {self.exact}"


def worst_cases(
    multiplier: Multiplier,
    count: int = 10,
    *,
    by: Severity = "absolute",
    weights: Weights = None,
) -> tuple[WorstCase, ...]:
    """Return the operand pairs with the greatest errors, the worst first.

    Among pairs that are equally bad the one with the lesser x comes first, then that with the
    lesser w. Pairs without error are left out, so that there may be fewer than `count`.

    Args:
        multiplier: The multiplier.
        count: Greatest number of pairs.
        by: Which errors are great.
        weights: How often each pair of codes occurs, as for `characterise`; only which ones do at
            all matters here.

    Returns:
        The pairs.

    Raises:
        TypeError: If `weights` holds no numbers.
        ValueError: If `count` is less than 1, `by` is neither, or `weights` is refused by
            `characterise`.

    Examples:
        >>> from multipliers import Multiplier, truncated_multiplier
        >>> tm2 = Multiplier.from_netlist(truncated_multiplier(2, signed=False))
        >>> for case in worst_cases(tm2, 2):
        ...     print(case)
        255 x 255 = 63504 instead of 65025
        251 x 255 = 62496 instead of 64005
    """
    count = check_parameter("count", count, 1)
    check_kind("by", by, str)
    if by not in get_args(Severity):
        raise ValueError(f"'by' must be one of {get_args(Severity)}, got {by!r}")
    pairs = population(multiplier, weights=weights)
    severity = np.abs(pairs.error).astype(np.float64)
    eligible = (pairs.error != 0) & pairs.occurs
    if by == "relative":
        eligible &= pairs.exact != 0
        # Different fractions of a 16-bit product stay different as doubles, so that ties are exact.
        severity /= np.maximum(np.abs(pairs.exact), 1)
    rows, columns = np.nonzero(eligible)
    x, w = pairs.x[rows], pairs.w[columns]
    worst = np.lexsort((w, x, -severity[rows, columns]))[:count]
    return tuple(
        WorstCase(
            int(pairs.x[row]),
            int(pairs.w[column]),
            int(pairs.exact[row, column]),
            int(pairs.exact[row, column] + pairs.error[row, column]),
        )
        for row, column in zip(rows[worst], columns[worst], strict=True)
    )
