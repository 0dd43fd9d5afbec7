"""The kernels under several Python threads, after a fork, and in a data loader's worker."""

import os
import signal
import threading
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from tests.torchapprox.builders import random_table
from torchapprox import lut_matmul
from torchapprox.kernels import lookup_runs_cpu
from torchapprox.kernels.compiling.cpu_kernel import compiles
from torchapprox.kernels.compiling.vector_memory import elements
from torchapprox.kernels.threads import blocks, own_pool
from torchapprox.kernels.threads.blocks import block_piece_cpu, blocks_cpu

LUT = torch.from_numpy(random_table(1))
X = torch.randint(0, 256, (600, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
W = torch.randint(0, 256, (40, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
EXPECTED = lut_matmul(X, W, LUT)

pytestmark = pytest.mark.usefixtures("two_threads")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def product():
    return lut_matmul(X, W, LUT)


@pytest.fixture(params=["openmp", "own pool"])
def either_pool(request, monkeypatch):
    if request.param == "own pool":
        monkeypatch.setattr(own_pool, "_forked", True)
    elif not blocks._openmp():
        pytest.skip("PyTorch's OpenMP runtime has no interface for GCC here")


@blocks_cpu
def count(times, workers, negative, worker, start, stop):
    """Count what is computed, and note who did it and whether there is one below 0."""
    found = False
    for item in range(start, stop):
        times[item] += 1
        workers[item] = worker
        if negative[item] < 0:
            found = True
    return found


class Notes(NamedTuple):
    times: NDArray[np.int64]
    workers: NDArray[np.int64]
    more: int


@block_piece_cpu(Notes)
def note(notes, worker, start, stop):
    times, workers = elements(notes.times, np.int64), elements(notes.workers, np.int64)
    for item in range(start, stop):
        times[item] += notes.more
        workers[item] = worker


@blocks_cpu
def reciprocals(values, results, start, stop):
    for item in range(start, stop):
        results[item] = 1 // values[item]


@blocks_cpu
def meet(arrivals, stop_waiting, worker, start, stop):
    """Wait for the other thread, and give up after many turns."""
    for item in range(start, stop):
        arrivals[item] = 1
        turns = 0
        while arrivals[0] + arrivals[1] < 2 and turns < stop_waiting:
            turns += 1
            arrivals[2 + item] = turns
        arrivals[4 + item] = worker


@pytest.mark.usefixtures("either_pool")
@pytest.mark.parametrize("length", [0, 1, 7, 100])
@pytest.mark.parametrize("block", [1, 3, 200])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_every_item_once(length, block, number):
    times, workers = np.zeros(length, np.int64), np.full(length, -1)
    negative = np.zeros(length)
    assert not count(times, workers, negative, length=length, block=block, threads=number)
    assert (times == 1).all()
    assert set(workers) <= set(range(number))
    if length:
        negative[length // 2] = -1
        assert count(times, workers, negative, length=length, block=block, threads=number)


@pytest.mark.usefixtures("either_pool")
@pytest.mark.skipif(not compiles(), reason="pieces are called by the address of machine code")
@pytest.mark.parametrize("length", [0, 1, 7, 100])
@pytest.mark.parametrize("block", [1, 3, 200])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_every_item_of_a_piece_once(length, block, number):
    times, workers = np.zeros(length, np.int64), np.full(length, -1)
    note(Notes(times, workers, 3), length=length, block=block, threads=number)
    assert (times == 3).all()
    assert set(workers) <= set(range(number))


@pytest.mark.usefixtures("either_pool")
@pytest.mark.skipif(not compiles(), reason="one thread computes all where nothing is compiled")
def test_threads_work_at_the_same_time():
    arrivals = np.zeros(6, np.int64)
    meet(arrivals, 2**33, length=2, block=1, threads=2)
    assert arrivals[:2].tolist() == [1, 1]
    assert sorted(arrivals[4:]) == [0, 1]


@pytest.mark.usefixtures("either_pool")
@pytest.mark.parametrize("number", [1, 3])
def test_an_error_on_a_thread_reaches_the_caller(number):
    values, results = np.ones(10, np.int64), np.zeros(10, np.int64)
    reciprocals(values, results, length=10, block=1, threads=number)
    assert results.tolist() == [1] * 10
    values[7] = 0
    with pytest.raises((RuntimeError, ZeroDivisionError)):
        reciprocals(values, results, length=10, block=1, threads=number)
    values[7] = 1
    reciprocals(values, results, length=10, block=1, threads=number)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads as Linux does")
def test_kernels_share_the_threads_of_pytorch():
    if not blocks._openmp():
        pytest.skip("PyTorch's OpenMP runtime has no interface for GCC here")
    reals = torch.ones(600, 600)
    (reals @ reals).sum()  # PyTorch's threads exist from here on
    before = len(list(Path("/proc/self/task").iterdir()))
    for _ in range(5):
        product()
        (reals @ reals).sum()
    assert len(list(Path("/proc/self/task").iterdir())) == before


@pytest.mark.parametrize("number", [1, 2, 3])
def test_any_number_of_threads(number):
    torch.set_num_threads(number)
    assert torch.equal(product(), EXPECTED)


@pytest.mark.bad_input("threads")
def test_several_python_threads_at_once():
    results = []
    callers = [
        threading.Thread(target=lambda: results.extend(product() for _ in range(5)))
        for _ in range(6)
    ]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(60)
    assert len(results) == 30
    assert all(torch.equal(result, EXPECTED) for result in results)


def product_in_child():
    """The pool with two threads, and the operator with one: OpenMP, which torch's own operations
    use above that, does not survive a fork, so that torch's data loaders set one thread too."""
    torch.set_num_threads(1)
    out = np.empty((1, 40, 600), np.int32)
    table, rows, runs = LUT.numpy().T.copy(), W[None].numpy(), X[None].mT.contiguous().numpy()
    lookup_runs_cpu(table, rows, runs, out, threads=2)
    return np.array_equal(out[0].T, EXPECTED.numpy()) and torch.equal(product(), EXPECTED)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.bad_input("fork")
def test_after_a_fork():
    product()  # the parent's pool exists, its threads do not live on in the child
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forking with threads
        child = os.fork()
    if child == 0:
        signal.alarm(30)
        os._exit(0 if product_in_child() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert torch.equal(product(), EXPECTED)


class Products(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return product_in_child()


@pytest.mark.parametrize("context", ["fork", "spawn"])
@pytest.mark.bad_input("fork")
def test_in_the_workers_of_a_data_loader(context):
    if context == "spawn":
        pytest.importorskip("tests.torchapprox", reason="workers must find the tests' modules")
    workers = 2 if context == "fork" else 1  # a new process takes seconds to import all
    options = {"num_workers": workers, "multiprocessing_context": context, "timeout": 100}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        loader = DataLoader(Products(), **options)
        assert [bool(batch.all()) for batch in loader] == [True] * 4
