"""A quantiser whose work the operator does gives the same as one that runs by itself."""

import pytest
import torch
from torch import nn

from tests.torchapprox.builders import minmax_qconfig, random_multiplier, wrapped
from torchapprox import InferenceMode
from torchapprox.layers import ApproxLayer, ApproxMatmul

LAYERS = {
    "linear": (nn.Linear(5, 3), (2, 4, 5)),
    "convolution": (nn.Conv2d(4, 6, 3, groups=2, padding=1, stride=2), (2, 4, 5, 6)),
    "padded by reflection": (nn.Conv1d(2, 3, 3, padding=2, padding_mode="reflect"), (2, 2, 6)),
    "three dimensions": (nn.Conv3d(2, 3, 2), (2, 2, 3, 4, 3)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, groups=2, stride=2), (2, 4, 3, 4)),
}
QCONFIGS = {
    "per tensor": minmax_qconfig(),
    "per channel, affine": minmax_qconfig(per_channel=True, w_affine=True),
    "clipped": minmax_qconfig((0, 7), (-4, 3)),
}


def run(module, *operands):
    module.zero_grad()
    operands = [operand.clone().requires_grad_() for operand in operands]
    y = module(*operands)
    y.backward(torch.randn(y.shape, generator=torch.Generator().manual_seed(7)))
    gradients = [operand.grad for operand in operands]
    return y.detach(), *gradients, *(p.grad.clone() for p in module.parameters())


def both_ways(monkeypatch, module, *operands):
    deferred = run(module, *operands)
    monkeypatch.setattr(ApproxLayer, "deferred", lambda *_: None)
    return deferred, run(module, *operands)


def assert_equal(deferred, by_itself):
    for got, wanted in zip(deferred, by_itself, strict=True):
        assert torch.equal(got, wanted)


@pytest.mark.parametrize("qconfig", QCONFIGS.values(), ids=QCONFIGS)
@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_layers_with_weights(monkeypatch, layer, shape, qconfig):
    wrapper = wrapped(layer, random_multiplier(), qconfig=qconfig)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    wrapper(x)
    wrapper.apply(lambda m: m.disable_observer() if hasattr(m, "disable_observer") else None)
    layer = wrapper.wrapped
    assert layer.deferred(layer.weight_fake_quant) is not None
    assert_equal(*both_ways(monkeypatch, wrapper, 3 * x))


def test_products_of_activations(monkeypatch):
    layer = ApproxMatmul(minmax_qconfig())
    x, w = torch.randn(2, 3, 4), torch.randn(2, 4, 5)
    layer(x, w)
    layer.apply(lambda m: m.disable_observer() if hasattr(m, "disable_observer") else None)
    layer.inference_mode, layer.multiplier = InferenceMode.APPROXIMATE, random_multiplier()
    assert_equal(*both_ways(monkeypatch, layer, 3 * x, 3 * w))


@pytest.mark.parametrize("switch", ["enable_observer", "disable_fake_quant"])
def test_a_quantiser_that_does_more_or_less_runs_by_itself(switch):
    wrapper = wrapped(nn.Linear(5, 3), random_multiplier())
    wrapper(torch.randn(4, 5))
    quantiser, layer = wrapper.activation_quantiser, wrapper.wrapped
    quantiser.disable_observer()
    assert layer.deferred(quantiser) == (0, 127)
    getattr(quantiser, switch)()
    assert layer.deferred(quantiser) is None


@pytest.mark.parametrize("mode", [InferenceMode.QUANTIZED, InferenceMode.NOISE])
def test_other_modes_need_fake_quantised_floats(mode):
    wrapper = wrapped(nn.Linear(5, 3), random_multiplier(), mode=mode)
    wrapper(torch.randn(4, 5))
    wrapper.activation_quantiser.disable_observer()
    assert wrapper.wrapped.deferred(wrapper.activation_quantiser) is None
