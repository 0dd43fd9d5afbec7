"""NOISE mode against what it stands for; tolerances are five standard errors."""

import math

import pytest
import torch

from tests.torchapprox.builders import minmax_qconfig
from torchapprox import InferenceMode
from torchapprox.layers import ApproxConv2d, ApproxLinear
from torchapprox.layers.output_noise import OutputNoise

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


class TestProfile:
    OFFSET, FACTOR, SLOPE = (
        torch.linspace(-1, 1, 32),
        torch.linspace(0, 2, 32),
        torch.linspace(-0.5, 0.5, 32),
    )

    def profiled(self, layer):
        layer.noise.set_profile(mean_offset=self.OFFSET, stdev_factor=self.FACTOR, slope=self.SLOPE)
        return layer

    def test_every_channel_has_its_own_mean_and_standard_deviation(self):
        layer, x = self.profiled(noisy_layer()), torch.randn(20_000, 16)
        noise, spread = differences(layer, x)
        exact = layer.quant_fwd(x, layer.weight_fake_quant(layer.weight)).detach()
        left = noise - self.SLOPE * exact
        std = STDEV * spread * self.FACTOR
        count = len(x)
        assert ((left.mean(0) - MEAN - self.OFFSET).abs() <= 5 * std / math.sqrt(count)).all()
        assert ((left.std(0) - std).abs() <= 5 * std / math.sqrt(2 * count) + 1e-6).all()

    def test_channels_of_a_convolution(self):
        layer = ApproxConv2d(2, 3, 3, qconfig=minmax_qconfig())
        layer.inference_mode = InferenceMode.NOISE
        offset = torch.tensor([1.0, -2.0, 3.0])
        nothing = torch.zeros(3)
        layer.noise.set_profile(mean_offset=offset, stdev_factor=nothing, slope=nothing)
        operands = torch.randn(2, 2, 5, 6), layer.weight
        noise = layer.noise_fwd(*operands) - layer.quant_fwd(*operands)
        torch.testing.assert_close(noise, offset.view(3, 1, 1).expand(2, 3, 3, 4))

    def test_the_floats_stay_and_clearing_brings_the_plain_noise_back(self):
        layer, x = noisy_layer(), torch.randn(10, 16)
        layer.noise_generator = torch.Generator().manual_seed(0)
        plain = layer(x)
        self.profiled(layer)
        assert (layer.mean, layer.stdev) == (MEAN, STDEV)
        layer.noise.clear_profile()
        layer.noise_generator = torch.Generator().manual_seed(0)
        assert torch.equal(layer(x), plain)

    def test_checkpoints_carry_it_both_ways(self):
        layer, other = self.profiled(noisy_layer()), noisy_layer()
        plain = other.state_dict()
        assert not any("slope" in name for name in plain)
        other.load_state_dict(layer.state_dict())
        assert torch.equal(other.noise.slope, self.SLOPE)
        other.load_state_dict(noisy_layer().state_dict())
        assert other.noise.slope is None
        assert other.noise.mean_offset is None

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"slope": torch.zeros(3)}, r"'mean_offset' must be one value per output channel"),
            ({"slope": torch.zeros(4, 8)}, r"'mean_offset' must be one value per output"),
            ({"stdev_factor": -torch.ones(32)}, "'stdev_factor' must not be negative"),
            ({"mean_offset": torch.full((32,), math.nan)}, "'mean_offset' must be finite"),
        ],
    )
    def test_bad_profiles_are_refused(self, change, message):
        good = {"mean_offset": self.OFFSET, "stdev_factor": self.FACTOR, "slope": self.SLOPE}
        layer = noisy_layer()
        with pytest.raises(ValueError, match=message):
            layer.noise.set_profile(**(good | change))
        assert layer.noise.slope is None


