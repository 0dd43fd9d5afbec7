"""Folding the mean error: what is left has no mean, the rest of the model stays as it was."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import torchapprox.conversion.bias_folding as bias_folding
from tests.torchapprox.builders import converted_cnn, images, minmax_qconfig, random_multiplier
from torchapprox import (
    InferenceMode,
    approximate,
    channel_error_means,
    fold_mean_error,
    get_approx_modules,
    lut_matmul,
    trace,
    unfold_mean_error,
)


@pytest.fixture
def model():
    return converted_cnn(random_multiplier(limit=2**8))


def layer_outputs(model, mode, x):
    """Outputs of the layers, bias included, by name."""
    outputs, handles = {}, []
    for name, layer in get_approx_modules(model):
        layer.inference_mode = mode
        handles.append(
            layer.register_forward_hook(
                lambda _, __, y, name=name: outputs.update({name: y.detach().double()})
            )
        )
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return outputs


def mean_errors(model, x):
    """Mean error of each channel on the operands of the approximate network, by layer."""
    errors, removers = {}, []

    def observe(name, layer):
        def remember(operands, _):
            table = torch.from_numpy(layer.multiplier.error.copy())
            sums = lut_matmul(operands.x_codes, operands.w_codes, table)
            errors[name] = (operands.scale[:, None].double() * sums).mean(dim=1).flatten()

        return layer.add_operand_observer(remember)

    removers = [observe(name, layer) for name, layer in get_approx_modules(model)]
    with torch.no_grad():
        model(x)
    for remove in removers:
        remove()
    return errors


def test_every_channel_loses_its_mean_error_given_all_layers_before(model):
    x = images(20)
    before = mean_errors(model, x)
    corrections = fold_mean_error(model, [x[:7], x[7:]])
    assert list(corrections) == ["0.wrapped", "2.wrapped", "4.wrapped"]
    left = mean_errors(model, x)
    for name, correction in corrections.items():
        torch.testing.assert_close(correction, -left[name], rtol=1e-4, atol=1e-5)
    # Later layers see other operands than before, and are corrected for these.
    assert not torch.allclose(left["4.wrapped"], before["4.wrapped"], rtol=1e-3)


def test_the_output_changes_by_the_correction(model):
    x = images(3)
    before = layer_outputs(model, InferenceMode.APPROXIMATE, x)["0.wrapped"]
    correction = fold_mean_error(model, [x])["0.wrapped"]
    after = layer_outputs(model, InferenceMode.APPROXIMATE, x)["0.wrapped"]
    torch.testing.assert_close(after, before + correction.view(-1, 1, 1), rtol=1e-5, atol=1e-4)


def test_the_first_layer_s_correction_is_that_of_its_histograms(model):
    x = images(20)
    layer = get_approx_modules(model)[0][1]
    with torch.no_grad(), trace(model) as traces:
        model(x)
    first = traces["0.wrapped"]
    expected = -first.scale * channel_error_means(layer.multiplier, first)
    np.testing.assert_allclose(fold_mean_error(model, [x])["0.wrapped"], expected, rtol=1e-4)


def test_only_the_approximate_mode_changes_and_unfolding_takes_it_back(model):
    x = images(4)
    before = {mode: layer_outputs(model, mode, x) for mode in InferenceMode}
    parameters = [parameter.clone() for parameter in model.parameters()]
    fold_mean_error(model, [x])
    for mode in (InferenceMode.QUANTIZED, InferenceMode.NOISE):
        after = layer_outputs(model.eval(), mode, x)
        assert all(torch.equal(y, after[name]) for name, y in before[mode].items())
    assert not torch.equal(
        layer_outputs(model, InferenceMode.APPROXIMATE, x)["4.wrapped"],
        before[InferenceMode.APPROXIMATE]["4.wrapped"],
    )
    unfold_mean_error(model)
    after = layer_outputs(model, InferenceMode.APPROXIMATE, x)
    assert all(torch.equal(y, after[name]) for name, y in before[InferenceMode.APPROXIMATE].items())
    assert all(map(torch.equal, parameters, model.parameters()))


def test_one_run_finds_what_a_run_for_each_layer_finds(model, monkeypatch):
    x = images(12)
    one_run = fold_mean_error(model, [x])
    calls = []
    monkeypatch.setattr(bias_folding, "_folded_in_one_run", lambda *_: calls.append(1))
    one_by_one = fold_mean_error(model, [x])
    assert calls
    assert list(one_run) == list(one_by_one)
    assert all(torch.equal(one_run[name], one_by_one[name]) for name in one_run)


def test_a_layer_that_serves_twice_gets_the_mean_of_both():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.again = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.again(self.again(self.first(x)).relu())

    torch.manual_seed(0)
    x, model = torch.randn(30, 4), Twice()
    approximate(model, random_multiplier(limit=2**9), calibration=[x], qconfig=minmax_qconfig())
    corrections = fold_mean_error(model, [x])
    assert list(corrections) == ["first.wrapped", "again.wrapped"]
    halves = fold_mean_error(model, [x[:15], x[15:]])
    assert corrections["again.wrapped"].abs().max() > 0
    for name, correction in corrections.items():
        torch.testing.assert_close(halves[name], correction, rtol=1e-6, atol=1e-6)


def test_folding_twice_is_folding_once(model):
    x = images(8)
    once, twice = fold_mean_error(model, [x]), fold_mean_error(model, [x])
    assert all(torch.equal(once[name], twice[name]) for name in once)


def test_order_is_that_of_the_run_not_of_the_names():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.Linear(3, 2), nn.Linear(4, 3)

        def forward(self, x):
            return self.last(self.first(x).relu())

    torch.manual_seed(0)
    x, model = torch.randn(30, 4), Backwards()
    approximate(model, random_multiplier(limit=2**9), calibration=[x], qconfig=minmax_qconfig())
    assert list(fold_mean_error(model, [x])) == ["first.wrapped", "last.wrapped"]


def test_modes_flags_and_copies(model):
    model.train()
    layers = [layer for _, layer in get_approx_modules(model)]
    layers[1].inference_mode = InferenceMode.NOISE
    fold_mean_error(model, [(images(2), torch.zeros(2))])
    assert [layer.inference_mode for layer in layers] == [
        InferenceMode.APPROXIMATE, InferenceMode.NOISE, InferenceMode.APPROXIMATE,
    ]  # fmt: skip
    assert all(module.training for module in model.modules())
    twin = copy.deepcopy(model)
    corrections = [layer.bias_correction for _, layer in get_approx_modules(twin)]
    assert all(map(torch.equal, corrections, (layer.bias_correction for layer in layers)))


def test_checkpoints_carry_the_correction_both_ways(model):
    x, plain = images(4), copy.deepcopy(model)
    empty = copy.deepcopy(model.state_dict())
    fold_mean_error(model, [x])
    plain.load_state_dict(model.state_dict())
    assert torch.equal(plain(x), model(x))
    plain.load_state_dict(empty)
    assert all(layer.bias_correction is None for _, layer in get_approx_modules(plain))


def test_gradients_pass_as_before(model):
    x = images(2)
    model(x).sum().backward()
    before = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    layers = dict(get_approx_modules(model))
    head = layers["4.wrapped"]
    head.bias_correction = torch.ones(3)
    model(x).sum().backward()
    assert all(
        torch.equal(parameter.grad, old)
        for parameter, old in zip(model.parameters(), before, strict=True)
    )


def test_what_cannot_be_folded_is_refused(model):
    with pytest.raises(TypeError, match=r"'batches' must be repeatable, .* got generator"):
        fold_mean_error(model, (images(1) for _ in range(2)))
    with pytest.raises(ValueError, match="'batches' must hold at least one batch"):
        fold_mean_error(model, [])
    with pytest.raises(ValueError, match="'model' must have approximate layers"):
        fold_mean_error(nn.Linear(2, 2), [images(1)])


def test_a_conversion_folds_with_its_calibration_even_from_a_generator():
    multiplier, x = random_multiplier(limit=2**8), images(20)
    settings = {"qconfig": minmax_qconfig(), "mode": InferenceMode.APPROXIMATE}
    torch.manual_seed(0)
    float_model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5))
    later = copy.deepcopy(float_model)
    approximate(later, multiplier, calibration=[x], **settings)
    assert all(layer.bias_correction is None for _, layer in get_approx_modules(later))
    corrections = fold_mean_error(later, [x])
    at_once = copy.deepcopy(float_model)
    approximate(
        at_once, multiplier, calibration=(batch for batch in [x]), fold_mean_error=True, **settings
    )
    for name, layer in get_approx_modules(at_once):
        assert layer.bias_correction.abs().max() > 0
        torch.testing.assert_close(
            layer.bias_correction.double(), corrections[name], rtol=1e-5, atol=1e-6
        )


def test_a_conversion_without_calibration_has_nothing_to_fold():
    model = nn.Sequential(nn.Linear(4, 3))
    with pytest.raises(ValueError, match="'fold_mean_error' needs a batch in 'calibration'"):
        approximate(model, fold_mean_error=True)
    assert type(model[0]) is nn.Linear
