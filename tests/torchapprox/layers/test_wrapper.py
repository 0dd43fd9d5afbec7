"""What a model asks of a layer that has been wrapped."""

import copy
import pickle

import pytest
import torch
from torch import nn

from tests.torchapprox.builders import random_multiplier, wrapped
from torchapprox.layers import ApproxWrapper


def conv():
    return nn.Conv2d(2, 3, (3, 1), stride=2, padding=1, dilation=2, bias=False)


@pytest.mark.parametrize("make", [wrapped, ApproxWrapper])
def test_the_layers_own_attributes_are_there(make):
    layer, wrapper = conv(), make(conv())
    for name in nn.Conv2d.__constants__:
        assert getattr(wrapper, name) == getattr(layer, name)
    assert wrapper.weight is wrapper.wrapped.weight
    assert wrapper.bias is None
    assert make(nn.Linear(5, 4)).in_features == 5


def test_no_other_attributes_are_there():
    wrapper = wrapped(nn.Linear(3, 2), random_multiplier())
    for name in ("in_channels", "multiplier", "weight_fake_quant", "nothing"):
        assert not hasattr(wrapper, name)
    with pytest.raises(AttributeError, match="'ApproxWrapper' object has no attribute 'nothing'"):
        _ = wrapper.nothing


def test_a_tied_weight_reaches_the_layer():
    words = nn.Embedding(5, 4)
    model = nn.Sequential(words, wrapped(nn.Linear(4, 5), random_multiplier()))
    model[1].weight = words.weight
    assert model[1].wrapped.weight is words.weight
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "1.wrapped.bias"]
    model[1].bias = None
    assert model[1].wrapped.bias is None
    before = model(torch.arange(5)).detach()
    with torch.no_grad():
        words.weight.mul_(-1)
    assert not torch.equal(model(torch.arange(5)), before)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_refer_to_their_own_layer(copied):
    wrapper = wrapped(nn.Linear(3, 2), random_multiplier())
    twin = copied(wrapper)
    assert twin.weight is twin.wrapped.weight
    assert twin.weight is not wrapper.weight
