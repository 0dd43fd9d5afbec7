"""NOISE mode against what it stands for; tolerances are five standard errors."""

import math

import pytest
import torch

from tests.torchapprox.builders import minmax_qconfig
from torchapprox import InferenceMode
from torchapprox.layers import ApproxLinear

MEAN, STDEV = -0.75, 0.5


def noisy_layer(**options):
    torch.manual_seed(0)
    layer = ApproxLinear(16, 32, qconfig=minmax_qconfig(), **options)
    layer.inference_mode = InferenceMode.NOISE
    layer.mean, layer.stdev = MEAN, STDEV
    return layer


def differences(layer, x):
    """Noise on the layer's outputs, and the standard deviation of the exact ones."""
    exact = layer.quant_fwd(x, layer.weight_fake_quant(layer.weight))
    noisy = layer.noise_fwd(x, layer.weight_fake_quant(layer.weight))
    return (noisy - exact).detach(), float(exact.detach().std())


def test_mean_and_relative_standard_deviation():
    layer, x = noisy_layer(), torch.randn(2000, 16)
    noise, spread = differences(layer, x)
    count, std = noise.numel(), STDEV * spread
    assert abs(float(noise.mean()) - MEAN) < 5 * std / math.sqrt(count)
    assert abs(float(noise.std()) - std) < 5 * std / math.sqrt(2 * count)


def test_no_noise_in_eval_but_behind_the_switch():
    layer, x = noisy_layer().eval(), torch.randn(50, 16)
    assert float(differences(layer, x)[0].abs().max()) == 0
    layer.noise_in_eval = True
    assert float(differences(layer, x)[0].abs().max()) > 0


def test_a_generator_makes_draws_reproducible():
    layer, x = noisy_layer().eval(), torch.randn(50, 16)
    layer.noise_in_eval = True
    draws = []
    for seed in (3, 3, 4):
        layer.noise_generator = torch.Generator().manual_seed(seed)
        draws.append(layer(x))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_learnable_stdev_gets_the_gradient_of_the_noise_alone():
    layer, x = noisy_layer(learnable_noise=True), torch.randn(50, 16)
    assert any(parameter is layer.noise.stdev for parameter in layer.parameters())
    layer.noise_generator = torch.Generator().manual_seed(1)
    layer(x).sum().backward()
    noise = torch.empty(50, 32).normal_(generator=torch.Generator().manual_seed(1))
    spread = layer.quant_fwd(x, layer.weight_fake_quant(layer.weight)).std()
    torch.testing.assert_close(layer.noise.stdev.grad, (noise * spread).sum().detach())


def test_no_gradient_passes_through_the_reference_standard_deviation():
    layer, x = noisy_layer(), torch.randn(50, 16)
    noisy = torch.autograd.grad(layer(x).sum(), layer.weight)[0]
    layer.inference_mode = InferenceMode.QUANTIZED
    exact = torch.autograd.grad(layer(x).sum(), layer.weight)[0]
    torch.testing.assert_close(noisy, exact)


@pytest.mark.parametrize("learnable", [False, True])
def test_setting_the_parameters(learnable):
    layer = noisy_layer(learnable_noise=learnable)
    assert (layer.mean, layer.stdev) == (MEAN, STDEV)
    assert isinstance(layer.mean, float)
    assert layer.noise.stdev.requires_grad is learnable


def test_a_single_output_gets_the_mean_and_an_empty_one_nothing():
    torch.manual_seed(0)
    layer = ApproxLinear(3, 1, bias=False, qconfig=minmax_qconfig())
    layer.inference_mode = InferenceMode.NOISE
    layer.mean, layer.stdev = MEAN, STDEV
    operands = torch.ones(1, 3), layer.weight
    noise = layer.noise_fwd(*operands) - layer.quant_fwd(*operands)
    assert noise.item() == pytest.approx(MEAN)
    assert layer(torch.ones(0, 3)).shape == (0, 1)