@pytest.mark.parametrize("channel_shape", [(-1,), (-1, 1, 1)])
def test_the_error_follows_the_outputs_of_all_channels(channel_shape):
    torch.manual_seed(0)
    noise, zeros = OutputNoise(), torch.zeros(3)
    noise.in_eval = True
    basis, response = torch.randn(3, 2), torch.randn(3, 2)
    noise.set_profile(
        mean_offset=zeros, stdev_factor=zeros, slope=zeros, basis=basis, response=response
    )
    y = torch.randn(5, 4, 3)
    expected = y + y @ basis @ response.T
    if len(channel_shape) == 3:
        y, expected = (value.permute(0, 2, 1)[..., None] for value in (y, expected))
    torch.testing.assert_close(noise(y, channel_shape), expected)
    with pytest.raises(ValueError, match="'basis' and 'response' must be given together"):
        noise.set_profile(mean_offset=zeros, stdev_factor=zeros, slope=zeros, basis=basis)
    with pytest.raises(ValueError, match="'response' must have the shape of 'basis'"):
        noise.set_profile(
            mean_offset=zeros, stdev_factor=zeros, slope=zeros, basis=basis, response=basis[:, :1]
        )


def test_matrices_rows_and_columns_share_their_part_of_the_variance():
    torch.manual_seed(0)
    noise, one = OutputNoise(), torch.ones(1)
    noise.in_eval, noise.stdev = True, torch.tensor(1.0)
    profile = {"mean_offset": 0 * one, "stdev_factor": one, "slope": 0 * one}
    noise.set_profile(**profile, shares=torch.tensor([0.1, 0.2, 0.4]))
    y = torch.randn(3000, 2, 4, 5)
    drawn = (noise(y) - y) / y.std()
    tolerance = 5 * (2 / 3000) ** 0.5
    for other, expected in (
        (drawn, 1.0),
        (drawn.roll(1, -1), 0.3),
        (drawn.roll(1, -2), 0.5),
        (drawn.roll((1, 1), (-1, -2)), 0.1),
        (drawn.roll(1, 1), 0.0),
    ):
        assert float((drawn * other).mean()) == pytest.approx(expected, abs=tolerance)
    for shares, message in (
        (torch.tensor([0.5, 0.5, 0.5]), "'shares' must not be negative and add up to at most 1"),
        (torch.zeros(2), "'shares' must be three values, for a layer of one channel"),
    ):
        with pytest.raises(ValueError, match=message):
            noise.set_profile(**profile, shares=shares)


@pytest.mark.parametrize("channel_shape", [(-1,), (-1, 1, 1)])
def test_loadings_correlate_the_channels_of_a_position_alone(channel_shape):
    torch.manual_seed(0)
    noise = OutputNoise()
    noise.in_eval, noise.stdev = True, torch.tensor(1.0)
    loadings = torch.tensor([[0.8, 0.0], [0.6, 0.6], [0.0, -1.0]])
    ones = torch.ones(3)
    noise.set_profile(mean_offset=0 * ones, stdev_factor=ones, slope=0 * ones, loadings=loadings)
    shape = (40, 3, 30, 50) if len(channel_shape) == 3 else (40, 30, 50, 3)
    y = torch.randn(shape)
    drawn = ((noise(y, channel_shape) - y) / y.std()).movedim(-len(channel_shape), -1)
    expected = loadings @ loadings.T
    expected.fill_diagonal_(1)
    tolerance = 5 / 60_000**0.5
    torch.testing.assert_close(torch.cov(drawn.flatten(0, -2).T), expected, rtol=0, atol=tolerance)
    neighbours = (drawn[..., 1:, :] * drawn[..., :-1, :]).mean(dim=(0, 1, 2))
    assert neighbours.abs().max() < tolerance


def test_loadings_save_with_the_layer_and_must_fit():
    noise, ones = OutputNoise(), torch.ones(3)
    profile = {"mean_offset": ones, "stdev_factor": ones, "slope": ones}
    noise.set_profile(**profile, loadings=torch.full((3, 2), 0.5))
    other = OutputNoise()
    other.load_state_dict(noise.state_dict())
    assert torch.equal(other.loadings, noise.loadings)
    noise.set_profile(**profile)
    assert noise.loadings is None
    with pytest.raises(
        ValueError, match=r"'loadings' must be one row per output channel, \(3, R\)"
    ):
        noise.set_profile(**profile, loadings=torch.zeros(2, 3))
    with pytest.raises(ValueError, match="squares of a row of 'loadings'"):
        noise.set_profile(**profile, loadings=torch.ones(3, 2))
