"""How many multiplications each layer of a model computes, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from multipliers import Netlist, circuit_cost, get_netlist
from torchapprox.conversion.summary import summarise
from torchapprox.conversion.wrapping import float_name


@dataclass(frozen=True, slots=True)
class LayerCost:
    """What one layer multiplies.

    Attributes:
        name: The layer's name in the float model.
        type: Name of the layer's type.
        fan_in: Products in one output; None if it is not known.
        parameters: Number of weights.
        macs: Multiplications for one sample.
        mac_share: Share of the model's multiplications.
        multiplier: Name of the layer's multiplier.
        relative_energy: Energy of a multiplication relative to an exact one; NaN if not known.
        energy_share: Share of the model's energy for multiplications; NaN if not known.
    """

    name: str
    type: str
    fan_in: int | None
    parameters: int
    macs: int
    mac_share: float
    multiplier: str
    relative_energy: float
    energy_share: float


def layer_costs(
    model: nn.Module, energies: Mapping[str, float] | None = None
) -> tuple[LayerCost, ...]:
    """Count the multiplications of a model that has run, layer by layer.

    Args:
        model: A converted model after a forward pass, whose input's size decides.
        energies: Relative energy of a multiplication by multiplier name, from `relative_energy`.

    Returns:
        Layers that multiplied, in the model's order.

    Raises:
        ValueError: If no layer has run.

    Examples:
        >>> import torch, torchapprox
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 4))
        >>> _ = torchapprox.approximate(model, calibration=[torch.rand(64, 4)])
        >>> [(cost.name, cost.macs, cost.mac_share) for cost in layer_costs(model)]
        [('0', 12, 0.5), ('2', 12, 0.5)]
    """
    energies = energies or {}
    rows = [(row, row.macs) for row in summarise(model, ran=True).layers if row.macs]
    if not rows:
        raise ValueError("'model' must have run, so that the size of its layers' inputs is known")
    macs = sum(count for _, count in rows)
    energy = {row.name: n * energies.get(row.multiplier, float("nan")) for row, n in rows}
    total = sum(energy.values())
    return tuple(
        LayerCost(
            name=float_name(row.name),
            type=row.type,
            fan_in=row.fan_in,
            parameters=row.parameters,
            macs=count,
            mac_share=count / macs,
            multiplier=row.multiplier,
            relative_energy=energies.get(row.multiplier, float("nan")),
            energy_share=energy[row.name] / total if total else float("nan"),
        )
        for row, count in rows
    )


def relative_energy(netlist: Netlist, *, signed: bool) -> float:
    """Energy of a multiplication on a circuit, relative to an exact array multiplier's.

    Both in unit gates and their switching activity; see `multipliers.circuit_cost`.

    Args:
        netlist: The circuit.
        signed: Whether to compare with the signed array.

    Examples:
        >>> relative_energy(get_netlist("mul8s_array"), signed=True)
        1.0
    """
    exact = circuit_cost(get_netlist("mul8s_array" if signed else "mul8u_array"))
    return circuit_cost(netlist).energy_unit_gates / exact.energy_unit_gates
