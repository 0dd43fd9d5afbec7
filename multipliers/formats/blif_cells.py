"""Library cells as BLIF models, made of the Verilog that defines them for every format."""

from __future__ import annotations

import re
from functools import cache

from multipliers.formats.blif_models import Cover, Model, refusal
from multipliers.formats.covers import COVERS
from multipliers.formats.verilog import parse_verilog
from multipliers.formats.verilog_cells import CELLS, library_cells
from multipliers.netlists.builder import Place
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import Netlist
from multipliers.netlists.netlist_error import NetlistError


@cache
def cell_model(name: str) -> Model | None:
    """Return the model of a library cell, None if there is no cell of that name.

    Args:
        name: Name of the cell, such as ``$_NAND_``.

    Examples:
        >>> model = cell_model("$_NAND_")
        >>> model.inputs, model.outputs, cell_model("$mul")
        (['A', 'B'], ['Y'], None)
    """
    if name not in _cell_names():
        return None
    return _model(parse_verilog(library_cells(), top=name, file=CELLS.name))


def unknown_model(name: str, place: Place) -> NetlistError:
    """Return the error for an instance of what neither the file nor the library defines."""
    if name.startswith("$"):
        advice = "a cell of Yosys for words or memory: run 'synth' before 'write_blif'"
    else:
        advice = (
            f"neither this file nor the package's {CELLS.name} defines it: add the model of the "
            "cell to the file, and name the top with top= or --top"
        )
    return refusal(f"unknown model '{name}'; {advice}", place)


@cache
def _cell_names() -> frozenset[str]:
    return frozenset(re.findall(r"^module \\?([^\s(]+)", library_cells(), re.MULTILINE))


def _model(netlist: Netlist) -> Model:
    """Return a circuit whose ports are one bit wide as a model with a cover for each gate."""
    place = (CELLS.name, 1)
    nets = {bus.nets[0]: bus.name for bus in netlist.inputs}
    covers = []
    for net, (op, fan_in) in enumerate(
        zip(netlist.op.tolist(), netlist.fan_in.tolist(), strict=True), start=netlist.first_gate
    ):
        nets[net] = f"n{net}"
        names = [*(nets[source] for source in fan_in[: Op(op).arity]), nets[net]]
        covers.append(Cover(names, place, list(COVERS[Op(op)])))
    aliases = [Cover([nets[bus.nets[0]], bus.name], place) for bus in netlist.outputs]
    inputs, outputs = ([bus.name for bus in ports] for ports in (netlist.inputs, netlist.outputs))
    return Model(netlist.name, place, inputs, outputs, covers, aliases)
