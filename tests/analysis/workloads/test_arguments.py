"""What is of another kind than workloads and data take is refused by its name."""

import pytest

import analysis
from tests.analysis.small_arguments import X

WORKLOADS = [
    ((None,), {}, "'source' must be a str, got None; the name of a network, or file.py"),
    (([],), {}, "'source' must be a str, got list"),
    (("CNN",), {"loader": 3}, "'loader' must be a str or None, got 3"),
    (("CNN",), {"seed": "0"}, "'seed' must be an int, got '0'"),
    (("CNN",), {"validation": 1}, "'validation' must be a bool, got 1"),
]


@pytest.mark.parametrize(("words", "options", "message"), WORKLOADS)
@pytest.mark.bad_input("bad-settings")
def test_what_names_no_workload(words, options, message):
    with pytest.raises(TypeError, match=message):
        analysis.load_workload(*words, **options)


@pytest.mark.bad_input("bad-settings")
def test_what_is_no_labelled_data(given):
    with pytest.raises(TypeError, match="'data' must be a Labelled, got Tensor"):
        analysis.accuracy(given.model, X)


@pytest.mark.bad_input("no-number")
def test_what_is_no_number():
    with pytest.raises(TypeError, match="'seed' must be an int, got None"):
        analysis.load_digits(seed=None)
    with pytest.raises(TypeError, match="'validation' must be a number, got '0"):
        analysis.load_digits(validation="0.2")
