import numpy as np
import pytest
import torch
from torch import nn

import torchapprox
from analysis import (
    NoiseParameters,
    apply_noise,
    noise_parameters,
    noisy,
    predict_error,
    trace_batches,
)
from analysis.error_models.output_slope import output_slope
from multipliers import Multiplier, code_values, exact_products
from torchapprox.layers import ApproxLinear, ApproxMatmul, InferenceMode

SCALE = np.array([0.1, 0.2, 0.3])


class Products(nn.Module):
    """A model of one product of two activations."""

    def __init__(self, product):
        super().__init__()
        self.product = product


@pytest.fixture
def trace(make_trace):
    rng = np.random.default_rng(0)
    x_codes = rng.integers(0, 256, (1, 4, 6), dtype=np.uint8)
    w_codes = rng.integers(0, 256, (1, 3, 6), dtype=np.uint8)
    return make_trace(x_codes, w_codes, scale=SCALE)


@pytest.fixture
def output_std(trace):
    """Standard deviation of the exact outputs, which are not those that the trace was told."""
    x, w = (
        codes[0].astype(np.int8).astype(float)
        for codes in (trace.sample.x_codes, trace.sample.w_codes)
    )
    return float((SCALE * (x @ w.T)).std())


def test_noise_of_a_layer_is_the_prediction_relative_to_the_exact_output(
    random_multiplier, trace, output_std
):
    multiplier = random_multiplier()
    for model in ("global", "paired"):
        predicted = predict_error(multiplier, trace, model=model)
        noise = noise_parameters(multiplier, {"a": trace}, model=model, detail="layer")["a"]
        assert noise.mean == predicted.real_mean_per_output < 0
        assert noise.stdev == pytest.approx(predicted.real_std_per_output / output_std)
        assert noise.profile is None


def test_noise_of_every_channel_has_its_mean_and_standard_deviation(
    random_multiplier, trace, output_std
):
    multiplier = random_multiplier()
    predicted = predict_error(multiplier, trace)
    noise = noise_parameters(multiplier, {"a": trace}, detail="channel")["a"]
    means, stds = noise.mean + noise.profile.mean_offset, noise.stdev * noise.profile.stdev_factor
    np.testing.assert_allclose(means, predicted.real_channel_mean)
    np.testing.assert_allclose(output_std * stds, predicted.real_channel_std)
    np.testing.assert_array_equal(noise.profile.slope, 0)


def test_noise_that_follows_the_output_keeps_mean_and_variance(
    random_multiplier, trace, output_std
):
    multiplier = random_multiplier()
    predicted, line = predict_error(multiplier, trace), output_slope(multiplier, trace)
    noise = noise_parameters(multiplier, {"a": trace})["a"]
    slope = noise.profile.slope
    assert (slope != 0).all()
    # With so few rows the error follows no outputs but the channel's own.
    assert noise.profile.basis.shape == (3, 0)
    means = noise.mean + noise.profile.mean_offset + slope * line.output_mean * trace.scale
    np.testing.assert_allclose(means, predicted.real_channel_mean)
    stds = output_std * noise.stdev * noise.profile.stdev_factor
    variances = stds**2 + np.square(slope * line.output_std * trace.scale)
    np.testing.assert_allclose(np.sqrt(variances), predicted.real_channel_std)


def test_what_the_channels_of_a_position_share_is_in_the_noise(random_multiplier, make_trace):
    rng = np.random.default_rng(1)
    x_codes = rng.integers(0, 256, (1, 400, 6), dtype=np.uint8)
    w_codes = rng.integers(0, 256, (1, 3, 6), dtype=np.uint8)
    w_codes[0, 1] = w_codes[0, 0]
    multiplier = random_multiplier()
    trace = make_trace(x_codes, w_codes, rows=400)
    loadings = noise_parameters(multiplier, {"a": trace})["a"].profile.loadings
    # Every output's error through the table, and what a line in the exact output leaves of it.
    codes = x_codes[0][:, None, :], w_codes[0][None]
    errors = multiplier.error[codes].sum(axis=2)
    exact = multiplier.exact[codes].sum(axis=2)
    left = [e - np.polyval(np.polyfit(y, e, 1), y) for e, y in zip(errors.T, exact.T, strict=True)]
    design = np.column_stack([np.ones(400), exact])
    left = [e - design @ np.linalg.lstsq(design, e, rcond=None)[0] for e in left]
    np.testing.assert_allclose(loadings @ loadings.T, np.corrcoef(left), atol=1e-6)
    assert loadings[0] @ loadings[1] == pytest.approx(1)


