"""Readers that share a stream draw what a generator of their own would."""

import gc

import numpy as np
import pytest

from torchapprox.tracing.key_stream import KeyReader, KeyStream, _streams


def check(reader, generator, count, bound):
    places, keys = reader.below(count, bound)
    numbers = generator.random(count)
    np.testing.assert_array_equal(places, np.flatnonzero(numbers < bound))
    np.testing.assert_array_equal(keys, numbers[places])


def test_readers_do_not_disturb_each_other():
    sizes = {0: [16, 16, 16], 1: [4, 4, 900], 2: [16, 0, 7], 3: [1, 2, 3]}
    readers = {name: KeyReader(5) for name in sizes}
    own = {name: np.random.default_rng(5) for name in sizes}
    for turn in range(3):
        for name in sizes:
            check(readers[name], own[name], sizes[name][turn], np.inf)


@pytest.mark.parametrize("bounds", [[0.1, 0.1], [0.05, 0.3, 0.2, 0.9], [np.inf, 0.5], [0.0, 0.2]])
def test_every_bound_is_kept(bounds):
    for _ in range(3):
        readers = [KeyReader(6) for _ in bounds]
        for reader, bound in zip(readers, bounds, strict=True):
            check(reader, np.random.default_rng(6), 1000, bound)


def test_numbers_are_drawn_once(monkeypatch):
    one, other = KeyReader(7), KeyReader(7)
    one.below(10, 0.5)
    monkeypatch.setattr(KeyStream, "_draw", None)
    check(other, np.random.default_rng(7), 10, 0.9)


def test_more_sizes_than_are_kept():
    readers = [KeyReader(7) for _ in range(20)]
    for _ in range(3):
        for number, reader in enumerate(readers):
            reader.below(number, 0.5)
    own = np.random.default_rng(7)
    own.random(3 * 19)
    check(readers[-1], own, 5, np.inf)


def test_seeds_have_streams_of_their_own_that_end_with_their_readers():
    one, other = KeyReader(8), KeyReader(9)
    assert not np.array_equal(one.below(4, np.inf)[1], other.below(4, np.inf)[1])
    del one, other
    gc.collect()
    assert 8 not in _streams
    assert 9 not in _streams
