"""What a multiplier does to a model, from traces and measurements: all that a report explains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd
from torch import nn

from analysis.measurement.comparison import LayerComparison, compare_layers, compare_models
from analysis.measurement.layer_costs import LayerCost, layer_costs, relative_energy
from analysis.measurement.measure import measure_errors
from analysis.measurement.tracing import trace_batches
from analysis.noise import NoiseParameters, noise_parameters
from analysis.reports.alternatives import alternatives
from multipliers import Multiplier, Netlist
from multipliers.multiplier import check_multiplier
from multipliers.netlists.netlist import check_netlist
from torchapprox import InferenceMode, LayerTrace
from torchapprox.batches import several
from torchapprox.conversion.wrapping import float_name

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What one multiplier does to a model, by layers named as in the float model.

    Attributes:
        multiplier: The multiplier.
        traces: Operands of the layers.
        layers: Predicted and measured error of the layers.
        costs: Multiplications and energy of the layers.
        predictions: Every error model's prediction, as `analysis.compare` makes it.
        alternatives: What other multipliers would do, from `analysis.reports.alternatives`.
        noise: Noise of NOISE mode, from the operands that the layers have behind others that err,
            by the layers' names in the converted model.
    """

    multiplier: Multiplier
    traces: Mapping[str, LayerTrace]
    layers: tuple[LayerComparison, ...]
    costs: tuple[LayerCost, ...]
    predictions: pd.DataFrame
    alternatives: pd.DataFrame
    noise: Mapping[str, NoiseParameters]


def explain(
    model: nn.Module,
    multiplier: Multiplier,
    calibration: Iterable[Any],
    evaluation: Iterable[Any],
    *,
    netlist: Netlist | None = None,
) -> Explanation:
    """Trace a model, predict what a multiplier does to each layer, and measure it.

    Args:
        model: A converted model whose layers hold the multiplier.
        multiplier: The multiplier.
        calibration: Batches to predict from.
        evaluation: Other batches, to measure on.
        netlist: The multiplier's gates, if they are known, for its energy.

    Raises:
        ValueError: If there is no batch, or the multiplier's ports do not take a layer's operands.

    Examples:
        >>> import torch, torchapprox
        >>> from multipliers import get, get_netlist
        >>> model, x = nn.Sequential(nn.Linear(4, 3)), torch.rand(64, 4)
        >>> name = "mul8s_tm_k3"
        >>> _ = torchapprox.approximate(model, get(name), calibration=[x])
        >>> found = explain(model, get(name), [x], [x], netlist=get_netlist(name))
        >>> found.layers[0].name, f"{found.layers[0].std_ratio:.3f}", found.costs[0].macs
        ('0', '1.000', 12)
    """
    check_multiplier("multiplier", multiplier)
    if netlist is not None:
        check_netlist("netlist", netlist)
    batches = list(several(calibration, "calibration"))
    evaluation = several(evaluation, "evaluation")
    traces = by_float_name(trace_batches(model, batches))
    behind_errors = trace_batches(model, batches, mode=InferenceMode.APPROXIMATE)
    measured = by_float_name(measure_errors(model, multiplier, evaluation))
    energies = {}
    if netlist is not None:
        signed = multiplier.x_port.signed
        energies[multiplier.name] = relative_energy(netlist, signed=signed)
    return Explanation(
        multiplier=multiplier,
        traces=traces,
        layers=compare_layers(multiplier, traces, measured),
        costs=layer_costs(model, energies),
        predictions=compare_models(multiplier, traces, measured),
        alternatives=alternatives(traces, multiplier, netlist),
        noise=noise_parameters(multiplier, behind_errors),
    )


def by_float_name(layers: Mapping[str, Value]) -> dict[str, Value]:
    """Name layers as in the float model, without the wrapper that the conversion put around them.

    Examples:
        >>> by_float_name({"features.0.wrapped": 1})
        {'features.0': 1}
    """
    return {float_name(name): value for name, value in layers.items()}
