"""One multiplier per layer: value semantics, JSON, data frame, and what conversion makes of it."""

import json
import pickle
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import analysis
import torchapprox
from analysis import Assignment
from multipliers import Multiplier, exact_products, get
from torchapprox import get_approx_modules

COARSE, FINE = "mul8s_tm_k4", "mul8s_tm_k1"
ENERGIES = {COARSE: 0.25, FINE: 0.75}
MACS = {"0": 12, "2": 4, "unused": 99}


@pytest.fixture
def assignment():
    return Assignment({"0": get(COARSE), "2": get(FINE)})


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))


def altered(name):
    table = exact_products(True, True).copy()
    table[3, 5] += 1
    return Multiplier.from_lut(table, name=name)


def test_it_is_a_mapping_of_multipliers(assignment):
    assert dict(assignment) == {"0": get(COARSE), "2": get(FINE)}
    assert assignment.names == {"0": COARSE, "2": FINE}
    assert "1" not in assignment
    assert assignment.get("1") is None


def test_equality_and_hash_ignore_the_order_and_see_names_layers_and_tables(assignment):
    turned = Assignment({"2": get(FINE), "0": get(COARSE)})
    assert turned == assignment
    assert len({turned, assignment}) == 1
    others = [
        Assignment({"0": get(FINE), "2": get(COARSE)}),
        Assignment({"0": get(COARSE)}),
        Assignment({"0": get(COARSE), "3": get(FINE)}),
        Assignment({"0": get(COARSE), "2": altered(FINE)}),
    ]
    assert len({other.digest for other in [assignment, *others]}) == 5
    assert assignment != dict(assignment)


def test_it_cannot_be_changed(assignment):
    with pytest.raises(AttributeError, match="choices"):
        assignment.choices = ()
    changed = assignment.with_layer("2", get(COARSE))
    assert (changed.names, assignment.names["2"]) == ({"0": COARSE, "2": COARSE}, FINE)
    with pytest.raises(LookupError, match="no multiplier for layer '1'; it has '0', '2'"):
        assignment.with_layer("1", get(COARSE))


def test_uniform_and_distinct():
    uniform = Assignment.uniform(["b", "a"], get(FINE))
    assert uniform.names == {"b": FINE, "a": FINE}
    assert uniform.distinct == (get(FINE),)


def test_json_round_trip_holds_names_and_digests_only(assignment, tmp_path):
    text = assignment.to_json()
    content = json.loads(text)
    assert content["layers"] == {"0": COARSE, "2": FINE}
    assert content["tables_sha256"] == {COARSE: get(COARSE).digest, FINE: get(FINE).digest}
    assert Assignment.from_json(text) == assignment
    assignment.save(tmp_path / "chosen.json")
    assert Assignment.load(tmp_path / "chosen.json") == assignment
    assert pickle.loads(pickle.dumps(assignment)) == assignment


def test_own_multipliers_come_back_from_those_that_are_given():
    own = Assignment({"0": altered("own")})
    with pytest.raises(LookupError, match="'own'"):
        Assignment.from_json(own.to_json())
    assert Assignment.from_json(own.to_json(), multipliers=[altered("own")]) == own


def test_a_table_that_changed_is_noticed():
    text = Assignment({"0": altered("own")}).to_json()
    other = Multiplier.from_lut(exact_products(True, True), name="own")
    with pytest.raises(ValueError, match=r"'own' must have the table with SHA-256 \w{64}, as when"):
        Assignment.from_json(text, multipliers=[other])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: [content], "another header"),
        (lambda content: content | {"format": "else"}, "another header"),
        (lambda content: content | {"version": 2}, "of version 2, this program reads version 1"),
        (lambda content: content | {"layers": {"0": 3}}, "'layers' must map names to texts"),
        (lambda content: content | {"tables_sha256": {}}, "must have each multiplier"),
    ],
)
def test_damaged_json(assignment, change, message, tmp_path):
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(change(json.loads(assignment.to_json()))))
    with pytest.raises(ValueError, match=f"damaged.json: .*{message}"):
        Assignment.load(path)


def test_no_json():
    with pytest.raises(ValueError, match="not a readable assignment: Expecting value"):
        Assignment.from_json("")


