"""Elaborated Verilog modules flattened into nets: declarations, assignments and instances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from multipliers.formats.verilog_expressions import (
    WIDEST,
    Locate,
    Nets,
    Scope,
    lower,
    lower_target,
    refusal,
    too_wide,
)
from multipliers.netlists.builder import NetlistBuilder, Place
from multipliers.netlists.netlist_error import NetlistError

Symbol = Any
"""A symbol of pyslang's elaborated syntax tree, told apart by the name of its kind."""

_WITHOUT_EFFECT = ("EmptyMember", "Net", "Parameter", "Port", "TypeAlias", "Variable")
_REFUSED = {
    "DefParam": "'defparam'",
    "GenerateBlock": "a generate block",
    "GenerateBlockArray": "a generate block",
    "Genvar": "a generate block",
    "InstanceArray": "an array of instances",
    "NetAlias": "an alias of nets",
    "PrimitiveInstance": "a gate primitive",
    "SpecifyBlock": "a specify block",
    "StatementBlock": "a block of statements",
    "Subroutine": "a function or task",
}

_MOST_INSTANCES = 1 << 14  # few modules can make very many instances, level by level

_PROCEDURES = {
    "AlwaysComb": "always_comb",
    "AlwaysFF": "always_ff",
    "AlwaysLatch": "always_latch",
}


@dataclass(frozen=True, slots=True)
class Flattener:
    """Turns the instances of a design into one flat netlist.

    Args:
        builder: Takes ports, nets and gates.
        locate: Finds file and line of a source location.
        instances: Counts the instances.
    """

    builder: NetlistBuilder
    locate: Locate
    instances: Iterator[int] = field(default_factory=count)

    def add_top(self, instance: Symbol) -> None:
        """Add the top module with everything below it.

        Args:
            instance: The elaborated top module.

        Raises:
            NetlistError: If a module uses what is not structural, or a net has several drivers.
        """
        ports = self._ports(instance.body)
        operands = [port for port in ports if port.direction.name == "In"]
        # Most files declare nothing as signed, signed operands or not.
        declares = any(port.type.isSigned for port in operands)
        inputs = {
            port.name: list(
                self.builder.input(
                    port.name,
                    port.type.bitWidth,
                    signed=bool(port.type.isSigned) if declares else None,
                )
            )
            for port in operands
        }
        scope = self._add_instance(instance.body, "", inputs)
        for port in ports:
            if port.direction.name == "Out":
                self.builder.output(port.name, scope.nets[port.internalSymbol.name])

    def _add_instance(self, body: Symbol, path: str, inputs: dict[str, Nets]) -> Scope:
        """Add the nets, assignments and instances of one instance.

        Args:
            body: The elaborated module.
            path: Beginning of its nets' names.
            inputs: Nets of its input ports.

        Returns:
            The nets of its wires and ports.
        """
        scope = Scope(self.builder, self.locate)
        for port in self._ports(body):
            if port.name in inputs:
                scope.nets[port.internalSymbol.name] = inputs[port.name]
        members = list(body)
        for member in members:  # first, as assignments may stand above
            if member.kind.name in ("Net", "Variable"):
                self._declare(scope, member, path)
        for member in members:
            kind = member.kind.name
            if kind == "Net" and member.initializer is not None:
                self._connect(scope.nets[member.name], lower(scope, member.initializer), member)
            elif kind == "ContinuousAssign":
                targets = lower_target(scope, member.assignment)
                self._connect(targets, lower(scope, member.assignment.right), member)
            elif kind == "Instance":
                self._connect_instance(scope, member, f"{path}{member.name}.")
            elif kind not in _WITHOUT_EFFECT:
                raise self._refusal(_construct(member), member)
        return scope

    def _declare(self, scope: Scope, member: Symbol, path: str) -> None:
        """Make the nets of a wire, unless it is an input port, whose nets are there."""
        self._check_type(member)
        if member.kind.name == "Variable":
            if member.initializer is not None:
                raise self._refusal(f"variable '{member.name}' with an initial value", member)
        elif member.netType.name not in ("wire", "tri", "uwire"):
            raise self._refusal(f"{member.netType.name} net '{member.name}'", member)
        if member.name not in scope.nets:
            scope.nets[member.name] = self._new_nets(path, member, self.locate(member.location))

    def _new_nets(self, path: str, symbol: Symbol, place: Place) -> Nets:
        """Return a net for each bit of a wire or port, named as in the file."""
        name, width = path + symbol.name, symbol.type.bitWidth
        bounds = symbol.type.fixedRange
        if symbol.type.isScalar:
            return [self.builder.net(name, place)]
        if bounds.width != width:  # a vector of vectors
            return [self.builder.net(f"{name} bit {bit}", place) for bit in range(width)]
        step = 1 if bounds.left >= bounds.right else -1
        indices = range(bounds.right, bounds.left + step, step)
        return [self.builder.net(f"{name}[{index}]", place) for index in indices]

    def _connect(self, targets: Nets, sources: Nets, symbol: Symbol) -> None:
        place = self.locate(symbol.location)
        for target, source in zip(targets, sources, strict=True):
            self.builder.connect(target, source, place)

    def _connect_instance(self, scope: Scope, instance: Symbol, path: str) -> None:
        """Add an instance and connect its pins to the nets of the module that contains it."""
        place = self.locate(instance.location)
        if next(self.instances) >= _MOST_INSTANCES:
            file, line = place
            message = f"the file has more than {_MOST_INSTANCES} instances"
            raise NetlistError(message, file=file, line=line)
        pins = [(pin.port, pin.expression) for pin in instance.portConnections]
        inputs = {}
        for port, expression in pins:
            if port.kind.name == "Port" and port.direction.name == "In":
                inputs[port.name] = self._new_nets(path, port, place)
                if expression is not None:
                    self._connect(inputs[port.name], lower(scope, expression), instance)
        child = self._add_instance(instance.body, path, inputs)
        for port, expression in pins:
            if port.direction.name == "Out" and expression is not None:
                targets = lower_target(scope, expression)
                self._connect(targets, child.nets[port.internalSymbol.name], instance)

    def _check_type(self, symbol: Symbol) -> None:
        """Raise an error for a wire or port that is no vector of bits, or an enormous one."""
        if not symbol.type.isIntegral:
            raise self._refusal(f"'{symbol.name}', which is no vector of bits,", symbol)
        if symbol.type.bitWidth > WIDEST:
            place = self.locate(symbol.location)
            raise too_wide(f"'{symbol.name}'", symbol.type.bitWidth, place)

    def _ports(self, body: Symbol) -> list[Symbol]:
        """Return the ports of a module, each an input or output of one vector."""
        ports = list(body.portList)
        for port in ports:
            if port.kind.name != "Port" or port.internalSymbol is None:
                raise self._refusal(f"port '{port.name}', which is not one wire,", port)
            if port.direction.name not in ("In", "Out"):
                raise self._refusal(f"{port.direction.name.lower()} port '{port.name}'", port)
            self._check_type(port)
        return ports

    def _refusal(self, construct: str, symbol: Symbol) -> NetlistError:
        return refusal(construct, self.locate(symbol.location))


def _construct(member: Symbol) -> str:
    """Return what an unsupported member of a module is called."""
    kind: str = member.kind.name
    if kind == "ProceduralBlock":
        procedure: str = member.procedureKind.name
        return f"'{_PROCEDURES.get(procedure, procedure.lower())}'"
    return _REFUSED.get(kind, f"a {kind}")
