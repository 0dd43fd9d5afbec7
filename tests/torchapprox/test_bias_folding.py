"""Folding the mean error: what is left has no mean, the rest of the model stays as it was."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tests.torchapprox.builders import converted_cnn, images, minmax_qconfig, random_multiplier
from torchapprox import (
    InferenceMode,
    approximate,
    channel_error_means,
    fold_mean_error,
    get_approx_modules,
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


def exact_outputs_of_the_same_operands(model, x):
    """Exact outputs of each layer on the operands that it has in the approximate network."""
    exact, handles = {}, []

    def remember(layer, args, kwargs, _):
        layer.inference_mode = InferenceMode.QUANTIZED
        with torch.no_grad():
            exact[layer] = type(layer).forward(layer, *args, **kwargs).double()
        layer.inference_mode = InferenceMode.APPROXIMATE

    for _, layer in get_approx_modules(model):
        handles.append(layer.register_forward_hook(remember, with_kwargs=True))
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return exact


def channel_means(y):
    return y.mean(dim=[0, *range(2, y.dim())])


def test_every_channel_loses_its_mean_error_given_all_layers_before(model):
    x = images(20)
    corrections = fold_mean_error(model, [x[:7], x[7:]])
    assert list(corrections) == ["0.wrapped", "2.wrapped", "4.wrapped"]
    exact = exact_outputs_of_the_same_operands(model, x)
    approximate_outputs = layer_outputs(model, InferenceMode.APPROXIMATE, x)
    for name, layer in get_approx_modules(model):
        size = float(corrections[name].abs().max())
        left = channel_means(approximate_outputs[name]) - channel_means(exact[layer])
        assert float(left.abs().max()) < 1e-4 * size


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
