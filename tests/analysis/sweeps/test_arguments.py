"""What is of another kind than sweeps and searches take is refused by its name."""

import pytest

import analysis
from tests.analysis.small_arguments import MULTIPLIER

NUMBERS = [
    (lambda: analysis.process_pool("2"), "'workers' must be an int, got '2'"),
    (lambda: analysis.process_pool(1.5), r"'workers' must be an int, got 1\.5"),
    (lambda: analysis.process_pool(1, threads="1"), "'threads' must be an int, got '1'"),
    (lambda: analysis.run_jobs(abs, [1], in_flight=None), "'in_flight' must be an int, got"),
    (lambda: analysis.run_jobs(abs, [1], retries="1"), "'retries' must be an int, got '1'"),
    (lambda: analysis.run_jobs(abs, None), "'jobs' must be a Sequence, got None; put them"),
    (lambda: analysis.run_jobs(abs, iter([1])), "'jobs' must be a Sequence, got list_iter"),
]


@pytest.mark.parametrize(("call", "message"), NUMBERS)
@pytest.mark.bad_input("no-number")
def test_what_is_no_number(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.bad_input("no-function")
def test_what_is_no_function():
    with pytest.raises(TypeError, match="'function' must be a Callable, got 'square'"):
        [*analysis.run_jobs("square", [1])]
    with pytest.raises(TypeError, match="'evaluate' must be a Callable, got None"):
        analysis.sweep(None, {}, store=None, context={})


@pytest.mark.bad_input("no-flag")
def test_what_is_no_flag(given):
    with pytest.raises(TypeError, match="'uniform_only' must be a bool, got 'no'"):
        analysis.layer_assignments(given.model, [MULTIPLIER], uniform_only="no")


@pytest.mark.bad_input("bad-settings")
def test_what_is_no_store():
    with pytest.raises(TypeError, match="'store' must be a ResultsStore, got 'results"):
        analysis.sweep(max, {}, store="results.jsonl", context={})


RESULTS = [
    (lambda path: analysis.worker_evaluator(path, []), "'prepared' must be a PreparedWork"),
    (lambda _: analysis.evaluation_context(None), "'prepared' must be a PreparedWork"),
    (
        lambda path: analysis.sweep(
            max, {"a": {}}, store=analysis.ResultsStore(path / "r.jsonl"), context={}
        ),
        "'assignments' must be an Assignment, got dict; Assignment",
    ),
]


@pytest.mark.parametrize(("call", "message"), RESULTS)
@pytest.mark.bad_input("no-results")
def test_what_are_no_results(call, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        call(tmp_path)


def searched(**options):
    arguments = {
        "evaluate": lambda _: {"accuracy": 0.5}, "layers": ["0"], "multipliers": [MULTIPLIER],
        "energies": {MULTIPLIER.name: 0.5}, "macs": {"0": 6}, "context": {},
        "store": analysis.ResultsStore("results.jsonl"), "storage": "trials.journal", "trials": 1,
    }  # fmt: skip
    return analysis.search(**arguments | options)


SEARCHES = [
    (
        {"layers": "0"},
        TypeError,
        "'layers' must be a list or tuple, got '0'; put the layers' names",
    ),
    ({"multipliers": "tm"}, TypeError, "'multipliers' must be a sequence of Multipliers, got"),
    ({"multipliers": ["tm"]}, TypeError, "'multipliers' must be a Multiplier, got 'tm'"),
    ({"macs": [6]}, TypeError, "'macs' must be a Mapping, got list"),
    ({"macs": {}}, LookupError, "'macs' must hold every layer, lacks 0"),
    ({"context": "model"}, TypeError, "'context' must be a Mapping, got 'model'"),
    ({"store": "results.jsonl"}, TypeError, "'store' must be a ResultsStore, got 'results.jsonl'"),
    ({"start": 3}, TypeError, "'start' must be an Assignment, got 3"),
    ({"start": [{"0": MULTIPLIER}]}, TypeError, "'start' must be an Assignment, got dict"),
    ({"seed": "0"}, TypeError, "'seed' must be an int, got '0'"),
    ({"trials": None}, TypeError, "'trials' must be an int, got None"),
    ({"study": 3}, TypeError, "'study' must be a str, got 3"),
    ({"evaluate": None}, TypeError, "'evaluate' must be a Callable, got None"),
    ({"storage": "results.jsonl"}, ValueError, "results.jsonl: not a journal of trials; name an"),
]


@pytest.mark.parametrize(("options", "error", "message"), SEARCHES)
@pytest.mark.bad_input("bad-settings")
def test_what_cannot_be_searched(options, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        searched(**options)
