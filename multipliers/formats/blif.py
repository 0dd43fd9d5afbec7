"""BLIF read into netlists, flat or a hierarchy of models.

References:
    "Berkeley Logic Interchange Format (BLIF)", University of California, Berkeley, 1992.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from multipliers.bounded_file import read_text
from multipliers.formats.bit_names import group_bits
from multipliers.formats.covers import CoverGates
from multipliers.netlists.builder import NetlistBuilder, Place
from multipliers.netlists.netlist import Netlist
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_kind
from multipliers.wording import counted

_DEEPEST = 100
_MOST_INSTANCES = 1 << 16
_MOST_BITS = 1 << 20  # of all ports of a file, as a short line may name very many
_WIDEST = 1 << 12
_RANGE = re.compile(r"(.+)\[(\d{1,9}):(\d{1,9})\]")
_ROW = re.compile(r"[01-]+")
_WITHOUT_EFFECT = {
    ".area", ".attr", ".cname", ".default_input_arrival", ".default_input_drive",
    ".default_max_input_load", ".default_output_load", ".default_output_required", ".delay",
    ".input_arrival", ".input_drive", ".max_input_load", ".output_load", ".output_required",
    ".param", ".wire", ".wire_load_slope",
}  # fmt: skip
_REFUSED = {
    ".blackbox": "a black box",
    ".clock": "a clock",
    ".exdc": "a set of external don't-cares",
    ".gate": "a cell of a library ('.gate')",
    ".latch": "a latch",
    ".mlatch": "a latch",
    ".search": "another file ('.search')",
}


@dataclass(slots=True)
class _Cover:
    """A `.names` statement: the function of its last name."""

    names: list[str]
    place: Place
    products: list[str] = field(default_factory=list)
    on_set: bool = True


@dataclass(frozen=True, slots=True)
class _Instance:
    """A `.subckt` statement: a model, and the net of each of its ports that is connected."""

    model: str
    pins: dict[str, str]
    place: Place


@dataclass(slots=True)
class _Model:
    name: str
    place: Place
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    covers: list[_Cover] = field(default_factory=list)
    aliases: list[_Cover] = field(default_factory=list)
    instances: list[_Instance] = field(default_factory=list)

    def unknown_pin(self, pins: dict[str, str]) -> str | None:
        """Return a pin that is no port of the model."""
        ports = {*self.inputs, *self.outputs}
        return next((pin for pin in pins if pin not in ports), None)


def read_blif(path: str | Path, *, top: str | None = None) -> Netlist:
    """Read a BLIF file into a flat netlist.

    Read are models with ``.inputs``, ``.outputs``, ``.names`` with on-set or off-set rows and
    ``.subckt``. Ports are put together from bits named ``a[0]``, ``a_0`` or ``a0``. Gates on which
    no output depends are left out.

    Args:
        path: The file, UTF-8.
        top: Name of the top model; None takes the first one, or, if another model uses that,
            the only one that no other uses.

    Returns:
        The netlist, named as the top model.

    Raises:
        FileNotFoundError: If there is no such file.
        NetlistError: If the file is empty, truncated, not UTF-8 or not BLIF; if it uses latches or
            other statements; if a net that matters has several drivers, none, or drives itself.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from multipliers import array_multiplier, to_blif
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "mul4u_array.blif"
        ...     _ = path.write_text(to_blif(array_multiplier(signed=False, width=4)))
        ...     print(read_blif(path))
        mul4u_array: A[4], B[4] -> O[8], 40 gates
    """
    return parse_blif(read_text(path), top=top, file=str(path))


def parse_blif(text: str, *, top: str | None = None, file: str = "text") -> Netlist:
    r"""Read BLIF from a string; see `read_blif`.

    Args:
        text: The BLIF source.
        top: Name of the top model, None to find it.
        file: What errors and the netlist's `source` call the text.

    Returns:
        The netlist of the top model.

    Raises:
        NetlistError: As `read_blif`.

    Examples:
        >>> text = ".model m\n.inputs a[0] a[1]\n.outputs y\n.names a[0] a[1] y\n10 1\n.end"
        >>> print(parse_blif(text))
        m: a[2] -> y[1], 2 gates
    """
    check_kind("top", top, str | None)
    check_kind("text", text, str)
    if not text.strip():
        raise NetlistError("the file is empty", file=file)
    models = _parse_models(text, file)
    model = _choose_top(models, top, file)
    builder = NetlistBuilder(model.name, file)
    _Flattener(builder, models).add_top(model)
    return builder.build()


def _statements(text: str, file: str) -> Iterator[tuple[list[str], Place]]:
    """Yield the words of each statement, comments removed and continued lines joined."""
    words: list[str] = []
    start = 0
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.split("#", 1)[0].rstrip()
        start = start or number
        continued = content.endswith("\\")
        words += content.removesuffix("\\").split()
        if continued:
            continue
        if words:
            yield words, (file, start)
        words, start = [], 0
    if words:
        raise NetlistError("the last line is continued, but ends the file", file=file, line=start)


def _parse_models(text: str, file: str) -> dict[str, _Model]:
    """Return the models of a file in order."""
    models: dict[str, _Model] = {}
    model: _Model | None = None
    cover: _Cover | None = None
    bits = count()
    for words, place in _statements(text, file):
        key, rest = words[0], words[1:]
        if key == ".model":
            if model is not None:
                raise _error(f"model '{model.name}' has no .end before the next model", place)
            if len(rest) != 1:
                raise _error(f".model must have one name, got {len(rest)}", place)
            if rest[0] in models:
                raise _error(f"model '{rest[0]}' is defined twice", place)
            model = models[rest[0]] = _Model(rest[0], place)
            cover = None
        elif model is None:
            raise _error(f"'{key[:40]}' must be in a model, after .model", place)
        elif not key.startswith("."):
            _add_row(cover, words, place)
        elif key == ".names":
            if not rest:
                raise _error(".names must have at least the name of its output", place)
            cover = _Cover(rest, place)
            model.covers.append(cover)
        else:
            model = _add_statement(model, key, rest, place, bits)
            cover = None
    if model is not None:
        raise NetlistError(f"the file ends before the .end of model '{model.name}'", file=file)
    if not models:
        raise NetlistError("the file has no .model", file=file)
    return models


def _add_statement(
    model: _Model, key: str, rest: list[str], place: Place, bits: Iterator[int]
) -> _Model | None:
    """Add a statement other than .names to a model; `bits` counts ports, None ends the model."""
    if key in (".inputs", ".outputs"):
        names = model.inputs if key == ".inputs" else model.outputs
        for bit in (bit for name in rest for bit in _bits(name, place)):
            if next(bits) >= _MOST_BITS:
                raise _error(f"the ports of a file must have at most {_MOST_BITS} bits", place)
            names.append(bit)
    elif key == ".subckt":
        if not rest:
            raise _error(".subckt must have the name of a model", place)
        pins: dict[str, str] = {}
        for pin in rest[1:]:
            formal, equals, actual = pin.partition("=")
            if not (formal and equals and actual):
                raise _error(f"'{pin[:40]}' must be port=net", place)
            if pins.setdefault(formal, actual) != actual:  # ArithsGen repeats some pins
                raise _error(f"port '{formal}' is connected to two nets", place)
        model.instances.append(_Instance(rest[0], pins, place))
    elif key == ".conn":
        if len(rest) != 2:
            raise _error(f".conn must have two names, got {len(rest)}", place)
        model.aliases.append(_Cover(rest, place))
    elif key == ".end":
        return None
    elif key in _REFUSED:
        raise _error(f"{_REFUSED[key]} is not supported, the file must be combinational "
                     "and of .names and .subckt", place)  # fmt: skip
    elif key not in _WITHOUT_EFFECT:
        raise _error(f"unknown statement '{key[:40]}'", place)
    return model


def _add_row(cover: _Cover | None, words: list[str], place: Place) -> None:
    """Add a row such as ``1- 1`` to the cover above it."""
    if cover is None:
        raise _error(f"'{words[0][:40]}' must be a statement, or a row behind .names", place)
    inputs = len(cover.names) - 1
    product, signs = words[0] if inputs else "", counted(inputs, "character")
    if len(words) != 1 + bool(inputs) or words[-1] not in ("0", "1"):
        wanted = f"{signs} of 0, 1 and - and the value" if inputs else "the value"
        raise _error(f"a row must be {wanted} 0 or 1, got '{' '.join(words)[:40]}'", place)
    if inputs and (len(product) != inputs or not _ROW.fullmatch(product)):
        message = f"a row must have {signs} of 0, 1 and -, got '{product[:40]}'"
        raise _error(message, place)
    on_set = words[-1] == "1"
    if cover.products and cover.on_set != on_set:
        raise _error("the rows of one .names must all have the value 0, or all 1", place)
    cover.on_set = on_set
    cover.products.append(product)


def _bits(name: str, place: Place) -> list[str]:
    """Return the names of the bits of ``a[7:0]``, or the name itself."""
    match = _RANGE.fullmatch(name)
    if match is None:
        return [name]
    first, last = int(match[2]), int(match[3])
    if abs(first - last) >= _WIDEST:
        raise _error(f"'{name}' must have at most {_WIDEST} bits", place)
    step = 1 if last >= first else -1
    return [f"{match[1]}[{index}]" for index in range(first, last + step, step)]


def _choose_top(models: dict[str, _Model], top: str | None, file: str) -> _Model:
    names = ", ".join(repr(name) for name in list(models)[:20])
    if top is not None:
        if top not in models:
            raise NetlistError(f"there is no model {top!r}; the file has {names}", file=file)
        return models[top]
    used = {instance.model for model in models.values() for instance in model.instances}
    unused = [model for name, model in models.items() if name not in used]
    first = next(iter(models.values()))
    if first in unused or len(unused) == 1:
        return first if first in unused else unused[0]
    raise NetlistError(
        f"several models may be the top: {names}; choose one with top= or --top", file=file
    )


@dataclass(slots=True)
class _Flattener:
    """Turns the instances of models into one flat netlist."""

    builder: NetlistBuilder
    models: dict[str, _Model]
    gates: CoverGates = field(init=False)
    instances: int = 0

    def __post_init__(self) -> None:
        self.gates = CoverGates(self.builder)

    def add_top(self, model: _Model) -> None:
        try:
            inputs, outputs = group_bits(model.inputs), group_bits(model.outputs)
        except ValueError as error:
            raise _error(str(error), model.place) from None
        nets: dict[str, int] = {}
        for port in inputs:
            bits = self.builder.input(port.name, len(port.positions))
            nets |= {
                model.inputs[position]: net
                for position, net in zip(port.positions, bits, strict=True)
            }
        self._add(model, "", nets, (model.name,))
        for port in outputs:
            names = [model.outputs[position] for position in port.positions]
            self.builder.output(port.name, [nets[name] for name in names])

    def _add(self, model: _Model, path: str, nets: dict[str, int], above: tuple[str, ...]) -> None:
        """Add what a model consists of; `nets` has its inputs and gets its other nets."""

        def net(name: str, place: Place) -> int:
            if name not in nets:
                nets[name] = self.builder.net(path + name, place)
            return nets[name]

        for name in model.outputs:
            net(name, model.place)
        for cover in model.covers:
            sources = [net(name, cover.place) for name in cover.names[:-1]]
            target = net(cover.names[-1], cover.place)
            self.gates.drive(
                target, sources, cover.products, on_set=cover.on_set, place=cover.place
            )
        for alias in model.aliases:
            source, target = (net(name, alias.place) for name in alias.names)
            self.builder.connect(target, source, alias.place)
        for number, instance in enumerate(model.instances, start=1):
            child = self.models.get(instance.model)
            if child is None:
                raise _error(f"unknown model '{instance.model}'", instance.place)
            self._check(instance, child, above)
            inner = f"{path}{child.name}{number}."
            child_nets = {
                name: self.builder.net(inner + name, instance.place) for name in child.inputs
            }
            for name in child.inputs:
                if name in instance.pins:
                    source = net(instance.pins[name], instance.place)
                    self.builder.connect(child_nets[name], source, instance.place)
            self._add(child, inner, child_nets, (*above, child.name))
            for name in child.outputs:
                if name in instance.pins:
                    target = net(instance.pins[name], instance.place)
                    self.builder.connect(target, child_nets[name], instance.place)

    def _check(self, instance: _Instance, child: _Model, above: tuple[str, ...]) -> None:
        """Raise an error for what an instance cannot be."""
        self.instances += 1
        if child.name in above:
            raise _error(f"model '{child.name}' contains itself", instance.place)
        if len(above) >= _DEEPEST or self.instances > _MOST_INSTANCES:
            message = f"the file has more than {_DEEPEST} levels or {_MOST_INSTANCES} instances"
            raise _error(message, instance.place)
        if (unknown := child.unknown_pin(instance.pins)) is not None:
            raise _error(f"port '{unknown}' does not exist in '{child.name}'", instance.place)


def _error(message: str, place: Place) -> NetlistError:
    file, line = place
    return NetlistError(message, file=file, line=line)
