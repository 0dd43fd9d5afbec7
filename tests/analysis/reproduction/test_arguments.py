"""What is of another kind than the reproduction takes is refused by its name."""

import pytest

from analysis import reproduction
from tests.analysis.small_arguments import MULTIPLIER, POINTS

SETTINGS_OF_TRIALS = [
    ({"epochs": "2"}, TypeError, "'epochs' must be an int, got '2'"),
    ({"batch_size": 0}, ValueError, "'batch_size' must be at least 1, got 0"),
    ({"learning_rate": 0}, ValueError, "'learning_rate' must be finite and above 0, got 0"),
    ({"augment": "no"}, TypeError, "'augment' must be a bool, got 'no'"),
]


@pytest.mark.parametrize(("options", "error", "message"), SETTINGS_OF_TRIALS)
@pytest.mark.bad_input("bad-settings")
def test_settings_of_trials(options, error, message):
    with pytest.raises(error, match=message):
        reproduction.Setting(reproduction.DataSource("digits"), **options)


RESULTS = [
    (
        lambda: reproduction.reproduce([MULTIPLIER], {}, store=None),
        "'setting' must be a Setting, got dict",
    ),
    (
        lambda: reproduction.wide_frame({}, [MULTIPLIER], powers_mw={}),
        "'trials' must be a DataFrame, got dict",
    ),
    (lambda: reproduction.source_candidates(3), "'words' must be an Iterable, got 3"),
    (lambda: reproduction.source_candidates([3]), "'words' must be a str, got 3"),
]


@pytest.mark.parametrize(("call", "message"), RESULTS)
@pytest.mark.bad_input("no-results")
def test_what_are_no_results(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.bad_input("no-column")
def test_a_frame_that_lacks_a_column():
    with pytest.raises(LookupError, match="'trials' must have a column 'multiplier'"):
        reproduction.wide_frame(POINTS, [MULTIPLIER], powers_mw={})
