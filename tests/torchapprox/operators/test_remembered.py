"""What is kept of tensors holds while these keep their content."""

import sys
import threading

import pytest
import torch

from torchapprox.operators import remembered
from torchapprox.operators.remembered import FoundOfTensors, found_once, keep


def counting():
    calls = []

    def total(*tensors):
        calls.append(len(tensors))
        return sum(float(tensor.sum()) for tensor in tensors)

    return FoundOfTensors(total), calls


def test_found_once():
    total, calls = counting()
    a, b = torch.ones(3), torch.ones(1, dtype=torch.int32)
    assert [total(a, b) for _ in range(3)] == [4.0] * 3
    assert total(b, a) == 4.0
    assert len(calls) == 2


def replace_data(tensor):
    tensor.data = torch.full((3,), 5.0)


def resize(tensor):
    tensor.resize_(2)


@pytest.mark.parametrize(
    "write",
    [
        lambda tensor: tensor.add_(1),
        lambda tensor: tensor.data.add_(1),
        lambda tensor: tensor.numpy().__setitem__(1, 7),
        replace_data,
        resize,
    ],
)
def test_found_again_where_the_content_changed(write):
    total, _ = counting()
    a = torch.ones(3)
    total(a)
    write(a)
    assert total(a) == float(a.sum())


def test_the_oldest_are_forgotten(monkeypatch):
    monkeypatch.setattr(remembered, "_MOST_KNOWN", 3)
    total, calls = counting()
    tensors = [torch.full((1,), float(i)) for i in range(5)]
    for turn in range(2):
        assert [total(tensor) for tensor in tensors] == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert len(calls) == 5 * (turn + 1)
        assert len(total._known) == 3


def test_threads_keep_at_once():
    known, errors = {}, []

    def work(first):
        try:
            for key in range(first, 40_000, 4):
                keep(known, key, -key, 5)
        except RuntimeError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(before)
    assert not errors
    assert all(value == -key for key, value in known.items())
    keep(known, "last", 0, 5)
    assert len(known) == 5


class Forgetful(dict):
    """What forgets a key as soon as it was seen there, as another thread may."""

    def __contains__(self, key):
        return super().__contains__(key) and self.pop(key) is not None


def test_what_another_thread_forgets_is_found_again():
    known = Forgetful()
    assert [found_once(known, "a", lambda: 7, 2) for _ in range(3)] == [7, 7, 7]


def test_nothing_is_kept_as_well():
    known, calls = {}, []
    for _ in range(2):
        assert found_once(known, "a", lambda: calls.append(1), 2) is None
    assert calls == [1]
