"""What is of another kind than a study of a selection takes is refused by its name."""

import pytest

import analysis
from tests.analysis.small_arguments import LAYERS, MULTIPLIER, POINTS

WANTED = [
    ({"methods": ("annealing",)}, LookupError, "'methods' must be among milp, .*got 'annealing'"),
    ({"methods": "milp"}, TypeError, "'methods' must be a tuple or list, got 'milp'"),
    ({"folded": ("no",)}, TypeError, "'folded' must be a bool, got 'no'"),
    ({"refined": "no"}, TypeError, "'refined' must be a bool, got 'no'"),
    ({"accuracy_drop": "1 %"}, TypeError, "'accuracy_drop' must be a number, got '1 %'"),
    ({"count": 0}, ValueError, "'count' must be at least 1, got 0"),
    ({"search": {"trials": 9}}, TypeError, "'search' must be a SearchSettings, got dict"),
]


@pytest.mark.parametrize(("options", "error", "message"), WANTED)
@pytest.mark.bad_input("bad-settings")
def test_what_cannot_be_wanted(options, error, message):
    with pytest.raises(error, match=message):
        analysis.Wanted(**{"accuracy_drop": 0.1} | options)
    with pytest.raises(ValueError, match="'trials' must be at least 1, got 0"):
        analysis.SearchSettings(trials=0)


RESULTS = [
    (
        lambda path: analysis.write_selection_report({}, path),
        "'results' must be a SelectionResults, got dict; study_selection",
    ),
    (
        lambda path: analysis.study_selection(
            path, [MULTIPLIER], energies={}, wanted=None, store=None
        ),
        "'prepared' must be a PreparedWorkload, got PosixPath; prepare_workload",
    ),
    (lambda _: analysis.plot_assignment([]), "'layers' must be a DataFrame, got list"),
    (lambda _: analysis.plot_energy_front({}), "'points' must be a DataFrame, got dict"),
]


@pytest.mark.parametrize(("call", "message"), RESULTS)
@pytest.mark.bad_input("no-results")
def test_what_are_no_results(call, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        call(tmp_path)


@pytest.mark.bad_input("no-column")
def test_frames_that_lack_a_column():
    with pytest.raises(LookupError, match="'points' must have a column 'method'"):
        analysis.plot_energy_front(POINTS[["label"]])
    with pytest.raises(LookupError, match="'layers' must have a column 'multiplier'"):
        analysis.plot_assignment(LAYERS[["layer"]])
