"""Building netlists from nets that may be used before they are driven, as in a Verilog file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import CONSTANT_0, CONSTANT_1, Bus, Netlist
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_kind

Place = tuple[str, int]
"""File and line."""

_UNDRIVEN, _TERMINAL, _ALIAS = -1, -2, -3
_NAMES_IN_A_CYCLE = 8
_MOST_CHARACTERS = 1 << 28  # of all names, as a long instance name stands before each of its nets
_MOST_NETS = 1 << 20  # a 64x64-bit multiplier has 2^15; bounds the memory of a small bad file


@dataclass(slots=True)
class _Net:
    """One net of a netlist that is being built.

    `driver` is an `Op`, or `_TERMINAL` for constants and inputs, or `_ALIAS` for another name of
    the only net in `fan_in`.
    """

    name: str | None
    place: Place | None
    driver: int = _UNDRIVEN
    fan_in: tuple[int, ...] = ()


class NetlistBuilder:
    """Collects nets, gates and ports in any order and turns them into a `Netlist`.

    Nets 0 and 1 are the constants. Places, where given, end up in the messages of errors.

    Args:
        name: Name of the circuit.
        source: Where the circuit comes from: a file, or a function and its arguments.

    Examples:
        >>> builder = NetlistBuilder("half_adder")
        >>> (a,), (b,) = builder.input("a", 1), builder.input("b", 1)
        >>> builder.output("y", builder.half_adder(a, b))
        >>> print(builder.build())
        half_adder: a[1], b[1] -> y[2], 2 gates
    """

    def __init__(self, name: str, source: str = "") -> None:
        check_kind("name", name, str)
        self.name = name
        self.source = source
        self._nets = [_Net("1'b0", None, _TERMINAL), _Net("1'b1", None, _TERMINAL)]
        self._inputs: list[Bus] = []
        self._outputs: list[Bus] = []
        self._characters = 0

    def net(self, name: str | None = None, place: Place | None = None) -> int:
        """Return a new net that `drive` or `connect` has to drive later.

        Raises:
            NetlistError: If there are 2^20 nets already, or their names have more than 2^28
                characters.
        """
        if len(self._nets) >= _MOST_NETS:
            raise _error(f"the circuit has more than {_MOST_NETS} nets", place)
        self._characters += len(name or "")
        if self._characters > _MOST_CHARACTERS:
            message = f"the names of all nets must have at most {_MOST_CHARACTERS} characters"
            raise _error(message, place)
        self._nets.append(_Net(name, place))
        return len(self._nets) - 1

    def input(self, name: str, width: int, *, signed: bool | None = None) -> tuple[int, ...]:
        """Add an input port and return its nets, the least significant bit first.

        Args:
            name: Name of the port.
            width: Number of bits.
            signed: Whether the circuit's file declares it as two's complement, None if it declares
                nothing of the kind.

        Raises:
            NetlistError: If this makes more than 2^20 nets.
        """
        first = len(self._nets)
        if first + width > _MOST_NETS:
            raise _error(f"the circuit has more than {_MOST_NETS} nets", None)
        self._nets += [_Net(f"{name}[{bit}]", None, _TERMINAL) for bit in range(width)]
        nets = tuple(range(first, first + width))
        self._inputs.append(Bus(name, nets, signed))
        return nets

    def output(self, name: str, nets: Iterable[int]) -> None:
        """Add an output port with these nets, the least significant bit first."""
        self._outputs.append(Bus(name, tuple(nets)))

    def gate(self, op: Op, *fan_in: int) -> int:
        """Add a gate and return the net that it drives.

        Raises:
            ValueError: If the number of fan-ins is not the gate's.
        """
        net = self.net()
        self.drive(net, op, *fan_in)
        return net

    def drive(self, net: int, op: Op, *fan_in: int, place: Place | None = None) -> None:
        """Let a gate drive an existing net.

        Raises:
            ValueError: If the number of fan-ins is not the gate's.
            NetlistError: If the net already has a driver.
        """
        if len(fan_in) != op.arity:
            raise ValueError(f"{op.name} must have {op.arity} fan-ins, got {len(fan_in)}")
        self._set_driver(net, op, fan_in, place)

    def connect(self, net: int, source: int, place: Place | None = None) -> None:
        """Make `net` another name of `source`, without a gate.

        Raises:
            NetlistError: If the net already has a driver.
        """
        self._set_driver(net, _ALIAS, (source,), place)

    def half_adder(self, a: int, b: int) -> tuple[int, int]:
        """Return sum and carry of two bits; a constant bit costs less or no gates."""
        a, b = sorted((a, b))
        if a == CONSTANT_0:
            return b, CONSTANT_0
        if a == CONSTANT_1:
            return (CONSTANT_0 if b == CONSTANT_1 else self.gate(Op.INV, b)), b
        return self.gate(Op.XOR, a, b), self.gate(Op.AND, a, b)

    def full_adder(self, a: int, b: int, c: int) -> tuple[int, int]:
        """Return sum and carry of three bits; a constant bit costs less or no gates."""
        a, b, c = sorted((a, b, c))
        if a == CONSTANT_0:
            return self.half_adder(b, c)
        if b == CONSTANT_1:
            return c, CONSTANT_1
        if a == CONSTANT_1:
            return self.gate(Op.XNOR, b, c), self.gate(Op.OR, b, c)
        return self.gate(Op.XOR3, a, b, c), self.gate(Op.MAJ, a, b, c)

    def add(self, operands: Sequence[Sequence[int]], width: int) -> list[int]:
        """Return the sum of several words modulo ``2^width``, least significant bits first.

        Full and half adders compress one column after the other, which for two words is the
        ripple-carry adder.
        """
        columns = [[word[bit] for word in operands if bit < len(word)] for bit in range(width)]
        columns.append([])
        total = []
        for bit in range(width):
            column = [net for net in columns[bit] if net != CONSTANT_0] or [CONSTANT_0]
            while len(column) > 1:
                addends = (*column[:3], CONSTANT_0)[:3]
                result, carry = self.full_adder(*addends)
                column = [*column[3:], result]
                columns[bit + 1].append(carry)
            total.append(column[0])
        return total

    def build(self) -> Netlist:
        """Return the netlist of the gates on which an output depends, in topological order.

        Raises:
            NetlistError: If an output depends on a net without a driver, or on itself.
        """
        number = {CONSTANT_0: CONSTANT_0, CONSTANT_1: CONSTANT_1}
        inputs = []
        for bus in self._inputs:
            nets = tuple(range(len(number), len(number) + bus.width))
            number.update(zip(bus.nets, nets, strict=True))
            inputs.append(Bus(bus.name, nets, bus.signed))
        op, fan_in = [], []
        next_net = len(number)
        for net in self._topological_order():
            driver, sources = self._nets[net].driver, self._nets[net].fan_in
            if driver == _ALIAS:
                number[net] = number[sources[0]]
            elif driver != _TERMINAL:
                number[net] = next_net
                next_net += 1
                op.append(driver)
                fan_in.append(
                    tuple(number[source] for source in sources) + (0,) * (3 - len(sources))
                )
        outputs = tuple(
            Bus(bus.name, tuple(number[net] for net in bus.nets)) for bus in self._outputs
        )
        return Netlist(
            self.name,
            tuple(inputs),
            outputs,
            np.array(op, dtype=np.uint8),
            np.array(fan_in, dtype=np.int32).reshape(-1, 3),
            self.source,
        )

    def _set_driver(
        self, net: int, driver: int, fan_in: tuple[int, ...], place: Place | None
    ) -> None:
        entry = self._nets[net]
        if entry.driver != _UNDRIVEN:
            first = f", the first in line {entry.place[1]}" if entry.place else ""
            if entry.driver == _TERMINAL:
                first = ", the first is a constant or an input port"
            raise _error(f"net '{entry.name}' has several drivers{first}", place)
        entry.driver, entry.fan_in = driver, fan_in
        entry.place = place or entry.place

    def _topological_order(self) -> list[int]:
        """Return the nets that reach an output, each behind its fan-ins (depth first)."""
        order: list[int] = []
        done: set[int] = set()
        for bus in self._outputs:
            for root in bus.nets:
                path: dict[int, int] = {}  # open nets in order, with the next fan-in to visit
                stack = [root] if root not in done else []
                while stack:
                    net = stack[-1]
                    visited = path.setdefault(net, 0)
                    entry = self._nets[net]
                    if entry.driver == _UNDRIVEN:
                        raise self._undriven(stack, bus)
                    if visited == len(entry.fan_in):
                        del path[net]
                        done.add(net)
                        order.append(net)
                        stack.pop()
                        continue
                    path[net] = visited + 1
                    source = entry.fan_in[visited]
                    if source in path:
                        raise self._cycle(list(path), source)
                    if source not in done:
                        stack.append(source)
        return order

    def _undriven(self, path: list[int], output: Bus) -> NetlistError:
        entry = self._nets[path[-1]]
        readers = (self._nets[net].name for net in reversed(path[:-1]))
        reader = next((name for name in readers if name), output.name)
        reason = f", but '{reader}' depends on it" if len(path) > 1 else ", but is an output"
        return _error(f"net '{entry.name}' has no driver{reason}", entry.place)

    def _cycle(self, path: list[int], start: int) -> NetlistError:
        loop = [self._nets[net] for net in reversed(path[path.index(start) :])]
        names = [entry.name for entry in loop if entry.name] or ["unnamed"]
        shown = [*names[:_NAMES_IN_A_CYCLE], *(["..."] if len(names) > _NAMES_IN_A_CYCLE else [])]
        place = next((entry.place for entry in loop if entry.place), None)
        return _error(f"combinational cycle: {' -> '.join([*shown, names[0]])}", place)


def _error(message: str, place: Place | None) -> NetlistError:
    file, line = place or (None, None)
    return NetlistError(message, file=file, line=line)
