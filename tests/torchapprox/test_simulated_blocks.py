"""Simulated blocks wait at barriers, notice one that is missing, and tell an error of a thread."""

import numpy as np
import pytest
from numba import cuda, float32

from tests.torchapprox.simulated_cuda import needs_simulator

pytestmark = [pytest.mark.cuda, needs_simulator]

SIZE = 8


@cuda.jit
def reverse_rounds(values, out, rounds, waits):
    """Add up what the opposite thread wrote, in several rounds through one array."""
    shared = cuda.shared.array(SIZE, float32)
    place = cuda.threadIdx.x
    total = 0.0
    for step in range(rounds):
        shared[place] = values[cuda.blockIdx.x, place] + step
        if waits:
            cuda.syncthreads()
        total += shared[SIZE - 1 - place]
        if waits:
            cuda.syncthreads()
    out[cuda.blockIdx.x, place] = total


@cuda.jit
def one_fails(out, bad):
    place = cuda.threadIdx.x
    cuda.syncthreads()
    if place == bad:
        raise ValueError("not this one")
    cuda.syncthreads()
    out[place] = 1


@cuda.jit
def some_end_early(out):
    place = cuda.threadIdx.x
    if place % 3 == 0:
        return
    cuda.syncthreads()
    out[place] = 1


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_threads_meet_at_barriers(rounds):
    values = np.random.default_rng(0).normal(size=(3, SIZE)).astype(np.float32)
    out = np.zeros_like(values)
    reverse_rounds[3, SIZE](values, out, rounds, True)
    np.testing.assert_allclose(out, rounds * values[:, ::-1] + sum(range(rounds)), rtol=1e-5)
    reverse_rounds[3, SIZE](values, out, rounds, False)
    assert not np.allclose(out, rounds * values[:, ::-1] + sum(range(rounds)))


@pytest.mark.parametrize("bad", [0, 3, SIZE - 1])
def test_an_error_of_a_thread_ends_the_block(bad):
    out = np.zeros(SIZE)
    with pytest.raises(ValueError, match=rf"tid=\[{bad}, 0, 0\].*not this one"):
        one_fails[1, SIZE](out, bad)
    assert not out.any()


def test_threads_that_ended_are_not_waited_for():
    out = np.zeros(SIZE)
    some_end_early[1, SIZE](out)
    assert out.tolist() == [place % 3 > 0 for place in range(SIZE)]
