"""The loss that rewards noise, and statistics found anew under approximation."""

import pytest
import torch
from torch import nn

import torchapprox
from tests.torchapprox.builders import converted_cnn, images, minmax_qconfig, random_multiplier
from torchapprox import InferenceMode, get_approx_modules
from torchapprox.training import noise_loss, reestimate_batchnorm


def noisy_cnn(stdevs=(0.1, -0.2, 0.9)):
    model = converted_cnn(mode=InferenceMode.NOISE)
    model(images())
    for (_, layer), stdev in zip(get_approx_modules(model), stdevs, strict=True):
        layer.noise.make_learnable()
        layer.stdev = stdev
    return model


def test_noise_counts_by_its_multiplications():
    model = noisy_cnn()
    # Per sample: 2 * 9 products at 36 places of 4 channels, 2 * 4 at as many, 144 * 3.
    counts = [36 * 4 * 18, 36 * 4 * 8, 144 * 3]
    expected = -(0.1 * counts[0] + 0.2 * counts[1] + 0.5 * counts[2]) / sum(counts)
    loss = noise_loss(model, most=0.5)
    assert loss.item() == pytest.approx(expected)
    loss.backward()
    gradients = [layer.noise.stdev.grad.item() for _, layer in get_approx_modules(model)]
    assert gradients == pytest.approx([-counts[0] / sum(counts), counts[1] / sum(counts), 0])


def test_layers_that_tolerate_noise_get_more_of_it():
    """One layer's output does not matter for the loss, the other one's does."""
    torch.manual_seed(0)
    model = nn.ModuleDict({"matters": nn.Linear(8, 4), "ignored": nn.Linear(8, 4)})
    x = torch.rand(256, 8)
    torchapprox.approximate(model, qconfig=minmax_qconfig(), mode=InferenceMode.NOISE)
    layers = {name.split(".")[0]: layer for name, layer in get_approx_modules(model)}
    for layer in layers.values():
        layer.noise.make_learnable()
        layer.stdev = 0.1
    optimiser = torch.optim.SGD([layer.noise.stdev for layer in layers.values()], lr=0.05)
    wanted = model["matters"](x).detach()
    for _ in range(50):
        optimiser.zero_grad()
        y = model["matters"](x), model["ignored"](x)
        loss = 100 * (y[0] - wanted).square().mean() + 0 * y[1].mean() + noise_loss(model)
        loss.backward()
        optimiser.step()
    assert abs(layers["matters"].stdev) < 0.1 < layers["ignored"].stdev


def test_what_is_refused():
    with pytest.raises(ValueError, match="must have a layer in NOISE mode whose stdev is trained"):
        noise_loss(converted_cnn(mode=InferenceMode.NOISE))
    with pytest.raises(ValueError, match="'most' must be above 0, got 0"):
        noise_loss(noisy_cnn(), most=0)
    with pytest.raises(ValueError, match="must have batch normalisations that keep statistics"):
        reestimate_batchnorm(nn.Sequential(nn.Linear(2, 2)), [torch.rand(3, 2)])
    norm = nn.Sequential(nn.BatchNorm1d(2))
    norm[0].running_mean.fill_(3)
    with pytest.raises(ValueError, match="'batches' must hold at least one batch, got none"):
        reestimate_batchnorm(norm, [])
    assert norm[0].running_mean.tolist() == [3, 3]


def test_statistics_are_those_of_the_approximate_outputs():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))
    batches = [images(6, seed=seed) for seed in range(3)]
    torchapprox.approximate(
        model.train(), random_multiplier(3, limit=2**9), calibration=batches,
        qconfig=minmax_qconfig(),
    )  # fmt: skip
    momentum = model[1].momentum
    assert reestimate_batchnorm(model, batches) == ("1",)
    with torch.no_grad():
        outputs = [model[0](batch) for batch in batches]
    means = torch.stack([y.mean((0, 2, 3)) for y in outputs]).mean(0)
    variances = torch.stack([y.transpose(0, 1).flatten(1).var(1) for y in outputs]).mean(0)
    torch.testing.assert_close(model[1].running_mean, means)
    torch.testing.assert_close(model[1].running_var, variances)
    assert model.training
    assert model[3].training
    assert model[1].momentum == momentum
