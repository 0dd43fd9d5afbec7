"""What is of another kind than predictions of errors take is refused by its name."""

import pytest

import analysis
from tests.analysis.small_arguments import MULTIPLIER


@pytest.mark.bad_input("bad-settings")
def test_what_are_no_traces():
    with pytest.raises(TypeError, match="'traces' must be a Mapping, got"):
        analysis.predict_errors(MULTIPLIER, "t")


@pytest.mark.bad_input("no-function")
def test_what_is_no_error_model(given):
    with pytest.raises(TypeError, match="'model' must be a Callable, got None"):
        analysis.predict_errors(MULTIPLIER, given.trace, model=None)