def test_a_proportional_error_is_all_slope(trace):
    halved = Multiplier.from_lut(exact_products(True, True) * 3 // 2)
    noise = noise_parameters(halved, {"a": trace})["a"]
    np.testing.assert_allclose(noise.profile.slope, 0.5, atol=0.01)
    assert noise.stdev < 0.01 * predict_error(halved, trace).real_std_per_output


@pytest.mark.parametrize("detail", ["layer", "channel", "output", "position", "element"])
def test_a_folded_mean_is_no_noise(random_multiplier, trace, output_std, detail):
    multiplier = random_multiplier()
    noise = noise_parameters(multiplier, {"a": trace}, detail=detail, folded=True)["a"]
    means = np.zeros(3) if noise.profile is None else noise.profile.mean_offset
    if detail in ("output", "position", "element"):
        means = (
            means + noise.profile.slope * output_slope(multiplier, trace).output_mean * trace.scale
        )
    np.testing.assert_allclose(noise.mean + means, 0, atol=1e-9)
    predicted = predict_error(multiplier, trace)
    if detail == "layer":
        within = np.sqrt(np.square(predicted.real_channel_std).mean())
        assert noise.stdev == pytest.approx(within / output_std)


def test_noise_of_the_approximate_network_reproduces_errors_behind_other_errors():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    x = torch.rand(2000, 8)
    # Errors of the first layer shrink the activations, and with them the errors of the second.
    x_squared = np.square(code_values(True))[:, None]
    multiplier = Multiplier.from_lut(exact_products(True, True) - x_squared // 16)
    torchapprox.approximate(model, multiplier, calibration=[x])
    approximate = model(x).detach()
    found = {}
    for mode in (InferenceMode.QUANTIZED, InferenceMode.APPROXIMATE):
        noise = noise_parameters(multiplier, trace_batches(model, [x], mode=mode))
        with noisy(model, noise), torch.no_grad():
            found[mode] = model(x)
    off = {mode: float((y.mean() - approximate.mean()).abs()) for mode, y in found.items()}
    assert off[InferenceMode.APPROXIMATE] < 0.3 * off[InferenceMode.QUANTIZED]
    spread = float(found[InferenceMode.APPROXIMATE].std())
    assert spread == pytest.approx(float(approximate.std()), rel=0.05)


def test_errors_that_follow_the_outputs_of_other_channels_are_no_scatter(make_trace):
    # Each error is a function of x alone: all channels' errors are one combination of inputs, which
    # three outputs of three inputs determine.
    rng = np.random.default_rng(2)
    x_codes = rng.integers(0, 128, (1, 600, 3), dtype=np.uint8)
    w_codes = rng.integers(0, 256, (1, 3, 3), dtype=np.uint8)
    multiplier = Multiplier.from_lut(exact_products(True, True) + 5 * code_values(True)[:, None])
    trace = make_trace(x_codes, w_codes, scale=SCALE, rows=600)
    noise = noise_parameters(multiplier, {"a": trace})["a"]
    profile = noise.profile
    x, w = x_codes[0].astype(float), w_codes[0].view(np.int8).astype(float)
    outputs, errors = SCALE * (x @ w.T), SCALE * 5 * x.sum(axis=1, keepdims=True)
    found = noise.mean + profile.mean_offset + profile.slope * outputs
    found = found + outputs @ profile.basis @ profile.response.T
    np.testing.assert_allclose(found, errors, atol=1e-6 * errors.std())
    assert noise.stdev < 1e-6


@pytest.mark.parametrize("folded", [False, True])
def test_noise_of_attention_has_the_mean_of_every_element(random_multiplier, folded):
    torch.manual_seed(0)
    layer = ApproxMatmul()
    model, multiplier = Products(layer), random_multiplier()
    # What one head and row has in all samples, and a little that differs.
    x = (torch.randn(1, 2, 3, 4) + 0.02 * torch.randn(400, 2, 3, 4)).clamp(-3, 3)
    w = (torch.randn(1, 2, 4, 5) + 0.02 * torch.randn(400, 2, 4, 5)).clamp(-3, 3)
    layer(x, w)
    layer.multiplier = multiplier
    model.eval()
    exact = layer(x, w).detach()
    layer.inference_mode = InferenceMode.APPROXIMATE
    with torchapprox.trace(model) as traces:
        error = (layer(x, w) - exact).detach()
    assert traces["product"].sample_shape == (2, 3, 5)
    noise = noise_parameters(multiplier, traces, folded=folded)["product"]
    with noisy(model, {"product": noise}), torch.no_grad():
        drawn = layer(x, w) - exact
    spread = float((error.mean(0) - error.mean()).std())
    # Fitted to some 40 samples of each element, whose errors scatter.
    tolerance = 4 * float(error.std(dim=0).max()) * (1 / 40 + 1 / 400) ** 0.5
    assert tolerance < 2 * spread
    torch.testing.assert_close(drawn.mean(0), error.mean(0), rtol=0, atol=tolerance)


def test_noise_of_elements_takes_matrices_of_their_shape_alone(random_multiplier):
    torch.manual_seed(0)
    layer, multiplier = ApproxMatmul(), random_multiplier()
    model = Products(layer)
    x, w = torch.randn(50, 3, 4), torch.randn(50, 4, 5)
    layer(x, w)
    model.eval()
    with torchapprox.trace(model) as traces:
        layer(x, w)
    longer = torch.randn(50, 6, 4)
    with (
        noisy(model, noise_parameters(multiplier, traces)),
        pytest.raises(ValueError, match=r"a mean for each element of matrices \(3, 5\)"),
    ):
        layer(longer, w)
    with noisy(model, noise_parameters(multiplier, traces, detail="position")):
        assert layer(longer, w).shape == (50, 6, 5)
    with torchapprox.trace(model) as traces:
        layer(x, w)
        layer(longer, w)
    assert traces["product"].sample_shape == ()
    with noisy(model, noise_parameters(multiplier, traces)):
        assert layer(longer, w).shape == (50, 6, 5)


def test_an_unknown_detail_is_refused(random_multiplier, trace):
    with pytest.raises(
        ValueError,
        match="'detail' must be one of layer, channel, output, position, element, got 'all'",
    ):
        noise_parameters(random_multiplier(), {"a": trace}, detail="all")


def test_applied_profiles_reach_the_layers_and_leave_them(random_multiplier, trace):
    layer = ApproxLinear(6, 3)
    model = nn.Sequential(layer)
    noise = noise_parameters(random_multiplier(), {"0": trace})["0"]
    apply_noise(model, {"0": noise})
    np.testing.assert_allclose(layer.noise.slope.numpy(), noise.profile.slope, rtol=1e-6)
    apply_noise(model, {"0": NoiseParameters(mean=0.0, stdev=1.0)})
    assert layer.noise.slope is None


def test_a_transposed_convolution_adds_the_sums_of_its_taps(random_multiplier):
    torch.manual_seed(0)
    model = nn.Sequential(nn.ConvTranspose1d(3, 2, 5, stride=1))
    x = torch.rand(8, 3, 200)
    torchapprox.approximate(model, calibration=[x], mode=InferenceMode.QUANTIZED)
    with torchapprox.trace(model) as traces:
        model(x)
    trace = traces["0.wrapped"]
    assert trace.sums_per_output == pytest.approx(5 * 200 / 204)
    multiplier = random_multiplier()
    noise = noise_parameters(multiplier, traces)["0.wrapped"]
    exact = model(x).detach()
    torchapprox.approximate(model, multiplier)
    # Every output but those at the ends has five taps, whose errors' means add.
    error = (model(x) - exact).detach()
    assert noise.mean == pytest.approx(float(error.mean()), rel=1e-3)
    assert 0.2 < noise.stdev / float(error.std() / exact.std()) < 2


@pytest.mark.parametrize("detail", ["layer", "channel", "output", "position", "element"])
def test_a_varying_error_of_a_constant_output_is_refused(random_multiplier, make_trace, detail):
    x_codes = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    trace = make_trace(x_codes, np.zeros((1, 2, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match="layer 'layer' must have an output that varies"):
        noise_parameters(random_multiplier(), {"layer": trace}, detail=detail)


@pytest.mark.parametrize("detail", ["channel", "output", "position", "element"])
def test_constant_operands_have_a_constant_error(random_multiplier, make_trace, detail):
    # As behind a layer whose errors leave nothing but zeros after the activation function.
    w_codes = np.array([[[1, 2, 3], [4, 5, 6]]], dtype=np.uint8)
    trace = make_trace(np.zeros((1, 5, 3), dtype=np.uint8), w_codes)
    multiplier = random_multiplier()
    noise = noise_parameters(multiplier, {"layer": trace}, detail=detail)["layer"]
    assert noise.stdev == 0
    means = multiplier.error[0, w_codes[0]].sum(axis=1)
    np.testing.assert_allclose(noise.mean + noise.profile.mean_offset, means)


def test_applied_noise_has_the_sign_and_the_size_of_the_error():
    torch.manual_seed(0)
    layer = ApproxLinear(8, 4)
    model = nn.Sequential(layer)
    apply_noise(model, {"0": NoiseParameters(mean=-3.0, stdev=0.5)})
    x = torch.randn(5000, 8)
    exact = layer.quant_fwd(x, layer.weight)
    layer.train()
    layer.inference_mode = InferenceMode.NOISE
    noise = (layer.noise_fwd(x, layer.weight) - exact).detach()
    std = 0.5 * float(exact.detach().std())
    standard_error = std / np.sqrt(noise.numel())
    assert float(noise.mean()) == pytest.approx(-3.0, abs=4 * standard_error)
    assert float(noise.std()) == pytest.approx(std, abs=4 * standard_error)


def test_noise_for_an_unknown_layer_is_refused_and_changes_nothing():
    model = nn.Sequential(ApproxLinear(4, 2))
    noise = NoiseParameters(mean=1.0, stdev=1.0)
    with pytest.raises(LookupError, match="no approximate layer 'conv'; the model has '0'"):
        apply_noise(model, {"0": noise, "conv": noise})
    assert model[0].mean == model[0].stdev == 0


def test_noise_in_evaluation_leaves_the_layers_as_they_were():
    model = nn.Sequential(ApproxLinear(4, 2))
    before = model[0].noise_in_eval, model[0].noise_generator, model[0].inference_mode
    x = torch.randn(6, 4)
    outputs = []
    for seed in (1, 1, 2):
        with noisy(model, {"0": NoiseParameters(mean=0.0, stdev=1.0)}, seed=seed):
            outputs.append(model(x))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    assert (model[0].noise_in_eval, model[0].noise_generator, model[0].inference_mode) == before
