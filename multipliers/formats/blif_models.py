"""BLIF read into models: their ports, sums of products and instances.

References:
    "Berkeley Logic Interchange Format (BLIF)", University of California, Berkeley, 1992.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from multipliers.netlists.builder import Place
from multipliers.netlists.netlist_error import NetlistError
from multipliers.wording import counted

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
    ".latch": "a latch",
    ".mlatch": "a latch",
    ".search": "another file ('.search')",
}


@dataclass(slots=True)
class Cover:
    """A `.names` statement: the function of its last name."""

    names: list[str]
    place: Place
    products: list[str] = field(default_factory=list)
    on_set: bool = True


@dataclass(frozen=True, slots=True)
class Instance:
    """A `.subckt` or `.gate` statement: a model, and the net of each port that is connected."""

    model: str
    pins: dict[str, str]
    place: Place


@dataclass(slots=True)
class Model:
    """What stands between a `.model` and its `.end`; `refused` is an error if it is used."""

    name: str
    place: Place
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    covers: list[Cover] = field(default_factory=list)
    aliases: list[Cover] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    refused: NetlistError | None = None

    def unknown_pin(self, pins: dict[str, str]) -> str | None:
        """Return a pin that is no port of the model."""
        ports = {*self.inputs, *self.outputs}
        return next((pin for pin in pins if pin not in ports), None)


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


def parse_models(text: str, file: str) -> dict[str, Model]:
    """Return the models of a file in order.

    Args:
        text: The BLIF source.
        file: What errors call it.

    Raises:
        NetlistError: If it is not BLIF.
    """
    models: dict[str, Model] = {}
    model: Model | None = None
    cover: Cover | None = None
    bits = count()
    for words, place in _statements(text, file):
        key, rest = words[0], words[1:]
        if key == ".model":
            if model is not None:
                raise refusal(f"model '{model.name}' has no .end before the next model", place)
            if len(rest) != 1:
                raise refusal(f".model must have one name, got {len(rest)}", place)
            if rest[0] in models:
                raise refusal(f"model '{rest[0]}' is defined twice", place)
            model = models[rest[0]] = Model(rest[0], place)
            cover = None
        elif model is None:
            raise refusal(f"'{key[:40]}' must be in a model, after .model", place)
        elif not key.startswith("."):
            _add_row(cover, words, place)
        elif key == ".names":
            if not rest:
                raise refusal(".names must have at least the name of its output", place)
            cover = Cover(rest, place)
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
    model: Model, key: str, rest: list[str], place: Place, bits: Iterator[int]
) -> Model | None:
    """Add a statement other than .names to a model; `bits` counts ports, None ends the model."""
    if key in (".inputs", ".outputs"):
        names = model.inputs if key == ".inputs" else model.outputs
        for bit in (bit for name in rest for bit in _bits(name, place)):
            if next(bits) >= _MOST_BITS:
                raise refusal(f"the ports of a file must have at most {_MOST_BITS} bits", place)
            names.append(bit)
    elif key in (".gate", ".subckt"):
        if not rest:
            raise refusal(f"{key} must have the name of a model", place)
        pins: dict[str, str] = {}
        for pin in rest[1:]:
            formal, equals, actual = pin.partition("=")
            if not (formal and equals and actual):
                raise refusal(f"'{pin[:40]}' must be port=net", place)
            if pins.setdefault(formal, actual) != actual:  # ArithsGen repeats some pins
                raise refusal(f"port '{formal}' is connected to two nets", place)
        model.instances.append(Instance(rest[0], pins, place))
    elif key == ".conn":
        if len(rest) != 2:
            raise refusal(f".conn must have two names, got {len(rest)}", place)
        model.aliases.append(Cover(rest, place))
    elif key == ".end":
        return None
    elif key in _REFUSED:
        message = f"{_REFUSED[key]} is not supported, the file must be combinational"
        model.refused = model.refused or refusal(message, place)
    elif key not in _WITHOUT_EFFECT:
        raise refusal(f"unknown statement '{key[:40]}'", place)
    return model


def _add_row(cover: Cover | None, words: list[str], place: Place) -> None:
    """Add a row such as ``1- 1`` to the cover above it."""
    if cover is None:
        raise refusal(f"'{words[0][:40]}' must be a statement, or a row behind .names", place)
    inputs = len(cover.names) - 1
    product, signs = words[0] if inputs else "", counted(inputs, "character")
    if len(words) != 1 + bool(inputs) or words[-1] not in ("0", "1"):
        wanted = f"{signs} of 0, 1 and - and the value" if inputs else "the value"
        raise refusal(f"a row must be {wanted} 0 or 1, got '{' '.join(words)[:40]}'", place)
    if inputs and (len(product) != inputs or not _ROW.fullmatch(product)):
        message = f"a row must have {signs} of 0, 1 and -, got '{product[:40]}'"
        raise refusal(message, place)
    on_set = words[-1] == "1"
    if cover.products and cover.on_set != on_set:
        raise refusal("the rows of one .names must all have the value 0, or all 1", place)
    cover.on_set = on_set
    cover.products.append(product)


def _bits(name: str, place: Place) -> list[str]:
    """Return the names of the bits of ``a[7:0]``, or the name itself."""
    match = _RANGE.fullmatch(name)
    if match is None:
        return [name]
    first, last = int(match[2]), int(match[3])
    if abs(first - last) >= _WIDEST:
        raise refusal(f"'{name}' must have at most {_WIDEST} bits", place)
    step = 1 if last >= first else -1
    return [f"{match[1]}[{index}]" for index in range(first, last + step, step)]


def refusal(message: str, place: Place) -> NetlistError:
    """Return the error that says what is wrong at a place."""
    file, line = place
    return NetlistError(message, file=file, line=line)
