"""A combinational gate netlist as compact arrays in topological order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multipliers.netlists.gates import Op
from multipliers.parameters import check_kind, shown
from multipliers.wording import counted

CONSTANT_0 = 0
CONSTANT_1 = 1


@dataclass(frozen=True, slots=True)
class Bus:
    """A named port of a netlist.

    Args:
        name: Name in the netlist's file.
        nets: Net of each bit, the least significant first.
        signed: Whether the file declares the port as two's complement; None if it declares the
            signedness of no port.
    """

    name: str
    nets: tuple[int, ...]
    signed: bool | None = None

    def __post_init__(self) -> None:
        check_kind("name", self.name, str)
        check_kind("nets", self.nets, tuple)
        check_kind("signed", self.signed, bool | None)

    @property
    def width(self) -> int:
        """Number of bits."""
        return len(self.nets)


@dataclass(frozen=True, slots=True, eq=False)
class Netlist:
    """A combinational circuit, one net per gate.

    Nets 0 and 1 are the constants, then come the input bits in port order, each port's least
    significant bit first, then one net per gate: gate i drives net ``first_gate + i`` and reads
    only nets below that.

    Args:
        name: Name of the circuit, in a Verilog file the top module's.
        inputs: Input ports in the order of their declaration.
        outputs: Output ports in the order of their declaration.
        op: Function of each gate, an `Op`, uint8 `(gates,)`.
        fan_in: Nets that each gate reads, int32 `(gates, 3)`; 0 where the gate reads fewer.
        source: Where the circuit came from: a file, or a function and its arguments.

    Raises:
        ValueError: If arrays and ports do not have this form.

    Examples:
        >>> from multipliers import NetlistBuilder, Op
        >>> builder = NetlistBuilder("and2")
        >>> (a,), (b,) = builder.input("a", 1), builder.input("b", 1)
        >>> builder.output("y", [builder.gate(Op.AND, a, b)])
        >>> netlist = builder.build()
        >>> netlist.first_gate, netlist.fan_in.tolist(), netlist.outputs
        (4, [[2, 3, 0]], (Bus(name='y', nets=(4,), signed=None),))
    """

    name: str
    inputs: tuple[Bus, ...]
    outputs: tuple[Bus, ...]
    op: npt.NDArray[np.uint8]
    fan_in: npt.NDArray[np.int32]
    source: str = ""

    def __post_init__(self) -> None:
        check_kind("name", self.name, str)
        for name, buses in (("inputs", self.inputs), ("outputs", self.outputs)):
            if not isinstance(buses, tuple) or not all(isinstance(bus, Bus) for bus in buses):
                raise TypeError(f"'{name}' must be a tuple of Bus, got {shown(buses)}")
        op = np.array(self.op, dtype=np.uint8)
        fan_in = np.array(self.fan_in, dtype=np.int32).reshape(-1, 3)
        op.setflags(write=False)
        fan_in.setflags(write=False)
        object.__setattr__(self, "op", op)
        object.__setattr__(self, "fan_in", fan_in)
        if op.shape != (len(fan_in),):
            raise ValueError(f"'op' must be ({len(fan_in)},) as 'fan_in', got {op.shape}")
        if op.size and op.max() > max(Op):
            raise ValueError(f"'op' must be at most {max(Op)}, got {op.max()}")
        input_nets = [net for bus in self.inputs for net in bus.nets]
        if input_nets != list(range(2, self.first_gate)):
            raise ValueError(f"'inputs' must number their nets from 2 in order, got {input_nets}")
        below = np.arange(self.first_gate, self.net_count)[:, None]
        if fan_in.size and (fan_in.min() < 0 or np.any(fan_in >= below)):
            raise ValueError("'fan_in' must be in topological order")
        if any(not 0 <= net < self.net_count for bus in self.outputs for net in bus.nets):
            raise ValueError(f"'outputs' must name nets below {self.net_count}")

    @property
    def first_gate(self) -> int:
        """Net that the first gate drives."""
        return 2 + sum(bus.width for bus in self.inputs)

    @property
    def gate_count(self) -> int:
        """Number of gates."""
        return len(self.op)

    @property
    def net_count(self) -> int:
        """Number of nets: two constants, the input bits and the gates."""
        return self.first_gate + self.gate_count

    @property
    def declared_signs(self) -> tuple[bool, ...] | None:
        """Whether each input port is signed, None unless the circuit's file declares it for all.

        Examples:
            >>> from multipliers import parse_verilog
            >>> text = "module m(input signed [1:0] a, input [1:0] b, output y); {} endmodule"
            >>> parse_verilog(text.format("assign y = a[0] & b[0];")).declared_signs
            (True, False)
        """
        signs = [bus.signed for bus in self.inputs]
        return None if None in signs else tuple(map(bool, signs))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Netlist):
            return NotImplemented
        return (
            (self.name, self.inputs, self.outputs) == (other.name, other.inputs, other.outputs)
            and np.array_equal(self.op, other.op)
            and np.array_equal(self.fan_in, other.fan_in)
        )

    def __hash__(self) -> int:
        return hash((self.name, self.inputs, self.outputs, self.fan_in.tobytes()))

    def __str__(self) -> str:
        ports = ", ".join(f"{bus.name}[{bus.width}]" for bus in self.inputs)
        results = ", ".join(f"{bus.name}[{bus.width}]" for bus in self.outputs)
        return f"{self.name}: {ports} -> {results}, {counted(self.gate_count, 'gate')}"

    def __repr__(self) -> str:
        return f"<Netlist {self}>"


def check_netlist(name: str, value: object) -> None:
    """Refuse what is no netlist.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed.

    Raises:
        TypeError: If `value` is not a Netlist.

    Examples:
        >>> check_netlist("netlist", "multiplier.v")
        Traceback (most recent call last):
        TypeError: 'netlist' must be a Netlist, got 'multiplier.v'; read_netlist() reads one
        from a file and get_netlist() makes one of a name
    """
    advice = "read_netlist() reads one from a file and get_netlist() makes one of a name"
    check_kind(name, value, Netlist, advice=advice)
