"""Several multipliers side by side: error figures and cost, and the Pareto front of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

import pandas as pd

from multipliers import Cost, MredConvention, Multiplier, characterise
from multipliers.population import Weights


def comparison_frame(
    multipliers: Iterable[Multiplier],
    *,
    weights: Weights = None,
    costs: Mapping[str, Cost] | None = None,
    mred: MredConvention = "skip-zero",
) -> pd.DataFrame:
    """Return one row per multiplier: name, error figures and, where known, cost.

    Args:
        multipliers: The multipliers.
        weights: How often each pair of codes occurs, as `multipliers.characterise` takes it; all
            pairs alike if None. The joint counts of a trace fit.
        costs: Cost by multiplier name, from `multipliers.circuit_cost`; NaN where there is none.
        mred: Convention of the mean relative error.

    Returns:
        Columns `name`, the fields of `multipliers.ErrorFigures`, and with `costs` also
        `live_gates`, `area`, `area_unit`, `power`, `power_unit`, `delay`, `delay_unit`,
        `area_unit_gates` and `energy_unit_gates`.

    Raises:
        ValueError: If there is no multiplier, or `weights` do not fit one.

    Examples:
        >>> from multipliers import get
        >>> frame = comparison_frame([get("drum4"), get("drum6")])
        >>> frame[["name", "mae"]]
                  name         mae
        0  mul8u_drum4  925.858276
        1  mul8u_drum6  232.830505
    """
    rows = []
    for multiplier in multipliers:
        row: dict[str, object] = {"name": multiplier.name}
        row |= asdict(characterise(multiplier, mred=mred, weights=weights))
        if costs is not None:
            row |= _cost_columns(costs.get(multiplier.name))
        rows.append(row)
    if not rows:
        raise ValueError("'multipliers' must hold at least one multiplier, got none")
    return pd.DataFrame(rows)


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

    Examples:
        >>> frame = pd.DataFrame({"name": list("abcd"), "mae": [0, 5, 7, 9], "area": [9, 4, 5, 1]})
        >>> pareto_front(frame, "mae", "area")["name"].tolist()
        ['d', 'b', 'a']
    """
    for column in (error, cost):
        if column not in frame:
            raise LookupError(f"no column {column!r}; there are {', '.join(map(str, frame))}")
    known = frame.dropna(subset=[error, cost])
    known = known.assign(_error=known[error].abs().astype(float))
    known = known.sort_values([cost, "_error"], kind="stable")
    # A row is on the front if it has less error than every cheaper one, or equals the last such.
    least_of_cheaper = known.groupby(cost)["_error"].min().cummin().shift(fill_value=float("inf"))
    least_of_equal = known.groupby(cost)["_error"].transform("min")
    keeps = (known["_error"] == least_of_equal) & (
        known["_error"] < known[cost].map(least_of_cheaper)
    )
    return known[keeps].drop(columns="_error")


def _cost_columns(cost: Cost | None) -> dict[str, object]:
    if cost is None:
        return {}
    columns: dict[str, object] = {"live_gates": cost.live_gates}
    for name in ("area", "power", "delay"):
        figure = getattr(cost, name)
        columns |= {name: figure.value, f"{name}_unit": f"{figure.unit} ({figure.source})"}
    return columns | {
        "area_unit_gates": cost.area_unit_gates,
        "energy_unit_gates": cost.energy_unit_gates,
    }
