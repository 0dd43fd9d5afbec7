"""Choices against all choices that there are, and how the methods relate."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from analysis import ChoiceTable, select
from analysis.selection.integer_program import cheapest
from multipliers import get

SEEDS = range(12)


def all_choices(table, distinct=None):
    columns = range(len(table.multipliers))
    for choice in itertools.product(columns, repeat=len(table.layers)):
        if distinct is None or len(set(choice)) <= distinct:
            yield choice


def total(values, choice):
    """Add up in plain Python."""
    return sum(float(values[row, column]) for row, column in enumerate(choice))


def least(table, objective, bounded, most, distinct=None):
    """The least objective within a bound, and the least of the bounded figure at it."""
    found = [
        (round(total(objective, choice), 12), total(bounded, choice))
        for choice in all_choices(table, distinct)
        if total(bounded, choice) <= most
    ]
    return min(found, default=None)


def bound_of(table, seed, values):
    rng = np.random.default_rng(seed)
    low, high = values.min(axis=1).sum(), values.max(axis=1).sum()
    return float(low + rng.uniform(0.02, 0.6) * (high - low))


@pytest.mark.parametrize("distinct", [None, 1, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_integer_program_is_exact(random_table, seed, distinct):
    table = random_table(seed, 1 + seed % 4, integers=seed % 3 == 0)
    for objective, bounded, argument in (
        (table.energy, table.loss, "max_loss"),
        (table.loss, table.energy, "max_energy"),
    ):
        most = bound_of(table, seed, bounded)
        best = least(table, objective, bounded, most, distinct)
        if best is None:
            with pytest.raises(ValueError, match=f"no choice by milp keeps '{argument}'"):
                select(table, distinct=distinct, **{argument: most})
            continue
        choices = table.choices(select(table, distinct=distinct, **{argument: most}))
        assert total(objective, choices) == pytest.approx(best[0], abs=1e-9)
        assert total(bounded, choices) == pytest.approx(best[1], rel=1e-9)
        assert total(bounded, choices) <= most
        assert distinct is None or len(set(choices)) <= distinct


@pytest.mark.parametrize("method", ["greedy", "matching"])
@pytest.mark.parametrize("distinct", [None, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_method_beats_the_integer_program(random_table, seed, distinct, method):
    table = random_table(seed, 1 + seed % 5)
    tolerances = dict(zip(table.layers, np.random.default_rng(seed).random(5), strict=False))
    for argument, bounded, other in (
        ("max_loss", table.predicted_loss, table.relative_energy),
        ("max_energy", table.relative_energy, table.predicted_loss),
    ):
        values = table.loss if argument == "max_loss" else table.energy
        options = {argument: bound_of(table, seed, values), "distinct": distinct}
        try:
            found = select(table, method=method, tolerances=tolerances, **options)
        except ValueError as error:
            assert f"no choice by {method} keeps" in str(error)  # noqa: PT017
            continue
        assert bounded(found) <= options[argument]
        assert distinct is None or len(found.distinct) <= distinct
        assert other(select(table, **options)) <= other(found) + 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_greedy_keeps_every_bound_that_can_be_kept(random_table, seed):
    table = random_table(seed, 4)
    least_loss, least_energy = table.loss.min(axis=1).sum(), table.energy.min(axis=1).sum()
    most_exact = select(table, method="greedy", max_loss=float(least_loss))
    assert table.predicted_loss(most_exact) == pytest.approx(least_loss)
    cheap = select(table, method="greedy", max_energy=float(least_energy) * (1 + 1e-9))
    assert table.relative_energy(cheap) == pytest.approx(least_energy)


def test_looser_bounds_never_cost_more(random_table):
    table = random_table(3, 5)
    bounds = np.geomspace(table.loss.min(axis=1).sum(), table.loss.sum(), 12)
    energies = [
        table.relative_energy(select(table, max_loss=float(bound) * 1.0001)) for bound in bounds
    ]
    assert energies == sorted(energies, reverse=True)
    assert energies[-1] == pytest.approx(table.energy.min(axis=1).sum())


def test_the_reverse_finds_the_same_front(random_table):
    table = random_table(5, 5)
    forward = select(table, max_loss=1.0)
    backward = select(table, max_energy=table.relative_energy(forward) * (1 + 1e-9))
    assert table.predicted_loss(backward) == pytest.approx(table.predicted_loss(forward))


def test_matching_takes_the_cheapest_multiplier_that_each_layer_tolerates(random_table):
    table = random_table(7, 5)
    errors = np.sqrt(table.error_variance)
    tolerances = {layer: float(np.median(errors[row])) for row, layer in enumerate(table.layers)}
    found = table.choices(select(table, method="matching", tolerances=tolerances))
    for row, layer in enumerate(table.layers):
        allowed = [c for c in range(len(table.multipliers)) if errors[row, c] <= tolerances[layer]]
        assert found[row] == min(allowed, key=lambda c: table.energy[row, c])


def test_matching_gives_a_layer_that_tolerates_nothing_the_least_error(random_table):
    table = random_table(7, 2)
    found = table.choices(
        select(table, method="matching", tolerances={"layer0": 0.0, "layer1": 1e9})
    )
    assert found[0] == table.error_variance[0].argmin()
    assert found[1] == table.energy[1].argmin()


def test_matching_within_a_bound_scales_the_tolerances(random_table):
    table = random_table(2, 4)
    tolerances = dict.fromkeys(table.layers, 1e-9)
    strict = select(table, method="matching", tolerances=tolerances)
    bound = 0.5 * float(table.loss.max(axis=1).sum())
    scaled = select(table, method="matching", tolerances=tolerances, max_loss=bound)
    assert table.relative_energy(scaled) < table.relative_energy(strict)
    assert table.predicted_loss(scaled) <= bound


def test_matching_within_a_bound_leaves_a_layer_that_tolerates_nothing_as_it_is(random_table):
    table = random_table(7, 2)
    table = replace(table, error_variance=1e6 * table.error_variance)  # the ratio exceeds float64
    tolerances, bound = {"layer0": 0.0, "layer1": 1e-3}, float(table.loss.max(axis=1).sum())
    found = table.choices(select(table, method="matching", tolerances=tolerances, max_loss=bound))
    assert found[0] == table.error_variance[0].argmin()
    assert found[1] == table.energy[1].argmin()


def test_equal_energy_is_chosen_by_loss():
    table = ChoiceTable(
        ("a",), (get("mul8s_tm_k3"), get("mul8s_tm_k2"), get("mul8s_array")),
        energy=np.array([[0.3, 0.3, 1.0]]), loss=np.array([[0.2, 0.1, 0.0]]),
        error_variance=np.array([[0.2, 0.1, 0.0]]),
    )  # fmt: skip
    for method in ("milp", "greedy"):
        found = select(table, max_loss=0.5, method=method)
        assert table.relative_energy(found) == 0.3
    assert select(table, max_loss=0.5).names == {"a": "mul8s_tm_k2"}


def test_huge_and_tiny_losses_do_not_blur_the_bound():
    cost = np.array([[1.0, 0.9, 0.1], [1.0, 0.8, 0.1]])
    weight = np.array([[0.0, 1e-7, 1e9], [0.0, 2e-7, 1e9]])
    assert cheapest(cost, weight=weight, most=2.5e-7).tolist() == [0, 1]
    assert cheapest(cost, weight=weight, most=3.5e-7).tolist() == [1, 1]
    assert cheapest(cost, weight=weight, most=0.0).tolist() == [0, 0]
    assert cheapest(cost, weight=weight + 1.0, most=1.0) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one of 'max_loss' and 'max_energy' must be given, got none"),
        ({"max_loss": 1.0, "max_energy": 1.0}, "exactly one of .* got both"),
        ({"max_loss": float("inf")}, "'max_loss' must be finite, got inf"),
        ({"max_loss": 1.0, "distinct": 0}, "'distinct' must be at least 1, got 0"),
        ({"max_loss": 1.0, "method": "best"}, "'method' must be one of milp, greedy, matching"),
        ({"max_loss": -1.0}, "'max_loss' must be at least 0.0.*the least that can be had, got -1"),
        ({"max_energy": 0.0}, "'max_energy' must be at least 0.*, got 0"),
        ({"method": "matching"}, "'matching' needs 'tolerances'"),
        (
            {"method": "matching", "tolerances": dict.fromkeys(["layer0", "layer1"], -0.1)},
            "'tolerances' must be finite and not negative",
        ),
    ],
)
def test_bad_arguments(random_table, options, message):
    with pytest.raises(ValueError, match=message):
        select(random_table(0, 2), **options)


def test_missing_tolerance(random_table):
    with pytest.raises(LookupError, match="'tolerances' must hold every layer, lacks layer1"):
        select(random_table(0, 2), method="matching", tolerances={"layer0": 1.0})
