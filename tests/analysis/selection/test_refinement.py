"""Refinement against all steps that there are, with evaluations that are the predictions or not."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from analysis import Evaluation, refine, select_validated, within

EXACT = Evaluation(1.0, 0.0, 1.0, 1.0)


def start_of(table):
    """The assignment of least predicted loss."""
    return table.assignment(table.loss.argmin(axis=1))


def steps(table, assignment, layers):
    """All assignments of less energy that differ in so many layers."""
    for changed in itertools.combinations(table.layers, layers):
        for multipliers in itertools.product(table.multipliers, repeat=layers):
            step = assignment
            for layer, multiplier in zip(changed, multipliers, strict=True):
                step = step.with_layer(layer, multiplier)
            if table.relative_energy(step) < table.relative_energy(assignment) - 1e-9:
                yield step


@pytest.mark.parametrize("seed", range(8))
def test_it_ends_where_no_step_of_one_or_two_layers_is_accepted(random_table, additive, seed):
    table = random_table(seed, 4)
    evaluate = additive(table)
    accept = within(EXACT, loss_rise=float(table.loss.mean()))
    start = start_of(table)
    end = refine(table, start, evaluate, accept, evaluations=10_000)
    assert accept(evaluate(end))
    assert table.relative_energy(end) < table.relative_energy(start)
    for step in itertools.chain(steps(table, end, 1), steps(table, end, 2)):
        assert not accept(evaluate(step))


def test_two_layers_exchange_where_no_layer_alone_can_be_cheaper(random_table, additive):
    table = random_table(0, 2)
    # One multiplier after the other is cheaper and worse; the first layer saves more per loss.
    energy = np.array([[0.50, 0.45, 0.40, 0.20, 0.10], [0.50, 0.45, 0.40, 0.35, 0.30]])
    loss = np.array([[0.0, 1.0, 2.0, 3.0, 9.0], [0.0, 1.0, 2.0, 3.0, 4.0]])
    table = replace(table, energy=energy, loss=loss)
    start = table.assignment(np.array([0, 3]))
    end = refine(table, start, additive(table), within(EXACT, loss_rise=3.0))
    assert list(table.choices(end)) == [3, 0]


@pytest.mark.parametrize("seed", range(4))
def test_evaluations_need_not_follow_the_predictions(random_table, seed):
    table, rng = random_table(seed, 4), np.random.default_rng(seed)
    truth = {start_of(table): True}
    asked = []

    def evaluate(assignment):
        asked.append(assignment)
        good = truth.setdefault(assignment, bool(rng.random() < 0.4))
        return Evaluation(float(good), 0.0, float(good), table.relative_energy(assignment))

    end = refine(table, start_of(table), evaluate, within(EXACT, accuracy_drop=0.0))
    assert truth[end]
    assert len(set(asked)) == len(asked)  # nothing is tried twice
    rejected = [one for one in asked if not truth[one]]
    rows = range(4)
    for number, one in enumerate(asked):
        losses = table.loss[rows, table.choices(one)]
        for earlier in asked[:number]:
            if earlier in rejected:
                assert (losses < table.loss[rows, table.choices(earlier)]).any()


def test_evaluations_are_bounded_and_the_best_so_far_is_returned(random_table, additive):
    table = random_table(3, 5)
    asked = []

    def evaluate(assignment):
        asked.append(assignment)
        return additive(table)(assignment)

    accept = within(EXACT, loss_rise=float(table.loss.mean()))
    assert refine(table, start_of(table), evaluate, accept, evaluations=0) == start_of(table)
    some = refine(table, start_of(table), evaluate, accept, evaluations=3)
    assert len(asked) == 3
    assert accept(additive(table)(some))


@pytest.mark.parametrize("seed", range(4))
def test_few_multipliers_stay_few(random_table, additive, seed):
    table = random_table(seed, 5)
    accept = within(EXACT, loss_rise=2 * float(table.loss.mean()))
    evaluate = additive(table)
    found = select_validated(table, evaluate, accept, distinct=2)
    assert len(found.distinct) <= 2
    assert accept(evaluate(found))
    free = start_of(table)
    if len(free.distinct) > 2:
        with pytest.raises(ValueError, match="'start' must have at most 2 different multipliers"):
            refine(table, free, evaluate, accept, distinct=2)


def test_the_bar_counts_evaluations_and_ends_full(random_table, additive, terminal):
    table = random_table(2, 5)
    accept = within(EXACT, loss_rise=float(table.loss.mean()))
    quiet = refine(table, start_of(table), additive(table), accept)
    assert terminal.readouterr().err == ""
    asked = []

    def evaluate(assignment):
        asked.append(assignment)
        return additive(table)(assignment)

    shown = refine(table, start_of(table), evaluate, accept, title="refining milp", quiet=False)
    assert shown == quiet
    last = terminal.readouterr().err.split("\r")[-1]
    assert "refining milp: 100%" in last
    assert f"{len(asked)}/{len(asked)} [" in last
