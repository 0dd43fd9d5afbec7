"""Readers that share a stream draw what a generator of their own would."""

import gc

import numpy as np
import pytest

from torchapprox.tracing.key_stream import KeyReader, _streams


def test_readers_do_not_disturb_each_other():
    sizes = {0: [16, 16, 16], 1: [4, 4, 900], 2: [16, 0, 7], 3: [1, 2, 3]}
    readers = {name: KeyReader(5) for name in sizes}
    own = {name: np.random.default_rng(5) for name in sizes}
    for turn in range(3):
        for name in sizes:
            count = sizes[name][turn]
            np.testing.assert_array_equal(readers[name].random(count), own[name].random(count))


def test_blocks_are_drawn_once_and_not_written():
    one, other = KeyReader(6), KeyReader(6)
    keys = one.random(10)
    assert other.random(10) is keys
    with pytest.raises(ValueError, match="read-only"):
        keys[0] = 0.5


def test_more_sizes_than_are_kept():
    readers = [KeyReader(7) for _ in range(20)]
    for _ in range(3):
        for number, reader in enumerate(readers):
            reader.random(number)
    own = np.random.default_rng(7)
    own.random(3 * 19)
    np.testing.assert_array_equal(readers[-1].random(5), own.random(5))


def test_seeds_have_streams_of_their_own_that_end_with_their_readers():
    one, other = KeyReader(8), KeyReader(9)
    assert not np.array_equal(one.random(4), other.random(4))
    del one, other
    gc.collect()
    assert 8 not in _streams
    assert 9 not in _streams
