"""A table that changes is read again, whoever writes to it."""

import gc

import numpy as np
import pytest
import torch

from tests.torchapprox.builders import random_table
from torchapprox.operators.lookup.host_table import _by_tensor, host_table


def test_a_tensor_of_its_own_is_compared_once(monkeypatch):
    lut = torch.tensor(random_table(1))
    table = host_table(lut)
    np.testing.assert_array_equal(table.by_x, random_table(1))
    monkeypatch.setattr("torchapprox.operators.lookup.host_table.lookup_table", None)
    assert host_table(lut) is table


def test_what_pytorch_writes_is_seen():
    lut = torch.tensor(random_table(2))
    host_table(lut)
    lut[3, 4] = 17
    assert host_table(lut).by_x[3, 4] == 17


@pytest.mark.parametrize("share", ["from an array", "to an array before", "to an array after"])
def test_what_numpy_writes_is_seen(share):
    lut = torch.from_numpy(random_table(3)) if share == "from an array" else torch.tensor(
        random_table(3)
    )  # fmt: skip
    if share != "to an array after":
        array = lut.numpy()
        host_table(lut)
    else:
        host_table(lut)
        array = lut.numpy()
    array[5, 6] = -23
    assert host_table(lut).by_x[5, 6] == -23


def test_columns_may_be_contiguous():
    lut = torch.tensor(random_table(4)).T.contiguous().T
    table = host_table(lut)
    np.testing.assert_array_equal(table.by_x, random_table(4))
    np.testing.assert_array_equal(table.by_w, random_table(4).T)


def test_tensors_of_inference_mode_are_compared_at_every_call():
    with torch.inference_mode():
        lut = torch.tensor(random_table(5))
        host_table(lut)
        lut[0, 0] = 99
        assert host_table(lut).by_x[0, 0] == 99


def test_tensors_that_are_gone_are_forgotten():
    gc.collect()
    before = len(_by_tensor)
    lut = torch.tensor(random_table(6))
    host_table(lut)
    assert len(_by_tensor) == before + 1
    del lut
    gc.collect()
    assert len(_by_tensor) == before
