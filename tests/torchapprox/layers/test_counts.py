"""How many multiplications a layer makes, counted by hand."""

import re
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from tests.torchapprox.builders import minmax_qconfig
from torchapprox import layers
from torchapprox.layers import ApproxConv2d, ApproxLinear, layer_mapping_dict
from torchapprox.operators.conv2d import Conv2dArgs


def conv(*args, **options):
    return ApproxConv2d(*args, qconfig=minmax_qconfig(), **options)


@pytest.mark.parametrize(
    ("layer", "fan_in", "opcount"),
    [
        (conv(4, 6, 3), 36, 36 * 6 * 4 * 5),
        (conv(4, 6, (1, 3), groups=2), 6, 6 * 6 * 6 * 5),
        (conv(4, 4, 3, groups=4, padding=1, stride=2), 9, 9 * 4 * 3 * 4),
        (conv(4, 2, 3, padding="same", dilation=2), 36, 36 * 2 * 6 * 7),
    ],
)
@pytest.mark.bad_input("before-forward")
def test_convolution(layer, fan_in, opcount):
    assert layer.fan_in == fan_in
    with pytest.raises(ValueError, match="'opcount' needs the size of the input"):
        _ = layer.opcount
    x = torch.rand(2, 4, 6, 7)
    y = layer(x)
    assert layer.opcount == opcount
    assert layer.output_dims(x) == layer.output_dims(x[0]) == tuple(y.shape[2:])


def test_linear():
    layer = ApproxLinear(8, 3, qconfig=minmax_qconfig())
    assert (layer.fan_in, layer.opcount) == (8, 24)
    layer(torch.rand(2, 5, 8))
    assert layer.opcount == 5 * 24
    layer(torch.rand(8))
    assert layer.opcount == 24


def test_conv_args():
    args = conv(4, 6, (1, 3), stride=2, padding=1, groups=2).conv_args
    assert args == Conv2dArgs(4, 6, (1, 3), (2, 2), (1, 1), (1, 1), 2)
    assert args.backward_args() == {
        "stride": (2, 2),
        "padding": (1, 1),
        "dilation": (1, 1),
        "groups": 2,
    }


@pytest.mark.parametrize(
    ("layer", "fast"),
    [
        (conv(4, 4, 3, groups=4), True),
        (conv(4, 4, 3, groups=4, dilation=2), False),
        (conv(4, 8, 3, groups=4), False),
        (conv(4, 4, 3), False),
    ],
)
def test_use_fast_dwconv(layer, fast):
    assert layer.conv_args.use_fast_dwconv() is fast


@pytest.mark.parametrize(
    "make", [ApproxConv2d.from_conv2d, ApproxConv2d.from_super, ApproxConv2d.from_float]
)
def test_from_a_convolution(make):
    float_layer = nn.Conv2d(4, 6, (1, 3), stride=2, padding=(0, 1), dilation=2, groups=2).eval()
    layer = make(float_layer)
    assert layer.weight is float_layer.weight
    assert layer.bias is float_layer.bias
    assert not layer.training
    back = layer.to_float()
    assert type(back) is nn.Conv2d
    assert repr(back) == repr(float_layer)
    assert back.weight is float_layer.weight


@pytest.mark.parametrize("make", [ApproxLinear.from_super, ApproxLinear.from_float])
def test_from_a_linear_layer(make):
    float_layer = nn.Linear(4, 6, bias=False)
    layer = make(float_layer)
    assert layer.weight is float_layer.weight
    assert layer.bias is None
    assert repr(layer.to_float()) == repr(float_layer)


@pytest.mark.parametrize(
    ("compute", "remedy"),
    [
        (nn.utils.parametrizations.weight_norm, parametrize.remove_parametrizations),
        (partial(prune.l1_unstructured, name="weight", amount=0.5), prune.remove),
        (partial(nn.utils.spectral_norm, dim=0), nn.utils.remove_spectral_norm),
    ],
)
def test_a_weight_computed_at_every_call_is_refused_with_the_remedy(compute, remedy):
    layer = compute(nn.Linear(3, 2))
    call = rf"call (\S*{remedy.__name__}\(.*\)) first"
    with pytest.raises(NotImplementedError, match=call) as refused:
        ApproxLinear.from_float(layer)
    eval(re.search(call, str(refused.value))[1])  # what it says helps
    assert ApproxLinear.from_float(layer).weight is layer.weight


def test_layer_mapping():
    mapping = layer_mapping_dict()
    assert mapping[nn.Linear] is ApproxLinear
    for dims in (1, 2, 3):
        for kind in (f"Conv{dims}d", f"ConvTranspose{dims}d"):
            assert mapping[getattr(nn, kind)] is getattr(layers, f"Approx{kind}")
