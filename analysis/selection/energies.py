"""What a multiplication costs on each multiplier, relative to an exact one, and in which layer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cosimulation.operand_stream import OperandStream
from analysis.cosimulation.stream_energy import operand_energy
from multipliers import UNIT_GATES, CellTable, Cost, Netlist, circuit_cost
from multipliers.netlists.netlist import check_netlist
from multipliers.parameters import check_kind, check_number

Energies = Mapping[str, float] | pd.DataFrame
"""Relative energy by multiplier, or for each layer (row) and multiplier (column)."""


def energy_matrix(
    energies: Energies, layers: Sequence[str], multipliers: Sequence[str]
) -> NDArray[np.float64]:
    """Return the relative energy of a multiplication for layers and multipliers.

    Args:
        energies: By multiplier, or by layer and multiplier where it depends on the data.
        layers: Names of layers.
        multipliers: Names of multipliers.

    Returns:
        Float64 `(layers, multipliers)`.

    Raises:
        LookupError: If a layer or multiplier is missing.
        ValueError: If an energy is negative or not finite.

    Examples:
        >>> energy_matrix({"a": 0.5, "b": 1.0}, ["conv", "linear"], ["b"])
        array([[1.],
               [1.]])
    """
    check_kind("energies", energies, Mapping | pd.DataFrame)
    if isinstance(energies, pd.DataFrame):
        _check_known("layer", layers, energies.index)
        _check_known("multiplier", multipliers, energies.columns)
        matrix = energies.loc[list(layers), list(multipliers)].to_numpy(np.float64)
    else:
        _check_known("multiplier", multipliers, energies)
        row = np.array([energies[name] for name in multipliers], np.float64)
        matrix = np.tile(row, (len(layers), 1))
    if not (np.isfinite(matrix) & (matrix >= 0)).all():
        worst = matrix[~(np.isfinite(matrix) & (matrix >= 0))][0]
        raise ValueError(f"'energies' must be finite and not negative, got {worst}")
    return matrix


def mac_shares(layers: Iterable[str], macs: Mapping[str, int]) -> NDArray[np.float64]:
    """Return each layer's share of the multiplications of some layers, float64 `(L,)`.

    Args:
        layers: Names of the layers.
        macs: Multiplications by layer; may hold others.

    Raises:
        LookupError: If a layer is missing.
        ValueError: If a count is negative, or there are no multiplications.

    Examples:
        >>> mac_shares(["a", "b"], {"a": 3, "b": 1, "c": 5})
        array([0.75, 0.25])
    """
    layers = list(layers)
    missing = [layer for layer in layers if layer not in macs]
    if missing:
        raise LookupError(f"'macs' must hold every layer, lacks {', '.join(missing)}")
    counts = np.array([macs[layer] for layer in layers], np.float64)
    if (counts < 0).any() or not counts.sum() > 0:
        raise ValueError(f"'macs' must be counts that are not all 0, got {counts.tolist()}")
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _check_known(kind: str, names: Sequence[str], known: Iterable[object]) -> None:
    missing = sorted(set(names) - {str(name) for name in known})
    if missing:
        raise LookupError(f"'energies' must hold every {kind}, lacks {', '.join(missing)}")


def relative_energies(
    costs: Mapping[str, Netlist | Cost | float], *, exact: Netlist | Cost | float
) -> dict[str, float]:
    """Return the energy of a multiplication on each multiplier, relative to an exact one.

    Args:
        costs: By name of the multiplier: its gates, whose energy is estimated
            (`multipliers.circuit_cost`); a cost, of which `multipliers.Cost.power` counts, the
            published figure where there is one; or a figure in any unit.
        exact: The exact multiplier's, likewise.

    Returns:
        Relative energy by name.

    Raises:
        ValueError: If a figure is in another unit or from another source than the exact one's, is
            negative, or the exact one's is 0.

    Examples:
        >>> from multipliers import get_netlist
        >>> netlists = {name: get_netlist(name) for name in ("mul8s_array", "mul8s_tm_k3")}
        >>> found = relative_energies(netlists, exact=netlists["mul8s_array"])
        >>> {name: round(energy, 3) for name, energy in found.items()}
        {'mul8s_array': 1.0, 'mul8s_tm_k3': 0.342}
        >>> relative_energies({"a": 0.2}, exact=0.4)
        {'a': 0.5}
    """
    check_kind("costs", costs, Mapping)
    reference, unit = _figure("exact", exact)
    if not reference > 0:
        raise ValueError(f"'exact' must have an energy above 0, got {reference}")
    energies = {}
    for name, cost in costs.items():
        value, own = _figure(name, cost)
        if own != unit:
            raise ValueError(f"{name!r} must have its energy in {unit}, as 'exact', got {own}")
        if not value >= 0:
            raise ValueError(f"{name!r} must have an energy of at least 0, got {value}")
        energies[name] = value / reference
    return energies


def energies_on_operands(
    netlists: Mapping[str, Netlist],
    streams: Mapping[str, OperandStream],
    *,
    exact: Netlist,
    cells: CellTable = UNIT_GATES,
) -> pd.DataFrame:
    """Return the energy of a multiplication on each layer's operands, relative to an exact one.

    Args:
        netlists: The circuits by name.
        streams: Operands by the layer's name in the float model; see `analysis.record_stream`.
        exact: The exact circuit, on the same operands.
        cells: Energy of each cell.

    Returns:
        One row per layer, one column per multiplier.

    Raises:
        ValueError: As `analysis.operand_energy`, or if the exact circuit takes no energy for a
            layer, whose operands are then all equal.

    Examples:
        >>> from multipliers import get_netlist
        >>> rng = np.random.default_rng(0)
        >>> operands = rng.integers(0, 256, (2, 1000)).astype(np.uint8)
        >>> netlists = {"mul8u_tm_k3": get_netlist("mul8u_tm_k3")}
        >>> array = get_netlist("mul8u_array")
        >>> streams = {"conv": OperandStream(*operands), "linear": OperandStream(*operands // 8)}
        >>> frame = energies_on_operands(netlists, streams, exact=array)
        >>> bool(frame.loc["linear", "mul8u_tm_k3"] < frame.loc["conv", "mul8u_tm_k3"] < 1)
        True
    """
    check_kind("netlists", netlists, Mapping)
    check_kind("streams", streams, Mapping)
    check_netlist("exact", exact)
    rows = {}
    for layer, stream in streams.items():
        reference = operand_energy(exact, stream, cells=cells).energy_per_multiplication
        if not reference > 0:
            raise ValueError(f"the operands of layer {layer!r} must not all be equal")
        rows[layer] = {
            name: operand_energy(netlist, stream, cells=cells).energy_per_multiplication / reference
            for name, netlist in netlists.items()
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _figure(name: str, cost: Netlist | Cost | float) -> tuple[float, str]:
    """Return a figure with its unit and source."""
    if isinstance(cost, Netlist):
        cost = circuit_cost(cost)
    if isinstance(cost, Cost):
        return cost.power.value, f"{cost.power.unit} ({cost.power.source})"
    return check_number(name, cost, most=math.inf), "the unit of a number"
