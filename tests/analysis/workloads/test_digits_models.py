import pytest
import torch
from torch import nn

import torchapprox
from analysis import load_digits
from analysis.workloads.digits_models import DIGITS_MODELS
from analysis.workloads.labelled import Labelled
from analysis.workloads.training import train
from multipliers import get
from torchapprox import InferenceMode


@pytest.mark.parametrize("name", DIGITS_MODELS)
def test_networks_follow_their_seed_and_leave_the_generator_alone(name):
    build = DIGITS_MODELS[name].build
    state = torch.random.get_rng_state()
    first, second, other = build(1), build(1), build(2)
    assert torch.equal(torch.random.get_rng_state(), state)
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    pairs = zip(first.parameters(), other.parameters(), strict=True)
    assert any(not torch.equal(*pair) for pair in pairs)


@pytest.mark.parametrize("name", ["ViT", "LSTM"])
def test_every_product_converts(name):
    model, images = DIGITS_MODELS[name].build(0).eval(), load_digits().test.images[:16]
    expected = model(images)
    macs = torchapprox.coverage(model, images).total
    torchapprox.approximate(model, get("mul8s_bam_h0_v6"), calibration=[images])
    report = torchapprox.coverage(model, images)
    assert (report.total, report.exact, report.never_ran) == (macs, (), ())
    torchapprox.approximate(model, mode=InferenceMode.QUANTIZED)
    error = (model(images) - expected).abs().max()
    assert error < 0.2 * expected.abs().max()
    torchapprox.revert(model)
    torch.testing.assert_close(model(images), expected, rtol=1e-5, atol=1e-5)
    assert not any(isinstance(m, torchapprox.layers.ApproxLayer) for m in model.modules())


@pytest.mark.parametrize("name", ["ViT", "LSTM"])
def test_they_learn(name):
    data = load_digits().train
    data = Labelled(data.images[:200], data.labels[:200])
    model: nn.Module = DIGITS_MODELS[name].build(0)
    losses = train(model, data, epochs=3, learning_rate=DIGITS_MODELS[name].learning_rate)
    assert losses[-1] < losses[0]


@pytest.mark.nightly
@pytest.mark.parametrize("name", DIGITS_MODELS)
def test_they_learn_well(name):
    digits = load_digits()
    model = DIGITS_MODELS[name].trained(digits)
    with torch.no_grad():
        right = model(digits.test.images).argmax(dim=1) == digits.test.labels
    assert right.float().mean() > 0.96
