"""Approximate multipliers: gate netlists and closed forms turned into characterised tables."""

from multipliers.codes import code_values, exact_products
from multipliers.errors import NetlistError
from multipliers.multiplier import Multiplier, Port

__all__ = ["Multiplier", "NetlistError", "Port", "code_values", "exact_products"]
