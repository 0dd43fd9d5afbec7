"""The costs of the engines: measured once, kept where that is possible, never in the way."""

import json
import stat
from dataclasses import asdict, fields

import pytest

from torchapprox.operators.engine import calibration as module
from torchapprox.operators.engine.calibration import costs_path, engine_costs, measure_costs
from torchapprox.operators.engine.costs import EngineCosts

MEASURED = EngineCosts(*[0.5] * len(fields(EngineCosts)))
KEPT = EngineCosts(*[0.25] * len(fields(EngineCosts)))


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Count the measurements of a process that has none yet."""
    calls = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "measure_costs", lambda: calls.append(1) or MEASURED)
    engine_costs.cache_clear()
    yield calls
    engine_costs.cache_clear()


def in_a_new_process():
    engine_costs.cache_clear()
    return engine_costs(2)


def test_costs_are_measured_once_and_kept(measured, tmp_path):
    assert engine_costs(2) == engine_costs(2) == in_a_new_process() == MEASURED
    assert len(measured) == 1
    path = costs_path(2)
    assert path.parent == tmp_path / "cache" / "torchapprox"
    assert json.loads(path.read_text()) == asdict(MEASURED)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    path.write_text(json.dumps(asdict(KEPT)))
    assert in_a_new_process() == KEPT


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", json.dumps({**asdict(KEPT), "lookup": "fast"}),
     json.dumps({**asdict(KEPT), "lookup": -1.0}), json.dumps({**asdict(KEPT), "term": 1}),
     json.dumps({**asdict(KEPT), "more": 1.0})],
)  # fmt: skip
def test_other_content_is_measured_anew(content, measured):
    path = costs_path(2)
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert engine_costs(2) == in_a_new_process() == MEASURED
    assert len(measured) == 1


@pytest.mark.bad_input("read-only-cache")
def test_a_cache_that_cannot_be_written(measured, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert engine_costs(2) == engine_costs(2) == MEASURED
    assert len(measured) == 1
    assert in_a_new_process() == MEASURED
    assert len(measured) == 2


def test_a_cache_that_cannot_be_read(measured):
    path = costs_path(2)
    path.mkdir(parents=True)
    assert engine_costs(2) == MEASURED
    path.chmod(stat.S_IRWXU)


@pytest.mark.bad_input("no-home")
def test_without_a_home(measured, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")

    def no_home(_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.expanduser", no_home)
    assert engine_costs(2) == MEASURED


def test_what_the_file_depends_on(monkeypatch):
    paths = {costs_path(1), costs_path(2)}
    for name, value in {
        "processor": lambda: "another",
        "cpu_features": lambda: frozenset({"x"}),
        "available_kernels": lambda: ("portable",),
        "_version": lambda _: "0",
    }.items():
        with monkeypatch.context() as changed:
            changed.setattr(module, name, value)
            paths.add(costs_path(1))
    assert len(paths) == 6
    assert costs_path(1) in paths


def test_costs_of_this_machine():
    costs = measure_costs()
    assert all(type(value) is float and 0 <= value < 1e-2 for value in asdict(costs).values())
    assert costs.lookup_two_halves > 0
    assert costs.term > 0
