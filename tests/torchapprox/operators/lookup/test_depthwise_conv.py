"""Depthwise convolutions are looked up by their kernel where that is faster."""

import pytest
import torch

from tests.torchapprox.builders import random_table
from torchapprox.operators.lookup import depthwise_conv as module
from torchapprox.operators.lookup import lut_conv as conv_module
from torchapprox.operators.lookup.lut_conv import lut_conv

TABLE = torch.from_numpy(random_table(1, limit=2**15)).T


@pytest.mark.parametrize(
    ("x", "w", "groups", "taken"),
    [
        ((4, 96, 8, 8), (96, 1, 3, 3), 96, True),
        ((1, 40, 26, 26), (40, 1, 5, 5), 40, True),
        ((1, 64, 20, 20), (64, 64, 3, 3), 1, False),
        ((1, 4, 40, 40), (4, 1, 1, 33), 4, False),
    ],
    ids=["small", "5x5", "dense", "many columns"],
)
def test_which_convolutions_are_looked_up_in_words(x, w, groups, taken, monkeypatch):
    calls = []
    fill = module.lookup_depthwise_cpu
    monkeypatch.setattr(module, "lookup_depthwise_cpu", lambda *a, **k: calls.append(fill(*a, **k)))
    monkeypatch.setattr(conv_module, "line_kernels", lambda _: ("expanded",))
    draw = torch.Generator().manual_seed(0)
    codes = [torch.randint(256, size, generator=draw).to(torch.uint8) for size in (x, w)]
    steps = {"stride": (1, 1), "dilation": (1, 1), "groups": groups, "engine": "lookup"}
    sums = lut_conv(*codes, TABLE, **steps)
    assert bool(calls) == taken
    assert torch.equal(sums, lut_conv(*codes, TABLE, kernel="portable", **steps))
