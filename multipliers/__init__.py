"""Approximate multipliers: gate netlists and closed forms turned into characterised tables."""

from multipliers.builder import NetlistBuilder
from multipliers.codes import code_values, exact_products
from multipliers.errors import NetlistError
from multipliers.gates import Op
from multipliers.generators import (
    array_multiplier,
    broken_array_multiplier,
    tree_multiplier,
    truncated_multiplier,
)
from multipliers.multiplier import Multiplier, Port
from multipliers.netlist import Bus, Netlist
from multipliers.simulate import simulate
from multipliers.writer import to_verilog

__all__ = [
    "Bus",
    "Multiplier",
    "Netlist",
    "NetlistBuilder",
    "NetlistError",
    "Op",
    "Port",
    "array_multiplier",
    "broken_array_multiplier",
    "code_values",
    "exact_products",
    "simulate",
    "to_verilog",
    "tree_multiplier",
    "truncated_multiplier",
]
