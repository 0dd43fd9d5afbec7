"""Comparison of multipliers and the Pareto front, against its definition pair by pair."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.characterisation.data_sheet import Conditions, data_sheet
from analysis.characterisation.multiplier_frame import comparison_frame, pareto_front
from multipliers import characterise, circuit_cost, get, get_netlist
from multipliers.library import PublishedFigures


def test_one_row_per_multiplier_with_what_is_known_of_it():
    frame = comparison_frame([get("drum4"), get_netlist("mul8s_bam_h0_v8")])
    assert frame["name"].tolist() == ["mul8u_drum4", "mul8s_bam_h0_v8"]
    assert frame["w_port"].tolist() == ["unsigned 8-bit (0..255)", "signed 8-bit (-128..127)"]
    for row, name in enumerate(frame["name"]):
        figures = characterise(get(name))
        for figure in ("error_mean", "error_std", "mae", "wce", "mred", "error_rate", "mse"):
            assert frame.loc[row, figure] == getattr(figures, figure)
    cost = circuit_cost(get_netlist("mul8s_bam_h0_v8"))
    assert frame["energy_unit_gates"].isna().tolist() == [True, False]
    assert frame.loc[1, "energy_unit_gates"] == frame.loc[1, "power"] == cost.energy_unit_gates
    assert frame.loc[1, "area_unit"] == "unit gates"
    assert "cell_area" not in frame
    assert "mae_standard_error" not in frame


def test_conditions_reach_every_row():
    counts = np.zeros((256, 256), dtype=int)
    counts[200, 100], counts[3, 7] = 3, 1
    frame = comparison_frame(
        [get("drum4"), get("mitchell")], conditions=Conditions(weights=counts, mred="max-one")
    )
    expected = [
        characterise(get(name), weights=counts, mred="max-one") for name in ("drum4", "mitchell")
    ]
    assert frame["mae"].tolist() == [figures.mae for figures in expected]
    assert frame["mred_convention"].tolist() == ["max-one"] * 2


def test_published_cost_wins_and_is_labelled():
    published = PublishedFigures(power_mw=0.4, area_um2=700.0)
    sheet = data_sheet(get_netlist("mul8u_array"), published=published)
    frame = comparison_frame([sheet])
    assert frame.loc[0, ["power", "power_unit"]].tolist() == [0.4, "mW (published)"]
    assert frame.loc[0, ["area", "area_unit"]].tolist() == [700.0, "um2 (published)"]
    assert frame.loc[0, "delay_unit"] == "unit-gate delays"
    assert frame.loc[0, "area_unit_gates"] == 424


def test_two_circuits_of_one_name_keep_their_own_cost():
    first, second = get_netlist("mul8u_array"), get_netlist("mul8u_bam_h0_v4")
    sheets = [data_sheet(netlist) for netlist in (first, second)]
    frame = comparison_frame([*sheets, *sheets[::-1]])
    assert frame["live_gates"].tolist() == [176, 154, 154, 176]


def test_nothing_to_compare():
    with pytest.raises(ValueError, match="at least one multiplier, got none"):
        comparison_frame([])


def naive_front(errors, costs):
    pairs = [(abs(error), cost) for error, cost in zip(errors, costs, strict=True)]
    return [
        row
        for row, (error, cost) in enumerate(pairs)
        if not any((e <= error and c <= cost and (e < error or c < cost)) for e, c in pairs)
    ]


FEW = st.integers(-4, 4)


@given(st.lists(st.tuples(FEW, FEW), min_size=1, max_size=12), st.booleans())
def test_front_against_its_definition(rows, same_index):
    errors, costs = zip(*rows, strict=True)
    index = [0] * len(rows) if same_index else [f"r{row}" for row in range(len(rows))]
    frame = pd.DataFrame({"row": range(len(rows)), "e": errors, "c": costs}, index=index)
    front = pareto_front(frame, "e", "c")
    assert sorted(front["row"]) == naive_front(errors, costs)
    assert front["c"].is_monotonic_increasing
    assert front["e"].abs().is_monotonic_decreasing


def test_front_leaves_out_what_is_not_known():
    frame = pd.DataFrame({"mae": [0.0, 1.0, np.nan, 3.0], "area": [np.nan, 5, 1, 2]})
    assert pareto_front(frame, "mae", "area").index.tolist() == [3, 1]


def test_front_of_wrong_columns():
    frame = pd.DataFrame({"name": ["a"], "mae": [1.0], "power": [2.0]})
    with pytest.raises(LookupError, match=r"no column 'area'; there are name, mae, power"):
        pareto_front(frame, "mae", "area")
    with pytest.raises(TypeError, match="column 'name' must hold numbers"):
        pareto_front(frame, "name", "power")


def test_front_of_costs_in_different_units():
    published = PublishedFigures(power_mw=0.4)
    frame = comparison_frame(
        [
            data_sheet(get_netlist("mul8u_array"), published=published),
            data_sheet(get_netlist("mul8u_udm")),
        ]
    )
    with pytest.raises(ValueError, match=r"'power' must be of one unit, got mW \(published\), "):
        pareto_front(frame, "mae", "power")
    assert len(pareto_front(frame, "mae", "energy_unit_gates")) == 2
