"""What a circuit costs: gates, depth, area and energy, each with where the figure comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from multipliers.cost.activity import EXHAUSTIVE_BITS, toggle_probabilities
from multipliers.cost.cells import UNIT_GATES, CellTable
from multipliers.cost.depth import logic_depth, unit_gate_delay
from multipliers.cost.mapping import gate_costs
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import Netlist, check_netlist
from multipliers.parameters import check_kind, shown


class PublishedCost(Protocol):
    """Figures that a library publishes for a circuit; each may be None."""

    @property
    def power_mw(self) -> float | None:
        """Power in milliwatts."""

    @property
    def area_um2(self) -> float | None:
        """Area in square micrometres."""

    @property
    def delay_ns(self) -> float | None:
        """Delay in nanoseconds."""


@dataclass(frozen=True, slots=True)
class CostFigure:
    """One figure with its unit and its source.

    Args:
        value: The figure.
        unit: Its unit.
        source: Where it comes from: ``"published"``, or the name of the cell table.
    """

    value: float
    unit: str
    source: str

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit} ({self.source})"


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a circuit. `area`, `power` and `delay` are the best figures there are.

    Args:
        live_gates: Gates that an output depends on, buffers not counted.
        depth_gates: Gates on the longest path, buffers not counted.
        delay_unit_gates: Delay of the longest path in delays of a two-input gate.
        area_unit_gates: Area in two-input gates.
        energy_unit_gates: Energy per multiplication of independent uniform operands: sum over the
            live gates of unit-gate weight times the probability that the output changes.
        cells: Name of the user's cell table, None without one.
        cell_area: Area by this table, in its unit.
        cell_energy: Energy per multiplication by this table, in its unit.
        published_power_mw: Published power in milliwatts, None if there is none.
        published_area_um2: Published area in square micrometres.
        published_delay_ns: Published delay in nanoseconds.
        activity: ``"exhaustive"`` if the energies are over all operands, ``"sampled"`` if over 2^20
            random ones.
    """

    live_gates: int
    depth_gates: int
    delay_unit_gates: float
    area_unit_gates: float
    energy_unit_gates: float
    cells: str | None
    cell_area: float | None
    cell_energy: float | None
    published_power_mw: float | None
    published_area_um2: float | None
    published_delay_ns: float | None
    activity: str

    @property
    def area(self) -> CostFigure:
        """Published area, else that by the user's cell table, else in unit gates."""
        if self.published_area_um2 is not None:
            return CostFigure(self.published_area_um2, "um2", "published")
        if self.cells is not None and self.cell_area is not None:
            return CostFigure(self.cell_area, "area of the cell table", self.cells)
        return CostFigure(self.area_unit_gates, "unit gates", UNIT_GATES.name)

    @property
    def power(self) -> CostFigure:
        """Published power, else energy by the user's cell table, else relative energy."""
        if self.published_power_mw is not None:
            return CostFigure(self.published_power_mw, "mW", "published")
        if self.cells is not None and self.cell_energy is not None:
            unit = "energy of the cell table per multiplication"
            return CostFigure(self.cell_energy, unit, self.cells)
        unit = "unit-gate changes per multiplication"
        return CostFigure(self.energy_unit_gates, unit, UNIT_GATES.name)

    @property
    def delay(self) -> CostFigure:
        """Published delay, else that of the longest path in unit-gate delays."""
        if self.published_delay_ns is not None:
            return CostFigure(self.published_delay_ns, "ns", "published")
        return CostFigure(self.delay_unit_gates, "unit-gate delays", UNIT_GATES.name)


def circuit_cost(
    netlist: Netlist,
    *,
    cells: CellTable | None = None,
    published: PublishedCost | Mapping[str, float | None] | None = None,
) -> Cost:
    """Return what a circuit costs.

    Relative energy = sum over live gates of weight x 2p(1 - p), p = probability of a one at the
    gate's output over all operands. Area = sum of the weights.

    Args:
        netlist: The circuit.
        cells: A cell table of the user's own, beside the unit gates.
        published: Published figures: an object with the attributes, or a mapping with some of the
            keys, `power_mw`, `area_um2` and `delay_ns`. They win over computed ones.

    Returns:
        The figures.

    Raises:
        LookupError: If the table lacks a cell that the circuit has, or `published` is a mapping
            with another key.

    Examples:
        >>> from multipliers import array_multiplier
        >>> found = circuit_cost(array_multiplier(signed=False), published={"power_mw": 0.391})
        >>> found.live_gates
        176
        >>> print(found.area, found.power, sep=", ")
        424 unit gates (unit gates), 0.391 mW (published)
    """
    check_netlist("netlist", netlist)
    check_kind("cells", cells, CellTable | None)
    toggles = toggle_probabilities(netlist)
    unit = gate_costs(netlist, UNIT_GATES)
    own = None if cells is None else gate_costs(netlist, cells)
    power_mw, area_um2, delay_ns = _published(published)
    return Cost(
        live_gates=int(np.count_nonzero(unit.live & (netlist.op != Op.BUF))),
        depth_gates=logic_depth(netlist),
        delay_unit_gates=unit_gate_delay(netlist),
        area_unit_gates=float(unit.area.sum()),
        energy_unit_gates=float(unit.energy @ toggles),
        cells=None if cells is None else cells.name,
        cell_area=None if own is None else float(own.area.sum()),
        cell_energy=None if own is None else float(own.energy @ toggles),
        published_power_mw=power_mw,
        published_area_um2=area_um2,
        published_delay_ns=delay_ns,
        activity="exhaustive" if netlist.first_gate - 2 <= EXHAUSTIVE_BITS else "sampled",
    )


def _published(
    published: PublishedCost | Mapping[str, float | None] | None,
) -> tuple[float | None, float | None, float | None]:
    if published is None:
        return None, None, None
    names = ("power_mw", "area_um2", "delay_ns")
    if not isinstance(published, Mapping):
        if not all(hasattr(published, name) for name in names):
            raise TypeError(
                f"'published' must be a mapping, or an object with {', '.join(names)}, got "
                f"{shown(published)}"
            )
        return published.power_mw, published.area_um2, published.delay_ns
    if unknown := sorted(set(published) - set(names)):
        raise LookupError(f"'published' may hold {', '.join(names)}, got {', '.join(unknown)}")
    power, area, delay = (published.get(name) for name in names)
    return power, area, delay
