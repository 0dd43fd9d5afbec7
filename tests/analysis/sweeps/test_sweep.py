"""Sweeps of assignments: every result stored once, whatever is killed, and resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.selection import Assignment
from analysis.sweeps import LostJobError, ResultsStore, SweepError, sweep, sweep_frame
from tests.analysis.sweeps.jobs import (
    Killing,
    Rated,
    calls,
    fail_at_three,
    forked_pool,
    uniform_assignments,
)

CONTEXT = {"model": "abc", "fold": False}


@pytest.fixture
def store(tmp_path):
    return ResultsStore(tmp_path / "results.jsonl")


def losses(store):
    """What the file has, read by other means."""
    lines = store.path.read_text().splitlines()[1:]
    return sorted(json.loads(line)["result"]["loss"] for line in lines)


def test_every_assignment_has_a_row_and_what_it_depends_on_is_stored(store):
    pair = uniform_assignments(2)
    frame = sweep(Rated(), pair, store=store, context=CONTEXT)
    assert frame.to_dict("list") == {
        "label": ["all m0", "all m1"],
        "accuracy": [1, 1 / 2],
        "loss": [0, 1],
        "assignment_sha256": [one.digest for one in pair.values()],
    }
    record = next(iter(ResultsStore(store.path)))
    first = pair["all m0"]
    assert record.inputs == {
        "assignment": {"conv": "m0", "linear": "m0"},
        "tables_sha256": {"m0": first["conv"].digest},
        "context": CONTEXT,
    }


def test_only_what_is_missing_is_evaluated(store, tmp_path):
    job = Rated(Killing(tmp_path))
    sweep(job, uniform_assignments(2), store=store, context=CONTEXT)
    frame = sweep(job, uniform_assignments(4), store=store, context=CONTEXT)
    assert len(frame) == 4
    assert [calls(tmp_path, number) for number in range(4)] == [1, 1, 1, 1]
    # Another model is another result.
    sweep(job, uniform_assignments(2), store=store, context={"model": "other"})
    assert [calls(tmp_path, number) for number in range(2)] == [2, 2]
    assert len(store) == 6


def test_equal_assignments_are_evaluated_once_and_have_a_row_each(store, tmp_path):
    one = uniform_assignments(1)["all m0"]
    turned = Assignment(reversed(one.choices))
    frame = sweep(Rated(Killing(tmp_path)), {"a": one, "b": turned}, store=store, context=CONTEXT)
    assert frame["label"].tolist() == ["a", "b"]
    assert calls(tmp_path, 0) == 1


def test_each_arrival_is_told_after_it_was_stored(store):
    told = []
    sweep(Rated(), uniform_assignments(1), store=store, context=CONTEXT)
    sweep(
        Rated(), uniform_assignments(4), store=store, context=CONTEXT,
        arrived=lambda: told.append(losses(store)),
    )  # fmt: skip
    assert told == [[0, 1], [0, 1, 2], [0, 1, 2, 3]]


def test_a_killed_worker_loses_no_result_and_doubles_none(store, tmp_path):
    assignments = uniform_assignments(9)
    job = Rated(Killing(tmp_path, once=[4], seconds=0.02))
    frame = sweep(
        job, assignments, store=store, context=CONTEXT, executor=forked_pool(2), in_flight=4
    )
    assert frame["label"].tolist() == list(assignments)
    assert frame["loss"].tolist() == list(range(9))
    assert losses(store) == list(range(9))
    assert calls(tmp_path, 4) == 2


def test_a_poisonous_job_is_named_and_all_others_are_stored(store, tmp_path):
    job = Rated(Killing(tmp_path, always=[1]))
    with pytest.raises(SweepError, match="a job has failed: 'all m1': its worker died") as caught:
        sweep(
            job, uniform_assignments(4), store=store, context=CONTEXT, executor=forked_pool(2),
            in_flight=4,
        )  # fmt: skip
    assert isinstance(caught.value.__cause__, LostJobError)
    assert losses(store) == [0, 2, 3]


def test_a_failing_job_is_named_and_all_others_are_stored(store):
    with pytest.raises(SweepError, match="'all m3': ValueError: three is not for squaring"):
        sweep(Rated(fail_at_three), uniform_assignments(5), store=store, context=CONTEXT)
    assert losses(store) == [0, 1, 2, 4]
    frame = sweep_frame(uniform_assignments(5), store=store, context=CONTEXT)
    assert "all m3" not in set(frame["label"])
    # Mended, it is the only one to run.
    assert len(sweep(Rated(), uniform_assignments(5), store=store, context=CONTEXT)) == 5


def test_many_failures_end_the_sweep(store, tmp_path):
    def fail(number):
        Killing(tmp_path)(number)
        raise ValueError("no")

    with pytest.raises(SweepError, match="2 jobs have failed: 'all m0': ValueError: no; 'all m1'"):
        sweep(Rated(fail), uniform_assignments(5), store=store, context=CONTEXT, most_failures=2)
    assert calls(tmp_path, 2) == 0


def test_numbers_that_are_not_finite_are_stored_as_nothing(store):
    def diverge(names):
        return {"accuracy": 0.1, "loss": float("nan")}

    frame = sweep(diverge, uniform_assignments(1), store=store, context=CONTEXT)
    assert frame["loss"].isna().all()


INTERRUPTED = """
import signal
import sys
from analysis.sweeps import ResultsStore, sweep
from tests.analysis.sweeps.jobs import Killing, Rated, forked_pool, uniform_assignments

if __name__ == "__main__":
    # A shell starts what runs in its background deaf to interruptions.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    job = Rated(Killing(sys.argv[1], seconds=0.2))
    sweep(
        job, uniform_assignments(40), store=ResultsStore(sys.argv[2]), context={"model": "abc"},
        executor=forked_pool(2, method="fork"), in_flight=4,
    )
"""


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_sweep_is_resumed(store, tmp_path, blow):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), str(store.path)],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    limit = time.monotonic() + 60
    while not store.refresh() and time.monotonic() < limit:
        time.sleep(0.05)
    process.send_signal(blow)
    error = process.communicate(timeout=60)[1]
    assert process.returncode != 0
    if blow == signal.SIGINT:
        assert "KeyboardInterrupt" in error
    store = ResultsStore(store.path)
    before = len(store)
    assert 0 < before < 40
    frame = sweep(
        Rated(Killing(tmp_path)), uniform_assignments(40), store=store, context={"model": "abc"}
    )
    assert frame["loss"].tolist() == list(range(40))
    assert losses(store) == list(range(40))
