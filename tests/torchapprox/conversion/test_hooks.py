"""Hooks stay with the place in the model, whatever module is there."""

import pytest
import torch
from torch import nn

from tests.torchapprox.builders import minmax_qconfig, random_multiplier
from torchapprox import approximate, revert

X = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        return self.layer(x, x, x)[0]


@pytest.mark.parametrize("build", [lambda: nn.Sequential(nn.Linear(4, 2)), Attention])
def test_hooks_see_inputs_and_outputs_of_the_float_layer(build):
    model, seen = build(), []
    layer = next(iter(model.children()))
    layer.register_forward_pre_hook(lambda _, inputs: seen.append(("in", inputs[0])))
    handle = layer.register_forward_hook(lambda _, inputs, __: seen.append(("out", inputs[0])))
    approximate(model, random_multiplier(), calibration=[X], qconfig=minmax_qconfig())
    for place in ("converted", "reverted"):
        del seen[:]
        model(X)
        assert [kind for kind, _ in seen] == ["in", "out"], place
        assert all(torch.equal(x, X) for _, x in seen)
        revert(model)
    handle.remove()
    del seen[:]
    model(X)
    assert [kind for kind, _ in seen] == ["in"]


def test_a_handle_removes_the_hook_of_a_converted_layer():
    model = nn.Sequential(nn.Linear(4, 2))
    handle = model[0].register_forward_hook(lambda *_: torch.zeros(1))
    approximate(model, calibration=[X], qconfig=minmax_qconfig())
    assert model(X).tolist() == [0.0]
    handle.remove()
    assert model(X).shape == (2, 3, 2)


def test_backward_hooks_stay():
    model, seen = nn.Sequential(nn.Linear(4, 2)), []
    model[0].register_full_backward_hook(lambda _, __, grads: seen.append(grads[0]))
    approximate(model, calibration=[X], qconfig=minmax_qconfig())
    model(X.clone().requires_grad_()).sum().backward()
    assert torch.equal(seen[0], torch.ones(2, 3, 2))


def test_a_failed_conversion_brings_them_back():
    model, calls = nn.Sequential(nn.Linear(4, 2)), []
    model[0].register_forward_hook(lambda *_: calls.append(1))
    with pytest.raises(ValueError, match="at least one batch"):
        approximate(model, calibration=[], qconfig=minmax_qconfig())
    model(X)
    assert calls == [1]
