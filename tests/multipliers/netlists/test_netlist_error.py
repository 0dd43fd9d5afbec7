"""The place of an error stands in its message and in its attributes."""

import pickle

import pytest

from multipliers import NetlistError


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ({}, "no driver"),
        ({"file": "m.v"}, "m.v: no driver"),
        ({"file": "m.v", "line": 7}, "m.v:7: no driver"),
    ],
)
def test_place(place, text):
    error = NetlistError("no driver", **place)
    assert str(error) == text
    assert (error.file, error.line) == (place.get("file"), place.get("line"))
    assert isinstance(error, ValueError)


def test_survives_a_worker_process():
    error = pickle.loads(pickle.dumps(NetlistError("no driver", file="m.v", line=7)))
    assert (str(error), error.file, error.line) == ("m.v:7: no driver", "m.v", 7)
