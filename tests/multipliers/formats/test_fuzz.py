"""Damaged files of every format are read, or refused by the errors that the readers state."""

import time

import pytest
from hypothesis import HealthCheck, given, settings

from multipliers import Multiplier, Netlist, NetlistError
from tests.multipliers.formats.mutations import FILES, MUTATIONS, mutate, read

# A damaged array may hold other things than integers.
REFUSALS = {"npy": (ValueError, TypeError), "npz": (ValueError, TypeError)}
LONGEST_S = 10


@pytest.mark.parametrize("name", FILES)
def test_whole_file(tmp_path, name):
    assert isinstance(read(name, FILES[name], tmp_path), Netlist | Multiplier)


@pytest.mark.parametrize("name", FILES)
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(MUTATIONS)
def test_damaged_file(tmp_path, name, mutations):
    content = FILES[name]
    for mutation in mutations:
        content = mutate(content, *mutation)
    start = time.monotonic()
    try:
        read(name, content, tmp_path)
    except REFUSALS.get(name, NetlistError if name not in ("csv", "txt", "h") else ValueError):
        pass
    assert time.monotonic() - start < LONGEST_S
