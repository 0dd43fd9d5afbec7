"""The gates of a netlist that its outputs depend on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import Netlist


def live_gates(netlist: Netlist) -> npt.NDArray[np.bool_]:
    """Return which gates an output depends on, directly or through other gates.

    Args:
        netlist: The circuit.

    Returns:
        One flag per gate, bool `(gates,)`.

    Examples:
        >>> from multipliers import array_multiplier
        >>> bool(live_gates(array_multiplier(signed=True)).all())
        True
    """
    live = np.zeros(netlist.net_count, dtype=np.bool_)
    live[[net for bus in netlist.outputs for net in bus.nets]] = True
    for gate in range(netlist.gate_count - 1, -1, -1):
        if live[netlist.first_gate + gate]:
            live[netlist.fan_in[gate, : Op(netlist.op[gate]).arity]] = True
    return live[netlist.first_gate :]
