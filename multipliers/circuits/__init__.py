"""Gate netlists of multipliers that the package generates."""

from multipliers.circuits.array import array_multiplier
from multipliers.circuits.broken_array import broken_array_multiplier
from multipliers.circuits.column_truncated import column_truncated_multiplier
from multipliers.circuits.operand_truncated import truncated_multiplier
from multipliers.circuits.perforated import perforated_multiplier
from multipliers.circuits.tree import Reduction, momeni_multiplier, tree_multiplier
from multipliers.circuits.underdesigned import underdesigned_multiplier

__all__ = [
    "Reduction",
    "array_multiplier",
    "broken_array_multiplier",
    "column_truncated_multiplier",
    "momeni_multiplier",
    "perforated_multiplier",
    "tree_multiplier",
    "truncated_multiplier",
    "underdesigned_multiplier",
]
