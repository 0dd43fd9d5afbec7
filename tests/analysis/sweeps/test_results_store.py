"""The store of results: whole or not there, each once, whoever writes and whatever is killed."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.sweeps import ResultsStore, content_key
from tests.analysis.sweeps.jobs import fill, forked_pool

HEADER = '{"format": "torchapprox results", "version": 1}\n'


@pytest.fixture
def store(tmp_path):
    return ResultsStore(tmp_path / "results.jsonl")


def filled(path, count=3):
    store = ResultsStore(path)
    for number in range(count):
        store.add({"x": number}, {"square": number**2})
    return store


def test_results_come_back_from_the_disk(store):
    assert store.get({"x": 1}) is None
    assert store.add({"x": 1, "nested": {"layer": "a"}}, {"loss": 0.5, "accuracy": None})
    again = ResultsStore(store.path)
    assert again.get({"nested": {"layer": "a"}, "x": 1}) == {"loss": 0.5, "accuracy": None}
    assert again.frame().to_dict("records") == [
        {"x": 1, "nested.layer": "a", "loss": 0.5, "accuracy": None}
    ]


def test_the_first_result_of_equal_inputs_counts(store):
    assert store.add({"x": 1}, {"y": 1})
    assert not store.add({"x": 1}, {"y": 2})
    assert next(iter(ResultsStore(store.path))).result == {"y": 1}
    assert len(store.path.read_text().splitlines()) == 2


def test_two_stores_on_one_file_see_each_other(store):
    other = ResultsStore(store.path)
    assert store.add({"x": 1}, {"y": 1})
    assert not other.add({"x": 1}, {"y": 2})
    assert other.get({"x": 1}) == {"y": 1}
    assert other.add({"x": 2}, {"y": 4})
    assert store.refresh() == 1
    assert store.get({"x": 2}) == {"y": 4}


def test_anything_reads_the_file(store):
    filled(store.path)
    frame = pd.read_json(store.path, lines=True)
    assert [row["square"] for row in frame["result"].dropna()] == [0, 1, 4]


@pytest.mark.bad_input("cut-results")
def test_a_record_cut_off_anywhere_is_dropped_and_those_before_it_stay(tmp_path):
    path = tmp_path / "results.jsonl"
    filled(path, 2)
    content = path.read_bytes()
    for size in range(0, len(content), 3):
        path.write_bytes(content[:size])
        whole = max(content[:size].count(b"\n") - 1, 0)
        in_header = size < len(HEADER)
        if in_header or content[:size].endswith(b"\n"):
            store = ResultsStore(path)
        else:
            with pytest.warns(UserWarning, match=f"cut off .* the {whole} records before it"):
                store = ResultsStore(path)
        assert len(store) == whole
        # What was lost is found again, and the file is as if nothing had happened.
        filled(path, 2)
        assert path.read_bytes() == content


def test_a_cut_record_is_also_mended_by_a_store_that_is_open(store):
    filled(store.path, 2)
    store.refresh()
    with store.path.open("ab") as file:
        file.write(b'{"key": "half')
    with pytest.warns(UserWarning, match="cut off after 13 bytes"):
        assert store.add({"x": 9}, {"square": 81})
    assert len(ResultsStore(store.path)) == 3


@pytest.mark.parametrize("content", [b"layer,accuracy\n", b"\x89PNG", b"[]\n{}\n", b"{}\n"])
def test_foreign_files_are_refused_and_stay_as_they_are(tmp_path, content):
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"foreign: not a store of results.*name another file"):
        ResultsStore(path)
    assert path.read_bytes() == content


@pytest.mark.bad_input("later-file")
def test_another_version_is_refused(tmp_path):
    path = tmp_path / "old.jsonl"
    path.write_text(HEADER.replace("1}", "0}"))
    with pytest.raises(ValueError, match="store is of version 0, this program reads version 1"):
        ResultsStore(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken\n", "results.jsonl:3: the record is damaged"),
        ('{"key": "0", "inputs": {}, "result": {}}\n', "its key must be"),
        ('{"key": "0"}\n', "the record is damaged: 'inputs'"),
    ],
)
def test_a_damaged_record_is_named(store, line, message):
    filled(store.path, 1)
    with store.path.open("a") as file:
        file.write(line)
    with pytest.raises(ValueError, match=message):
        ResultsStore(store.path)


def test_a_file_that_shrinks_is_refused(store):
    store.add({"x": 1}, {"y": 1})
    store.path.write_text(HEADER)
    with pytest.raises(ValueError, match="must only grow, got 48 bytes after"):
        store.add({"x": 2}, {"y": 1})


def test_what_is_not_for_json_is_refused_and_leaves_no_trace(store):
    before = store.path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.add({"x": 1}, {"loss": float("nan")})
    with pytest.raises(TypeError, match="not JSON serializable"):
        store.add({"x": Path("a")}, {})
    assert store.path.read_bytes() == before
    assert len(store) == 0


@pytest.mark.bad_input("full-disk")
def test_a_full_disk_leaves_the_file_as_it_was(store, monkeypatch):
    store.add({"x": 1}, {"y": 1})
    before = store.path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            store.add({"x": 2}, {"y": 1})
    assert store.path.read_bytes() == before
    assert store.add({"x": 2}, {"y": 1})


def test_several_processes_write_each_result_once(store):
    with forked_pool()() as pool:
        counts = [pool.submit(fill, store.path, name, 60) for name in "ab"]
        assert sum(count.result() for count in counts) == 60
    assert store.refresh() == 60
    assert len(store.path.read_text().splitlines()) == 61


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.text(),
        st.one_of(st.integers(), st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    )
)
def test_the_key_depends_on_the_content_alone(inputs):
    turned = dict(reversed(inputs.items()))
    assert content_key(turned) == content_key(inputs)
    assert content_key(json.loads(json.dumps(inputs))) == content_key(inputs)
    assert content_key({**inputs, "more": [1]}) != content_key(inputs)
