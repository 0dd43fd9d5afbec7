"""The kernels under several Python threads, after a fork, and in a data loader's worker."""

import os
import signal
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from tests.torchapprox.builders import random_table
from torchapprox import lut_matmul
from torchapprox.kernels import lookup_runs_cpu, threads
from torchapprox.kernels.threads import for_each_block

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
        monkeypatch.setattr(threads, "_forked", True)
    elif threads._openmp() is None:
        pytest.skip("PyTorch's OpenMP runtime has no interface for GCC here")


@pytest.mark.usefixtures("either_pool")
@pytest.mark.parametrize("length", [0, 1, 7, 100])
@pytest.mark.parametrize("block", [1, 3, 200])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_every_block_once(length, block, number):
    seen = []
    for_each_block(lambda start, stop: seen.extend(range(start, stop)), length, block, number)
    assert sorted(seen) == list(range(length))


@pytest.mark.usefixtures("either_pool")
def test_threads_work_at_the_same_time():
    both = threading.Barrier(2)
    for_each_block(lambda *_: both.wait(60), 2, 1, 2)


@pytest.mark.usefixtures("either_pool")
def test_an_error_in_a_helper_reaches_the_caller():
    def fail(start, stop):
        raise ArithmeticError(f"{start}..{stop}")

    with pytest.raises(ArithmeticError, match=r"\d+\.\.\d+"):
        for_each_block(fail, 10, 1, 3)


@pytest.mark.usefixtures("either_pool")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_no_more_threads_than_asked_for(number):
    working, most = set(), []

    def work(*_):
        working.add(threading.get_ident())
        most.append(len(working))
        time.sleep(0.001)
        working.discard(threading.get_ident())

    for_each_block(work, 40, 1, number)
    assert max(most) <= number


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads as Linux does")
def test_kernels_share_the_threads_of_pytorch():
    if threads._openmp() is None:
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        loader = DataLoader(Products(), num_workers=2, multiprocessing_context=context, timeout=100)
        assert [bool(batch.all()) for batch in loader] == [True] * 4
