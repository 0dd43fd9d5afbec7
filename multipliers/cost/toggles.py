"""Energy of a circuit on a stream of operands: how often each gate's output changes.

64 steps of the stream share a machine word: step t is bit ``t mod 64`` of word ``t // 64``. A net's
words XOR the same words one step later are the steps after which the net changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multipliers.cost.activity import count_ones
from multipliers.cost.cells import UNIT_GATES, CellTable
from multipliers.cost.mapping import gate_costs
from multipliers.netlists.netlist import Bus, Netlist, check_netlist
from multipliers.netlists.netlist_function import pack_bits
from multipliers.netlists.simulate import Words, evaluate
from multipliers.parameters import check_kind

_STEPS_PER_BLOCK = 1 << 17


@dataclass(frozen=True, slots=True, eq=False)
class ToggleEnergy:
    """Energy of a circuit on one stream of operands.

    Args:
        multiplications: Number of operand pairs.
        toggles: How often each gate's output changed, int64 `(gates,)`; 0 for gates that no output
            depends on.
        energy_per_multiplication: Sum over the gates of energy per change times changes, divided by
            the number of steps from one pair to the next, in the unit of the cell table.
        cells: Name of the cell table.
    """

    multiplications: int
    toggles: npt.NDArray[np.int64]
    energy_per_multiplication: float
    cells: str

    @property
    def toggles_per_multiplication(self) -> float:
        """Changes of all gates' outputs together, per step from one pair to the next."""
        return int(self.toggles.sum()) / (self.multiplications - 1)


def toggle_energy(
    netlist: Netlist,
    x_stream: npt.ArrayLike,
    w_stream: npt.ArrayLike,
    *,
    cells: CellTable = UNIT_GATES,
) -> ToggleEnergy:
    """Return the energy of a circuit that multiplies a stream of operands in its order.

    The energy is that of the settled values; glitches on the way to them are not counted. For
    uniform and independent operands its expectation is the relative energy of `circuit_cost`.

    Args:
        netlist: Circuit with two input ports of at most 16 bits.
        x_stream: First operands in order, integers `(steps,)`, codes or values; the port reads the
            low bits.
        w_stream: Second operands, integers `(steps,)`.
        cells: Energy of each cell.

    Returns:
        The energy and the changes of each gate.

    Raises:
        TypeError: If a stream does not hold integers.
        ValueError: If the streams are not one-dimensional, of one length and of at least two steps,
            if a number has more bits than its port, or if the circuit has other ports.
        LookupError: If the table lacks a cell that the circuit has.

    Examples:
        >>> from multipliers import array_multiplier
        >>> netlist = array_multiplier(signed=False)
        >>> toggle_energy(netlist, [3, 3, 3], [5, 5, 5]).energy_per_multiplication
        0.0
        >>> toggle_energy(netlist, [0, 1, 0], [1, 1, 1]).energy_per_multiplication
        1.0
    """
    check_netlist("netlist", netlist)
    check_kind("cells", cells, CellTable)
    if len(netlist.inputs) != 2:
        raise ValueError(f"'netlist' must have two input ports, got {netlist}")
    x_port, w_port = netlist.inputs
    x, w = _stream("x_stream", x_stream, x_port), _stream("w_stream", w_stream, w_port)
    if len(x) != len(w) or len(x) < 2:
        raise ValueError(
            f"'x_stream' and 'w_stream' must be equally long, at least 2, got {len(x)} and {len(w)}"
        )
    costs = gate_costs(netlist, cells)
    toggles = np.zeros(netlist.gate_count, dtype=np.int64)
    for start in range(0, len(x) - 1, _STEPS_PER_BLOCK):
        # Blocks share a step, so that the change between them is counted once.
        block = slice(start, start + _STEPS_PER_BLOCK + 1)
        inputs = [*pack_bits(x[block], x_port.width), *pack_bits(w[block], w_port.width)]
        toggles += _block_toggles(netlist, inputs, len(x[block]) - 1)
    toggles *= costs.live
    energy = float(costs.energy @ toggles) / (len(x) - 1)
    return ToggleEnergy(len(x), toggles, energy, cells.name)


def _block_toggles(netlist: Netlist, inputs: list[Words], changes: int) -> npt.NDArray[np.int64]:
    """Return how often each gate changes over the first `changes` changes of a block."""
    toggles = np.zeros(netlist.gate_count, dtype=np.int64)
    counted = np.zeros(len(inputs[0]), dtype=np.uint64)
    counted[: changes // 64] = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
    if changes % 64:
        counted[changes // 64] = np.uint64((1 << changes % 64) - 1)

    def count(gate: int, words: Words) -> None:
        later = words >> np.uint64(1)
        later[:-1] |= words[1:] << np.uint64(63)
        toggles[gate] = count_ones((words ^ later) & counted)

    evaluate(netlist, inputs, observe=count)
    return toggles


def _stream(name: str, values: npt.ArrayLike, port: Bus) -> npt.NDArray[np.integer]:
    stream = np.asarray(values)
    if not np.issubdtype(stream.dtype, np.integer):
        raise TypeError(f"'{name}' must be integers (steps,), got {stream.dtype} {stream.shape}")
    if stream.ndim != 1:
        raise ValueError(f"'{name}' must be one-dimensional, got {stream.dtype} {stream.shape}")
    low, high = -(1 << port.width - 1), (1 << port.width) - 1
    if stream.size and not low <= int(stream.min()) <= int(stream.max()) <= high:
        raise ValueError(
            f"'{name}' must fit the {port.width} bits of port '{port.name}', {low}..{high}, "
            f"got {stream.min()}..{stream.max()}"
        )
    return stream
