"""Damaged files of every format are read, or refused by the errors that the readers state."""

import contextlib
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings

from multipliers import Multiplier, Netlist, NetlistError
from tests.multipliers.formats.mutations import (
    FILES,
    LARGE_FILES,
    MUTATIONS,
    mutate,
    mutate_much,
    read,
)

# A damaged array may hold other things than integers.
REFUSALS = {
    "npy": (ValueError, TypeError),
    "npz": (ValueError, TypeError),
    "csv": (ValueError,),
    "txt": (ValueError,),
    "h": (ValueError,),
}
# Processor time, so that what else runs on the machine does not count.
LONGEST_S = 10
NIGHTLY_S = 20
MOST_FILES = 60


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
@pytest.mark.bad_input("damaged-file")
def test_damaged_file(tmp_path, name, mutations):
    content = FILES[name]
    for mutation in mutations:
        content = mutate(content, *mutation)
    refused_or_read(name, content, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("name", FILES)
def test_damaged_files_at_length(tmp_path, name):
    seed = random.SystemRandom().randrange(2**32)
    try:
        damage_at_length(name, seed, tmp_path)
    except Exception as error:
        error.add_note(f"Comes back with damage_at_length({name!r}, {seed}, tmp_path).")
        raise


def damage_at_length(name, seed, folder):
    choose = random.Random(seed)
    pool = [FILES[name], *LARGE_FILES.get(name, ())]
    end = time.process_time() + NIGHTLY_S
    executions = 0
    while time.process_time() < end:
        content = mutate_much(choose.choice(pool), pool, choose)
        refused_or_read(name, content, folder)
        executions += 1
        if len(pool) < MOST_FILES and choose.random() < 0.002:
            pool.append(content)  # damage upon damage
    assert executions > NIGHTLY_S


def refused_or_read(name, content, folder):
    start = time.process_time()
    with contextlib.suppress(*REFUSALS.get(name, (NetlistError,))):
        read(name, content, folder)
    assert time.process_time() - start < LONGEST_S
