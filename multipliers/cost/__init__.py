"""What a circuit costs: gates, depth, area, switching activity and energy."""

from multipliers.cost.activity import signal_probabilities, toggle_probabilities
from multipliers.cost.cells import UNIT_GATES, CellTable, read_cells
from multipliers.cost.circuit_cost import Cost, CostFigure, PublishedCost, circuit_cost
from multipliers.cost.depth import logic_depth, unit_gate_delay
from multipliers.cost.live import live_gates
from multipliers.cost.toggles import ToggleEnergy, toggle_energy

__all__ = [
    "UNIT_GATES",
    "CellTable",
    "Cost",
    "CostFigure",
    "PublishedCost",
    "ToggleEnergy",
    "circuit_cost",
    "live_gates",
    "logic_depth",
    "read_cells",
    "signal_probabilities",
    "toggle_energy",
    "toggle_probabilities",
    "unit_gate_delay",
]
