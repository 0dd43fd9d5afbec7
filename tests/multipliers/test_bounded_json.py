"""JSON of strangers takes bounded time and memory, and fails in one way."""

import pytest

from analysis.selection import Assignment
from analysis.sweeps import ResultsStore
from analysis.sweeps.prepared_workload import open_workload
from htp import HtpModel, accurate_model
from multipliers.bounded_json import json_bytes, read_json

BAD = {
    "nested deeply": b"[" * 200_000,
    "nested deeply in objects": b'{"a":' * 200_000,
    "not UTF-8": b'{"a": "\xff"}',
    "empty": b"",
    "cut off": b'{"format": "torchapp',
    "an enormous number": b"9" * 5000,
    "no object": b"[]",
    "zero bytes": bytes(1000),
}
READERS = {
    "assignment": ("a.json", Assignment.load),
    "model": ("a.json", HtpModel.load),
    "workload": ("workload.json", lambda path: open_workload(path.parent)),
    "results": ("a.jsonl", ResultsStore),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", BAD)
@pytest.mark.bad_input("bad-json")
def test_bad_json_is_a_value_error_that_names_the_file(tmp_path, reader, kind):
    name, read = READERS[reader]
    path = tmp_path / name
    content = BAD[kind]
    # A store of results may be empty, and a line without an end is one that was cut off.
    path.write_bytes(b"x" if reader == "results" and kind == "empty" else content + b"\n")
    with pytest.raises(ValueError, match=name):
        read(path)


@pytest.mark.parametrize("load", [Assignment.load, HtpModel.load])
@pytest.mark.bad_input("endless-file")
def test_an_endless_file_is_left_after_some_megabytes(load):
    with pytest.raises(ValueError, match=r"/dev/zero: .* must have at most .* characters"):
        load("/dev/zero")


def test_a_byte_order_mark_may_come_first(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(accurate_model().to_json(), encoding="utf-8-sig")
    assert HtpModel.load(path) == accurate_model()
    assert read_json("\ufeff[1]") == read_json(b"\xef\xbb\xbf[1]") == [1]


@pytest.mark.parametrize("read", [read_json, HtpModel.from_json, Assignment.from_json])
@pytest.mark.bad_input("no-text")
def test_what_is_no_text(read):
    with pytest.raises(TypeError, match=r"'text' must be a str or bytes, got list"):
        read([])


def test_sizes():
    assert read_json("[1]", most=3) == [1]
    with pytest.raises(ValueError, match="must have at most 2 characters, got 3"):
        read_json("[1]", most=2)
    assert json_bytes("/dev/zero", most=7) == bytes(8)
