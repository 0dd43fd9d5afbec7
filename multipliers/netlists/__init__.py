"""Gate netlists: their gates, how they are built, and what they compute."""

from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.demo import demo_netlist
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import Bus, Netlist
from multipliers.netlists.netlist_error import NetlistError
from multipliers.netlists.netlist_function import netlist_function
from multipliers.netlists.simulate import simulate

__all__ = [
    "Bus",
    "Netlist",
    "NetlistBuilder",
    "NetlistError",
    "Op",
    "demo_netlist",
    "netlist_function",
    "simulate",
]
