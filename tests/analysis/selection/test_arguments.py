"""What is of another kind than a function of the selection takes is refused by its name."""

import numpy as np
import pytest

import analysis
from tests.analysis.small_arguments import BATCHES, MULTIPLIER

SETTINGS = [
    (lambda _: analysis.select("table", max_loss=1), "'table' must be a ChoiceTable, got"),
    (lambda _: analysis.uniform_candidates(None), "'table' must be a ChoiceTable, got None"),
    (
        lambda given: analysis.refine(given.table, {}, max, max),
        "'start' must be an Assignment, got dict",
    ),
    (
        lambda given: analysis.choice_table(given.trace, {}, energies={}),
        "'variances' must be an ErrorVar",
    ),
    (
        lambda given: analysis.ChoiceTable(
            ("0",), (MULTIPLIER,), [[1]], given.table.loss, given.table.loss
        ),
        "'energy' must be an ndarray, got list",
    ),
    (lambda _: analysis.relative_energies(3, exact=1.0), "'costs' must be a Mapping, got 3"),
]


@pytest.mark.parametrize(("call", "message"), SETTINGS)
@pytest.mark.bad_input("bad-settings")
def test_what_is_no_setting(call, message, given):
    with pytest.raises(TypeError, match=message):
        call(given)


FUNCTIONS = [
    (
        lambda given: analysis.measure_choices(given.table, None),
        "'evaluate' must be a Callable, got None",
    ),
    (lambda _: analysis.energy_front([], "v"), "'validate' must be a Callable, got 'v'"),
    (
        lambda given: analysis.measure_quality(given.model, BATCHES, loss="ce"),
        "'loss' must be a Callable",
    ),
]


@pytest.mark.parametrize(("call", "message"), FUNCTIONS)
@pytest.mark.bad_input("no-function")
def test_what_is_no_function(call, message, given):
    with pytest.raises(TypeError, match=message):
        call(given)


NUMBERS = [
    (
        lambda given: analysis.select(given.table, max_loss="1"),
        "'max_loss' must be a number, got '1'",
    ),
    (
        lambda given: analysis.select(given.table, max_loss=1, distinct=1.5),
        "'distinct' must be an int, got",
    ),
    (
        lambda given: analysis.bounded_candidates(given.table, count=None),
        "'count' must be an int, got None",
    ),
    (
        lambda given: analysis.measure_choices(given.table, max, within="0"),
        "'within' must be a number, got",
    ),
    (
        lambda given: analysis.measure_sensitivities(given.model, BATCHES, variances=["0.1"]),
        "'variances' must be a number, got '0.1'",
    ),
    (
        lambda given: analysis.measure_sensitivities(given.model, BATCHES, draws=2.0),
        "'draws' must be an int",
    ),
    (
        lambda given: analysis.learn_tolerances(given.model, BATCHES, weight=None),
        "'weight' must be a number",
    ),
    (lambda _: analysis.relative_energies({"a": "1"}, exact=1), "'a' must be a number"),
    (lambda _: analysis.relative_energies({}, exact="1"), "'exact' must be a number"),
]


@pytest.mark.parametrize(("call", "message"), NUMBERS)
@pytest.mark.bad_input("no-number")
def test_what_is_no_number(call, message, given):
    with pytest.raises(TypeError, match=message):
        call(given)


RESULTS = [
    (lambda _: analysis.sensitivity_frame([]), "'sensitivities' must be a Mapping, got"),
    (lambda _: analysis.Assignment(None), "'choices' must be an Iterable, got None"),
    (
        lambda _: analysis.ChoiceTable(["0"], (MULTIPLIER,), *[np.zeros((1, 1))] * 3),
        "'layers' must be a tuple, got list",
    ),
    (
        lambda given: analysis.bounded_candidates(given.table, methods=None),
        "'methods' must be a tuple or list, got None",
    ),
]


@pytest.mark.parametrize(("call", "message"), RESULTS)
@pytest.mark.bad_input("no-results")
def test_what_are_no_results(call, message, given):
    with pytest.raises(TypeError, match=message):
        call(given)
