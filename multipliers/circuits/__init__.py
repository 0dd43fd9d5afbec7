"""Gate netlists of multipliers that the package generates."""

from multipliers.circuits.generators import (
    array_multiplier,
    broken_array_multiplier,
    tree_multiplier,
    truncated_multiplier,
)

__all__ = [
    "array_multiplier",
    "broken_array_multiplier",
    "tree_multiplier",
    "truncated_multiplier",
]
