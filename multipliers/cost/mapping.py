"""Which cell each gate of a netlist belongs to, and the gate's share of the cell's cost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multipliers.cost.cells import CellTable
from multipliers.cost.live import live_gates
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import Netlist

Float64Array = npt.NDArray[np.float64]

_ADDER_GATES = {"FA": (Op.XOR3, Op.MAJ), "HA": (Op.XOR, Op.AND)}


@dataclass(frozen=True, slots=True, eq=False)
class GateCosts:
    """What each gate of a netlist contributes.

    Args:
        live: Whether an output depends on the gate, bool `(gates,)`; the others cost nothing.
        area: Area of the gate, float64 `(gates,)`; each of an adder's two gates has half of its.
        energy: Energy per change of the gate's output, float64 `(gates,)`, halved likewise.
    """

    live: npt.NDArray[np.bool_]
    area: Float64Array
    energy: Float64Array


def gate_costs(netlist: Netlist, cells: CellTable) -> GateCosts:
    """Return what each gate costs by a cell table.

    Where the table has an adder, a live XOR3 and a live MAJ (for a half adder XOR and AND) that
    read the same nets are one; each gate belongs to one adder at most.

    Args:
        netlist: The circuit.
        cells: The table.

    Returns:
        The costs.

    Raises:
        LookupError: If the table lacks a cell that the circuit has.

    Examples:
        >>> from multipliers import NetlistBuilder
        >>> from multipliers.cost.cells import UNIT_GATES
        >>> builder = NetlistBuilder("full_adder")
        >>> builder.output("y", builder.full_adder(*builder.input("a", 3)))
        >>> gate_costs(builder.build(), UNIT_GATES).area.tolist()
        [3.5, 3.5]
    """
    live = live_gates(netlist)
    cell = [Op(op).name for op in netlist.op.tolist()]
    share = np.ones(netlist.gate_count)
    for adder, ops in _ADDER_GATES.items():
        if adder not in cells.area:
            continue
        for pair in _pairs(netlist, live, *ops):
            for gate in pair:
                cell[gate], share[gate] = adder, 0.5
    if missing := sorted({name for gate, name in enumerate(cell) if live[gate]} - set(cells.area)):
        raise LookupError(
            f"cell table '{cells.name}' has no {', '.join(missing)}, of which '{netlist.name}' is "
            "made; add a line for each"
        )
    area = np.array([cells.area.get(name, 0.0) for name in cell])
    energy = np.array([cells.energy.get(name, 0.0) for name in cell])
    return GateCosts(live, area * share * live, energy * share * live)


def _pairs(
    netlist: Netlist, live: npt.NDArray[np.bool_], first: Op, second: Op
) -> list[tuple[int, int]]:
    """Return the live gates of two functions that read the same nets, one to one in order."""
    readers: dict[tuple[int, ...], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for op, gates in ((first, 0), (second, 1)):
        for gate in np.flatnonzero(live & (netlist.op == op)).tolist():
            nets = tuple(sorted(netlist.fan_in[gate, : op.arity].tolist()))
            readers[nets][gates].append(gate)
    return [pair for gates in readers.values() for pair in zip(*gates, strict=False)]
