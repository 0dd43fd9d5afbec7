"""BLIF read into netlists, flat or a hierarchy of models and cells.

References:
    "Berkeley Logic Interchange Format (BLIF)", University of California, Berkeley, 1992.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from multipliers.bounded_file import read_text
from multipliers.formats.bit_names import group_bits
from multipliers.formats.blif_cells import cell_model, unknown_model
from multipliers.formats.blif_models import Instance, Model, parse_models, refusal
from multipliers.formats.covers import CoverGates
from multipliers.netlists.builder import NetlistBuilder, Place
from multipliers.netlists.netlist import Netlist
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_kind

_DEEPEST = 100
_MOST_INSTANCES = 1 << 16


def read_blif(path: str | Path, *, top: str | None = None) -> Netlist:
    """Read a BLIF file into a flat netlist.

    Read are models with ``.inputs``, ``.outputs``, ``.names`` with on-set or off-set rows,
    ``.subckt`` and ``.gate``; an instance is of a model of the file or of a cell of
    `library_cells`, among which are Yosys's own. Ports are put together from bits named ``a[0]``,
    ``a_0`` or ``a0``. Gates on which no output depends are left out.

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
    check_kind("file", file, str)
    if not text.strip():
        raise NetlistError("the file is empty", file=file)
    models = parse_models(text, file)
    model = _choose_top(models, top, file)
    builder = NetlistBuilder(model.name, file)
    _Flattener(builder, models).add_top(model)
    return builder.build()


def _choose_top(models: dict[str, Model], top: str | None, file: str) -> Model:
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
    models: dict[str, Model]
    gates: CoverGates = field(init=False)
    instances: int = 0

    def __post_init__(self) -> None:
        self.gates = CoverGates(self.builder)

    def add_top(self, model: Model) -> None:
        try:
            inputs, outputs = group_bits(model.inputs), group_bits(model.outputs)
        except ValueError as error:
            raise refusal(str(error), model.place) from None
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

    def _add(self, model: Model, path: str, nets: dict[str, int], above: tuple[str, ...]) -> None:
        """Add what a model consists of; `nets` has its inputs and gets its other nets."""

        def net(name: str, place: Place) -> int:
            if name not in nets:
                nets[name] = self.builder.net(path + name, place)
            return nets[name]

        if model.refused is not None:
            raise model.refused
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
            child = self.models.get(instance.model) or cell_model(instance.model)
            if child is None:
                raise unknown_model(instance.model, instance.place)
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

    def _check(self, instance: Instance, child: Model, above: tuple[str, ...]) -> None:
        """Raise an error for what an instance cannot be."""
        self.instances += 1
        if child.name in above:
            raise refusal(f"model '{child.name}' contains itself", instance.place)
        if len(above) >= _DEEPEST or self.instances > _MOST_INSTANCES:
            message = f"the file has more than {_DEEPEST} levels or {_MOST_INSTANCES} instances"
            raise refusal(message, instance.place)
        if (unknown := child.unknown_pin(instance.pins)) is not None:
            raise refusal(f"port '{unknown}' does not exist in '{child.name}'", instance.place)
