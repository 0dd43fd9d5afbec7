"""Noise that layers learn to tolerate: gradients, bounds, and what a network's layers differ in."""

import copy

import pytest
import torch
from torch import nn

import torchapprox
from analysis import ToleranceLearning, learn_tolerances
from torchapprox import InferenceMode, get_approx_modules


@pytest.fixture
def model(converted):
    return copy.deepcopy(converted[0])


def run(model, x):
    model(x)  # so that every layer knows its multiplications


def test_loss_term_is_weighted_by_multiplications_and_its_gradient_lives_at_the_cap(
    model, converted
):
    learning = ToleranceLearning(model, weight=0.5, start=1.0, most=1.0)
    run(model, converted[1])
    counts = [float(layer.opcount) for _, layer in get_approx_modules(model)]
    term = learning.loss_term()
    assert term.item() == pytest.approx(-0.5)
    torch.autograd.backward(term)
    for parameter, count in zip(learning.parameters, counts, strict=True):
        assert parameter.grad.item() == pytest.approx(-0.5 * count / sum(counts))


def test_bounds_are_kept_after_each_step_and_can_be_left_again(model, converted):
    learning = ToleranceLearning(model, weight=1.0, start=0.4, most=0.5)
    optimiser = torch.optim.SGD(learning.parameters, lr=10.0)
    run(model, converted[1])
    torch.autograd.backward(learning.loss_term())
    optimiser.step()
    learning.after_step()
    assert max(learning.tolerances.values()) == 0.5
    optimiser.zero_grad()
    torch.autograd.backward(-0.01 * learning.loss_term())
    optimiser.step()
    assert max(learning.tolerances.values()) < 0.5


def test_reference_of_the_noise_is_detached(model, converted):
    learning = ToleranceLearning(model, weight=0.0, start=0.5)
    model.train()
    layer = get_approx_modules(model)[0][1]
    y = torch.randn(8, 4, 4, 4, requires_grad=True)
    layer.noise.train()
    torch.autograd.backward(layer.noise(y, layer.channel_shape).sum())
    assert torch.equal(y.grad, torch.ones_like(y))
    assert learning.tolerances["0"] == 0.5


def test_tolerances_settle_between_the_bounds_and_leave_the_model_as_it_is():
    torch.manual_seed(0)
    x = torch.randn(128, 6)
    model = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6))
    torchapprox.approximate(model, calibration=[x], mode=InferenceMode.QUANTIZED)

    with torch.no_grad():
        target = model(x)
    before = copy.deepcopy(model.state_dict())
    found = learn_tolerances(
        model,
        [(x, target)],
        weight=0.3,
        epochs=60,
        loss=lambda y, t: 5 * ((y - t) ** 2).mean() / t.var(),
    )
    assert list(found) == ["0", "1", "2"]
    # At the minimum of 5 s**2 - 0.3 s / 3 in the last layer, up to what the others do.
    assert found["2"] == pytest.approx(0.01, abs=0.02)
    after = model.state_dict()
    assert all(
        torch.equal(value, after[name])
        for name, value in before.items()
        if isinstance(value, torch.Tensor)
    )


def test_noise_is_reproducible_and_the_global_generator_stays(converted):
    model, x = converted
    data = [(x, model(x).argmax(dim=1).detach())]
    state = torch.get_rng_state()
    first = learn_tolerances(model, data, weight=0.2, epochs=2, seed=3)
    assert torch.equal(state, torch.get_rng_state())
    assert learn_tolerances(model, data, weight=0.2, epochs=2, seed=3) == first
    assert learn_tolerances(model, data, weight=0.2, epochs=2, seed=4) != first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": -1.0}, "'weight' must be finite and at least 0, got -1"),
        ({"weight": 1.0, "start": 2.0}, "'start' must be at least 0 and at most 1.0, got 2.0"),
        ({"weight": 1.0, "epochs": 0}, "'epochs' must be at least 1, got 0"),
    ],
)
def test_bad_arguments(converted, options, message):
    model, x = converted
    with pytest.raises(ValueError, match=message):
        learn_tolerances(model, [(x, torch.zeros(64, dtype=torch.int64))], **options)


def test_there_must_be_batches_and_layers(converted):
    with pytest.raises(TypeError, match="'batches' must be repeatable"):
        learn_tolerances(converted[0], iter([]), weight=1.0)
    with pytest.raises(ValueError, match="'batches' must hold at least one batch"):
        learn_tolerances(converted[0], [], weight=1.0)
    with pytest.raises(ValueError, match="must have approximate layers"):
        ToleranceLearning(nn.Linear(2, 2), weight=1.0)
