"""Several multipliers side by side: error figures and cost, and the Pareto front of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby

import numpy as np
import pandas as pd

from analysis.characterisation.data_sheet import UNIFORM, Conditions, DataSheet, data_sheet
from multipliers import UNIT_GATES, Cost, Multiplier, Netlist
from multipliers.parameters import check_kind


def comparison_frame(
    multipliers: Iterable[DataSheet | Multiplier | Netlist], *, conditions: Conditions = UNIFORM
) -> pd.DataFrame:
    """Return one row per multiplier: name, ports, error figures and, where known, cost.

    Args:
        multipliers: Data sheets, or multipliers or gates of which they are made.
        conditions: What the figures of multipliers and gates hold for; data sheets have their own.

    Returns:
        Columns `name`, `x_port`, `w_port`, the fields of `multipliers.ErrorFigures`, where one is
        a sample's also `mae_standard_error` and so on, and where there is a cost `live_gates`,
        `depth_gates`, `area`, `area_unit`, `power`, `power_unit`, `delay`, `delay_unit` (the best
        figures there are, with their source), `area_unit_gates`, `energy_unit_gates`,
        with a cell table `cell_area` and `cell_energy`, with a stream `energy_on_operands`.
        What is not known is NaN.

    Raises:
        ValueError: If there is no multiplier, or the conditions do not fit one.

    Examples:
        >>> from multipliers import get, get_netlist
        >>> frame = comparison_frame([get("drum4"), get_netlist("mul8u_bam_h0_v4")])
        >>> frame[["name", "mae", "live_gates"]]
                      name         mae  live_gates
        0      mul8u_drum4  925.858276         NaN
        1  mul8u_bam_h0_v4   12.250000       154.0
    """
    check_kind("multipliers", multipliers, Iterable)
    sheets = [
        one if isinstance(one, DataSheet) else data_sheet(one, conditions=conditions)
        for one in multipliers
    ]
    if not sheets:
        raise ValueError("'multipliers' must hold at least one multiplier, got none")
    return pd.DataFrame([_row(sheet) for sheet in sheets])


def pareto_front(frame: pd.DataFrame, error: str, cost: str) -> pd.DataFrame:
    """Return the rows that no other row beats: none has less error at no more cost, or the reverse.

    Rows that are equal in both stay together. Rows with a missing figure are left out.

    Args:
        frame: One row per multiplier, as `comparison_frame` makes it.
        error: Column of the error; its magnitude counts.
        cost: Column of the cost.

    Returns:
        The front, by ascending cost, with the index of `frame`.

    Raises:
        LookupError: If there is no such column.
        TypeError: If a column holds no numbers.
        ValueError: If the costs are of several units, as published and computed ones are.

    Examples:
        >>> frame = pd.DataFrame({"name": list("abcd"), "mae": [0, 5, 7, 9], "area": [9, 4, 5, 1]})
        >>> pareto_front(frame, "mae", "area")["name"].tolist()
        ['d', 'b', 'a']
    """
    check_kind("frame", frame, pd.DataFrame)
    check_kind("error", error, str)
    check_kind("cost", cost, str)
    for column in (error, cost):
        if column not in frame:
            raise LookupError(f"no column {column!r}; there are {', '.join(map(str, frame))}")
        if not pd.api.types.is_numeric_dtype(frame[column]):
            raise TypeError(f"column {column!r} must hold numbers, got {frame[column].dtype}")
    known = frame.dropna(subset=[error, cost])
    unit = f"{cost}_unit"
    if unit in known and known[unit].nunique() > 1:
        units = ", ".join(sorted(known[unit].unique()))
        raise ValueError(
            f"column {cost!r} must be of one unit, got {units}; choose rows by {unit!r}, or a cost "
            "that all have, such as 'energy_unit_gates'"
        )
    errors, costs = np.abs(known[error].to_numpy(float)), known[cost].to_numpy(float)
    front: list[int] = []
    least = np.inf
    for _, equally_dear in groupby(np.lexsort((errors, costs)).tolist(), key=costs.__getitem__):
        first, *others = equally_dear
        if errors[first] < least:
            least = errors[first]
            front += [first, *(row for row in others if errors[row] == least)]
    return known.iloc[front]


def _row(sheet: DataSheet) -> dict[str, object]:
    row: dict[str, object] = {
        "name": sheet.name,
        "x_port": str(sheet.x_port),
        "w_port": str(sheet.w_port),
        **asdict(sheet.figures),
    }
    if sheet.standard_errors is not None:
        errors = asdict(sheet.standard_errors)
        row |= {f"{name}_standard_error": value for name, value in errors.items()}
    if sheet.cost is not None:
        row |= _cost_columns(sheet.cost)
    if sheet.energy_on_operands is not None:
        row["energy_on_operands"] = sheet.energy_on_operands
    return row


def _cost_columns(cost: Cost) -> dict[str, object]:
    columns: dict[str, object] = {"live_gates": cost.live_gates, "depth_gates": cost.depth_gates}
    for name in ("area", "power", "delay"):
        figure = getattr(cost, name)
        source = "" if figure.source == UNIT_GATES.name else f" ({figure.source})"
        columns |= {name: figure.value, f"{name}_unit": figure.unit + source}
    columns |= {
        "area_unit_gates": cost.area_unit_gates,
        "energy_unit_gates": cost.energy_unit_gates,
    }
    if cost.cells is not None:
        columns |= {"cell_area": cost.cell_area, "cell_energy": cost.cell_energy}
    return columns
