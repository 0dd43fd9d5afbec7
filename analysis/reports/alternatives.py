"""What other multipliers would do to the same layers, predicted from the traces alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.error_models import predict_errors
from analysis.measurement.layer_costs import relative_energy
from multipliers import Multiplier, Netlist, get, get_netlist, info, names
from torchapprox import LayerTrace


def alternatives(
    traces: Mapping[str, LayerTrace],
    multiplier: Multiplier,
    netlist: Netlist | None = None,
) -> pd.DataFrame:
    """Compare a multiplier with those of the package's library that have its ports and a netlist.

    Args:
        traces: Operands by layer name.
        multiplier: The multiplier.
        netlist: Its gates, if they are known; else its energy is NaN.

    Returns:
        One row per multiplier, the given one first: `name`, `error_to_signal`, the root mean square
        over the layers of their predicted error relative to the standard deviation of their output,
        and `relative_energy` of a multiplication.
    """
    rows = [_row(multiplier, traces, netlist)]
    for name in names():
        if info(name).has_netlist and name != multiplier.name:
            other = get(name)
            if (other.x_port, other.w_port) == (multiplier.x_port, multiplier.w_port):
                rows.append(_row(other, traces, get_netlist(name)))
    return pd.DataFrame(rows)


def error_to_signal(multiplier: Multiplier, traces: Mapping[str, LayerTrace]) -> float:
    """Root mean square over the layers of the error relative to the output's deviation.

    Mean and standard deviation of the error count alike; layers with a constant output are left
    out.

    Args:
        multiplier: The multiplier.
        traces: Operands by layer name.
    """
    squares = [
        (error.real_mean_per_output**2 + error.real_std_per_output**2)
        / traces[name].output_std ** 2
        for name, error in predict_errors(multiplier, traces).items()
        if traces[name].output_std > 0
    ]
    return float(np.sqrt(np.mean(squares))) if squares else float("nan")


def _row(
    multiplier: Multiplier, traces: Mapping[str, LayerTrace], netlist: Netlist | None
) -> dict[str, object]:
    signed = multiplier.x_port.signed
    energy = float("nan") if netlist is None else relative_energy(netlist, signed=signed)
    return {
        "name": multiplier.name,
        "error_to_signal": error_to_signal(multiplier, traces),
        "relative_energy": energy,
    }
