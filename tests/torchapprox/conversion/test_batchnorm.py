"""Folding of batch normalisation: what it computes, and what it leaves alone."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.torchapprox.builders import minmax_qconfig, random_multiplier
from tests.torchapprox.networks import MobileNetV2, ResNet, settled
from torchapprox import approximate, fold_batchnorm, revert

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def inputs(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("kind", "norm", "x"),
    [
        (nn.Linear, nn.BatchNorm1d, inputs(5, 4)),
        (nn.Conv1d, nn.BatchNorm1d, inputs(5, 4, 8)),
        (nn.Conv2d, nn.BatchNorm2d, inputs(5, 4, 5, 6)),
        (nn.Conv3d, nn.BatchNorm3d, inputs(5, 4, 3, 4, 2)),
        (nn.ConvTranspose1d, nn.BatchNorm1d, inputs(5, 4, 8)),
        (nn.ConvTranspose2d, nn.BatchNorm2d, inputs(5, 4, 3, 3)),
        (nn.ConvTranspose3d, nn.BatchNorm3d, inputs(5, 4, 2, 3, 2)),
    ],
)
def test_every_kind_of_layer(kind, norm, x, groups, bias, affine):
    torch.manual_seed(0)
    options = {} if kind is nn.Linear else {"kernel_size": 2, "stride": 2, "groups": groups}
    model = nn.Sequential(kind(4, 6, bias=bias, **options), norm(6, affine=affine), nn.ReLU())
    if affine:
        settled(model)
    else:
        model[1].running_mean.normal_()
        model[1].running_var.uniform_(0.5, 2)
    expected = model.eval()(x)
    folding = fold_batchnorm(model.train(), x)
    assert folding.folded == (("0", "1"),)
    assert type(model[1]) is nn.Identity
    assert model.training
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("build", [lambda: ResNet((8, 12, 16)), MobileNetV2])
def test_whole_networks(build):
    torch.manual_seed(0)
    model, x = settled(build()), inputs(2, 3, 32, 32)
    expected, norms = model(x), [m for m in model.modules() if isinstance(m, NORMS)]
    folding = fold_batchnorm(model, x)
    assert len(folding.folded) == len(norms)
    assert folding.left == ()
    assert not any(isinstance(module, NORMS) for module in model.modules())
    torch.testing.assert_close(model(x), expected, rtol=1e-3, atol=1e-4)


class Net(nn.Module):
    """A convolution and a normalisation, used as ``run`` says."""

    def __init__(self, run, **modules):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.extra = nn.ModuleDict(modules)
        self.run = run

    def forward(self, x):
        return self.run(self, x)


def and_itself(net, x):
    y = net.conv(x)
    return net.norm(y) + y


def and_its_sum(net, x):
    y = net.conv(x)
    return net.norm(y), y.sum(dim=(2, 3))


def and_returned(net, x):
    y = net.conv(x)
    return net.norm(y), {"y": y}


class Standardised(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight - self.weight.mean())


def shared_weight():
    net = Net(lambda m, x: m.norm(m.conv(x)) + m.extra["other"](x), other=nn.Conv2d(3, 3, 1))
    net.extra["other"].weight = net.conv.weight
    return net


def defined_before():
    """The normalisation stands before the convolution that it follows."""
    net = nn.Module()
    net.norm, net.conv = nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1)
    net.forward = lambda x: net.norm(net.conv(x))
    return net


def without_statistics():
    net = Net(lambda m, x: m.norm(m.conv(x)))
    net.norm = nn.BatchNorm2d(3, track_running_stats=False)
    return net


LEFT = {
    "norm first": (Net(lambda m, x: m.conv(m.norm(x))), "not the output of a linear or conv"),
    "activation between": (Net(lambda m, x: m.norm(m.conv(x).relu())), "not the output of a"),
    "in-place activation between": (
        Net(lambda m, x: m.norm(m.conv(x).relu_())), "reshaped or used elsewhere",
    ),
    "output used": (Net(and_itself), "used elsewhere"),
    "output used later": (Net(and_its_sum), "used elsewhere"),
    "output returned": (Net(and_returned), "used elsewhere"),
    "output reshaped": (Net(lambda m, x: m.norm(m.conv(x).transpose(2, 3))), "reshaped or used"),
    "layer twice": (
        Net(lambda m, x: m.norm(m.conv(m.conv(x)))), "the Conv2d before it runs more than once",
    ),
    "norm twice": (Net(lambda m, x: m.norm(m.conv(m.norm(x)))), "it runs more than once"),
    "never ran": (Net(lambda m, x: m.conv(x)), "it did not run"),
    "no statistics": (without_statistics(), "it keeps no statistics"),
    "shared weight": (shared_weight(), "shares a parameter with another layer"),
    "derived layer": (
        Net(lambda m, x: m.norm(m.extra["own"](x)), own=Standardised(3, 3, 1)),
        "Standardised may compute something else",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_what_stays(name):
    model, reason = copy.deepcopy(LEFT[name][0]), LEFT[name][1]
    if name != "no statistics":
        settled(model)
    text, weight = repr(model), model.conv.weight
    folding = fold_batchnorm(model, inputs(2, 3, 4, 4))
    assert folding.folded == ()
    ((norm, why),) = folding.left
    assert norm == "norm"
    assert reason in why
    assert str(folding) == f"norm stays: {why}"
    assert repr(model) == text
    assert model.conv.weight is weight


def test_order_of_definition_does_not_matter():
    model, x = settled(defined_before()), inputs(2, 3, 4, 4)
    expected = model(x)
    assert fold_batchnorm(model, x).folded == (("conv", "norm"),)
    torch.testing.assert_close(model(x), expected)


def test_a_normalisation_along_another_axis():
    model = settled(nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6)))
    folding = fold_batchnorm(model, inputs(2, 6, 4))
    assert folding.left == (
        ("1", "it normalises another axis than the features of the Linear before it"),
    )


def test_a_weight_that_a_function_uses_is_found_by_the_outputs():
    model = settled(Net(lambda m, x: m.norm(m.conv(x)) + F.conv2d(x, m.conv.weight)))
    x, text = inputs(2, 3, 4, 4), repr(model)
    expected, weight = model(x), model.conv.weight
    with pytest.raises(RuntimeError, match=r"changes the model's outputs by .* outputs of up to"):
        fold_batchnorm(model, x)
    assert repr(model) == text
    assert model.conv.weight is weight
    assert torch.equal(model(x), expected)


def test_folding_during_conversion():
    torch.manual_seed(0)
    model, batches = settled(ResNet((8, 12), classes=5)), [inputs(4, 3, 16, 16) for _ in range(2)]
    expected = model(batches[0])
    summary = approximate(
        model, calibration=iter(batches), fold_batchnorm=True, qconfig=minmax_qconfig()
    )
    assert "bn1" in summary.folded
    assert "folded: layer2.1.bn2" in str(summary)
    assert (model(batches[0]) - expected).abs().max() < 0.2 * expected.abs().max()
    reverted = revert(model)
    assert type(reverted.bn1) is nn.Identity
    torch.testing.assert_close(reverted(batches[0]), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("calibration", [None, []])
def test_folding_needs_a_batch(calibration):
    with pytest.raises(ValueError, match="'fold_batchnorm' needs a batch in 'calibration'"):
        approximate(ResNet((8,)), calibration=calibration, fold_batchnorm=True)


def test_a_failed_conversion_brings_the_normalisations_back():
    torch.manual_seed(0)
    model, x = settled(ResNet((8, 12), classes=5)), inputs(2, 3, 16, 16)
    text, expected, parameters = repr(model), model(x), list(model.parameters())
    unsigned = random_multiplier(w_signed=False)
    with pytest.raises(ValueError, match="does not fit the multiplier's weight port"):
        approximate(model, unsigned, calibration=[x], fold_batchnorm=True, qconfig=minmax_qconfig())
    assert repr(model) == text
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    assert torch.equal(model(x), expected)
    assert not hasattr(model.conv1, "qconfig")


def test_converted_layers_are_not_folded_into():
    model, x = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).eval(), inputs(1, 3, 4, 4)
    approximate(model, calibration=[x], qconfig=minmax_qconfig())
    assert "ApproxConv2d may compute something else" in fold_batchnorm(model, x).left[0][1]