def test_energy_is_the_mean_by_multiplications(assignment):
    assert assignment.relative_energy(ENERGIES, MACS) == 0.25 * 0.75 + 0.75 * 0.25
    by_layer = pd.DataFrame({FINE: [0.5, 0.7], COARSE: [0.1, 0.2]}, index=["2", "0"])
    assert assignment.relative_energy(by_layer, MACS) == pytest.approx(0.75 * 0.2 + 0.25 * 0.5)


def test_frame(assignment):
    assert list(assignment.frame()) == ["layer", "multiplier", "table_sha256"]
    frame = assignment.frame(macs=MACS, energies=ENERGIES)
    assert frame["macs"].tolist() == [12, 4]
    assert frame["mac_share"].tolist() == [0.75, 0.25]
    assert frame["relative_energy"].tolist() == [0.25, 0.75]
    assert frame["energy_share"].tolist() == [0.5, 0.5]
    assert frame["table_sha256"].tolist() == [get(COARSE).digest, get(FINE).digest]


@pytest.mark.parametrize(
    ("energies", "macs", "error", "message"),
    [
        ({COARSE: 0.5}, MACS, LookupError, f"every multiplier, lacks {FINE}"),
        (pd.DataFrame({COARSE: [1.0], FINE: 1.0}, index=["0"]), MACS, LookupError, "lacks 2"),
        (ENERGIES | {FINE: np.nan}, MACS, ValueError, "finite and not negative, got nan"),
        (ENERGIES | {FINE: -0.5}, MACS, ValueError, "finite and not negative, got -0.5"),
        (ENERGIES, {"0": 3}, LookupError, "'macs' must hold every layer, lacks 2"),
        (ENERGIES, {"0": 0, "2": 0}, ValueError, "counts that are not all 0"),
    ],
)
def test_costs_that_do_not_fit(assignment, energies, macs, error, message):
    with pytest.raises(error, match=message):
        assignment.relative_energy(energies, macs)


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({}, ValueError, "at least one layer"),
        ({3: get(FINE)}, TypeError, "named by str, got int"),
        ({"0": None}, TypeError, "layer '0' must have a Multiplier, got NoneType"),
        ([("0", get(FINE)), ("0", get(FINE))], ValueError, "layer '0' must occur once"),
        ({"0": get(FINE), "1": altered(FINE)}, ValueError, f"share the name '{FINE}'"),
    ],
)
def test_choices_that_are_none(choices, error, message):
    with pytest.raises(error, match=message):
        Assignment(choices)


def test_approximate_takes_it(assignment, network):
    torchapprox.approximate(network, assignment, calibration=[torch.randn(16, 4)])
    assert [layer.multiplier.name for _, layer in get_approx_modules(network)] == [COARSE, FINE]
    turned = Assignment({"0": get(FINE), "2": get(COARSE)})
    torchapprox.approximate(network, turned)
    assert [layer.multiplier.name for _, layer in get_approx_modules(network)] == [FINE, COARSE]


def test_approximate_leaves_no_layer_exact_silently(network):
    with pytest.raises(LookupError, match="no multiplier for layer '2'; it has '0'"):
        torchapprox.approximate(network, Assignment({"0": get(FINE)}))
    assert get_approx_modules(network) == []
    only_first = Assignment({"0": get(FINE)})
    torchapprox.approximate(network, only_first, exclude=["2"])
    assert [layer.multiplier.name for _, layer in get_approx_modules(network)] == [FINE]


def test_approximate_refuses_a_layer_that_is_not_there(assignment, network):
    with pytest.raises(LookupError, match="'multiplier': 'head' matches no layer"):
        torchapprox.approximate(network, Assignment({**assignment, "head": get(FINE)}))


def test_approximate_takes_names_and_a_mapping_with_a_default(network):
    torchapprox.approximate(network, {"0": COARSE})
    assert [layer.product_table.name for _, layer in get_approx_modules(network)] == [
        COARSE, "exact",
    ]  # fmt: skip
    torchapprox.approximate(network, defaultdict(lambda: FINE, {"0": COARSE}))
    assert [layer.multiplier.name for _, layer in get_approx_modules(network)] == [COARSE, FINE]
    with pytest.raises(LookupError, match="no multiplier is called 'mul8s_tm_k11'"):
        torchapprox.approximate(network, "mul8s_tm_k11")


def test_the_package_exports_it():
    assert analysis.Assignment is Assignment
