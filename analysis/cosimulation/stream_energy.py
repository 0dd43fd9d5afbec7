"""The energy that a circuit takes for the operands of a layer, in their order."""

from __future__ import annotations

from analysis.cosimulation.operand_stream import OperandStream
from multipliers import UNIT_GATES, CellTable, Netlist, ToggleEnergy, toggle_energy
from multipliers.netlists.netlist import check_netlist
from multipliers.parameters import check_kind


def operand_energy(
    netlist: Netlist, stream: OperandStream, *, cells: CellTable = UNIT_GATES
) -> ToggleEnergy:
    """Return the energy of a circuit that multiplies a layer's operands one after the other.

    Every change of a gate's output from one multiplication to the next is counted, so that the
    energy depends on the layer's data and on their order: repeated operands cost nothing.

    Args:
        netlist: Circuit with two input ports of at most 8 bits, the first for the activations.
        stream: The operands, as `analysis.record_stream` gives them.
        cells: Energy of each cell.

    Returns:
        The energy per multiplication and the changes of each gate.

    Raises:
        ValueError: If the circuit has other ports, a code does not fit its port, or there are fewer
            than two pairs.
        LookupError: If the table lacks a cell that the circuit has.

    Examples:
        >>> import numpy as np
        >>> from multipliers import get_netlist
        >>> x, w = np.array([7, 7, 7, 7], np.uint8), np.array([0, 200, 0, 200], np.uint8)
        >>> array = get_netlist("mul8u_array")
        >>> operand_energy(array, OperandStream(x, w)).energy_per_multiplication
        49.5
        >>> operand_energy(array, OperandStream(x, np.sort(w))).energy_per_multiplication
        16.5
    """
    check_netlist("netlist", netlist)
    check_kind("stream", stream, OperandStream)
    if len(netlist.inputs) != 2:
        raise ValueError(f"'netlist' must have two input ports, got {netlist}")
    x, w = netlist.inputs
    return toggle_energy(netlist, *stream.port_bits(x.width, w.width), cells=cells)
