import numpy as np
import pytest
import torch
from torch import nn

import torchapprox
from analysis import measure_errors, measure_many, predict_errors, trace_batches
from torchapprox.layers import InferenceMode
from torchapprox.utils import get_approx_modules


@pytest.fixture
def batches():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(size, 3, 6, 6, generator=generator) for size in (4, 7, 1)]


@pytest.fixture
def model(random_multiplier, batches):
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, padding=1, groups=3), nn.Flatten(), nn.Linear(54, 5)
    )
    torchapprox.approximate(
        model, random_multiplier(), calibration=batches, mode=InferenceMode.QUANTIZED
    )
    return model


def naive_errors(model, multiplier, batches):
    """Errors of every output of every layer, `[layer][output channel]`, from Python integers."""
    errors, scales = {}, {}

    def callback(name, operands, output):
        x_codes, w_codes = operands.x_codes.tolist(), operands.w_codes.tolist()
        table = multiplier.error.tolist()
        channels = len(x_codes) * len(w_codes[0])
        layer = errors.setdefault(name, [[] for _ in range(channels)])
        scales[name] = operands.scale.flatten().tolist()
        for g, (x_group, w_group) in enumerate(zip(x_codes, w_codes, strict=True)):
            for o, weights in enumerate(w_group):
                for row in x_group:
                    error = sum(table[x][w] for x, w in zip(row, weights, strict=True))
                    layer[g * len(w_group) + o].append(error)

    with torch.no_grad(), torchapprox.observe_operands(model, callback):
        for batch in batches:
            model(batch)
    return errors, scales


def test_measured_errors_equal_plain_loops_over_all_outputs(model, random_multiplier, batches):
    multiplier = random_multiplier(3)
    measured = measure_errors(model, multiplier, batches)
    model.eval()
    errors, scales = naive_errors(model, multiplier, batches)
    assert list(measured) == ["0.wrapped", "2.wrapped"] == list(errors)
    for name, found in measured.items():
        flat = np.array(errors[name], dtype=float)
        real = flat * np.array(scales[name])[:, None]
        error = found.error
        assert found.outputs == flat.size
        np.testing.assert_allclose(error.channel_mean, flat.mean(axis=1), rtol=1e-12)
        np.testing.assert_allclose(error.channel_std, flat.std(axis=1), rtol=1e-9)
        assert error.real_mean_per_output == pytest.approx(real.mean(), rel=1e-9)
        assert error.real_std_per_output == pytest.approx(real.std(), rel=1e-9)
        between = real.mean(axis=1).std()
        assert error.real_std_between_channels == pytest.approx(between, rel=1e-9)
        assert found.real_std_between_rows == pytest.approx(real.mean(axis=0).std(), rel=1e-9)
        np.testing.assert_allclose(
            np.sort(found.real_sample, axis=0), np.sort(real.T, axis=0), rtol=1e-12
        )


def test_several_multipliers_in_one_run(model, random_multiplier, batches):
    multipliers = [random_multiplier(seed) for seed in (3, 4)]
    together = measure_many(model, multipliers, batches)
    for multiplier, layers in zip(multipliers, together, strict=True):
        for name, alone in measure_errors(model, multiplier, batches).items():
            np.testing.assert_array_equal(layers[name].error.channel_std, alone.error.channel_std)


def test_the_kept_rows_are_bounded(model, random_multiplier, monkeypatch):
    monkeypatch.setattr("analysis.measurement.measure.KEPT_ROWS", 7)
    measured = measure_errors(model, random_multiplier(), [torch.randn(30, 3, 6, 6)])
    assert measured["0.wrapped"].real_sample.shape == (7, 6)


def test_the_error_is_that_of_the_approximate_layer(model, random_multiplier, batches):
    multiplier = random_multiplier(4)
    measured = measure_errors(model, multiplier, batches)["0.wrapped"].error
    layer = get_approx_modules(model)[0][1]
    layer.multiplier = multiplier
    model.eval()
    outputs = []
    with torch.no_grad():
        for mode in (InferenceMode.APPROXIMATE, InferenceMode.QUANTIZED):
            layer.inference_mode = mode
            outputs.append(torch.cat([model[0](batch) for batch in batches]).double())
    difference = outputs[0] - outputs[1]
    assert measured.real_mean_per_output == pytest.approx(float(difference.mean()), rel=1e-5)
    std = float(difference.std(correction=0))
    assert measured.real_std_per_output == pytest.approx(std, rel=1e-5)


@pytest.mark.parametrize("model_name", ["paired", "rows"])
def test_the_prediction_is_exact_on_the_traced_data(model, random_multiplier, batches, model_name):
    # Groups, padding, zero points and strides included; all rows fit the sample.
    multiplier = random_multiplier(5)
    predicted = predict_errors(multiplier, trace_batches(model, batches), model=model_name)
    for name, measured in measure_errors(model, multiplier, batches).items():
        error = measured.error
        np.testing.assert_allclose(predicted[name].channel_mean, error.channel_mean, rtol=1e-9)
        np.testing.assert_allclose(predicted[name].channel_std, error.channel_std, rtol=1e-9)
        np.testing.assert_allclose(predicted[name].scale, error.scale)


def test_modes_training_flags_and_state_come_back(model, random_multiplier, batches):
    model.train()
    first, second = (layer for _, layer in get_approx_modules(model))
    first.inference_mode = InferenceMode.NOISE
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()
             if isinstance(tensor, torch.Tensor)}  # fmt: skip
    measure_errors(model, random_multiplier(6), batches)
    assert first.inference_mode is InferenceMode.NOISE
    assert second.inference_mode is InferenceMode.QUANTIZED
    assert all(module.training for module in model.modules())
    after = model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in state.items())


def test_modes_come_back_after_an_error(model, random_multiplier, batches):
    model.train()
    with pytest.raises(ValueError, match="weights that are negative"):
        measure_errors(model, random_multiplier(w_signed=False), batches)
    assert model.training


def test_no_batches_and_no_layers_are_refused(model, random_multiplier):
    with pytest.raises(ValueError, match="'batches' must hold at least one batch"):
        measure_errors(model, random_multiplier(), [])
    with pytest.raises(ValueError, match="'model' must have approximate layers, got none"):
        measure_errors(nn.Linear(2, 2), random_multiplier(), [torch.zeros(1, 2)])
