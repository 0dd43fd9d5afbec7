"""The gradients of APPROXIMATE mode are those of the exact quantised layer."""

import pytest
import torch
from torch import nn

from tests.torchapprox.builders import minmax_qconfig, random_multiplier, wrapped
from torchapprox import InferenceMode
from torchapprox.gradients import ApproximateBackward, Regression, WindowDifference
from torchapprox.layers import ApproxMatmul

LAYERS = {
    "linear": (nn.Linear(5, 3), (4, 5)),
    "linear on sequences": (nn.Linear(5, 3), (2, 4, 5)),
    "linear without bias": (nn.Linear(5, 3, bias=False), (4, 5)),
    "convolution": (nn.Conv2d(2, 3, 3), (2, 2, 6, 7)),
    "strided and padded": (nn.Conv2d(2, 3, 3, stride=(2, 1), padding=(1, 2)), (2, 2, 6, 7)),
    "dilated": (nn.Conv2d(2, 3, (2, 3), dilation=(2, 1)), (2, 2, 6, 7)),
    "grouped": (nn.Conv2d(4, 6, 3, groups=2, padding=1), (2, 4, 5, 5)),
    "depthwise": (nn.Conv2d(4, 4, 3, groups=4, stride=2, padding=1), (2, 4, 5, 5)),
    "same, even kernel": (nn.Conv2d(2, 3, (2, 4), padding="same"), (2, 2, 6, 7)),
    "one sample": (nn.Conv2d(2, 3, 3, padding=1), (2, 6, 7)),
    "one dimension": (nn.Conv1d(4, 6, 3, stride=2, padding=2, groups=2), (2, 4, 9)),
    "three dimensions": (nn.Conv3d(2, 3, (1, 2, 3), padding=(1, 0, 1)), (2, 2, 3, 4, 5)),
    "reflect": (nn.Conv2d(2, 3, 3, padding=(1, 2), padding_mode="reflect"), (2, 2, 6, 7)),
    "replicate, 3d": (
        nn.Conv3d(2, 3, 2, padding=(1, 2, 1), padding_mode="replicate", stride=2),
        (2, 2, 3, 4, 5),
    ),
    "circular, same": (
        nn.Conv1d(4, 6, 4, padding="same", padding_mode="circular", groups=2),
        (2, 4, 9),
    ),
    "transposed, 1d": (nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, groups=2), (2, 4, 5)),
    "transposed, 2d": (nn.ConvTranspose2d(2, 3, (2, 3), 2, (0, 1), dilation=2), (2, 2, 4, 5)),
    "transposed, 3d": (nn.ConvTranspose3d(2, 2, 2, stride=2, groups=2), (2, 2, 2, 3, 2)),
}
QCONFIGS = {
    "per tensor": minmax_qconfig(),
    "per channel, affine": minmax_qconfig(per_channel=True, w_affine=True),
    # A coarse range, which most values of the second pass exceed.
    "clipped": minmax_qconfig((0, 7), (-4, 3)),
}


def gradients(wrapper, x, mode, upstream_seed=7):
    wrapper.wrapped.inference_mode = mode
    wrapper.zero_grad()
    x = x.clone().requires_grad_()
    y = wrapper(x)
    y.backward(torch.randn(y.shape, generator=torch.Generator().manual_seed(upstream_seed)))
    return x.grad, *(parameter.grad.clone() for parameter in wrapper.wrapped.parameters())


@pytest.mark.parametrize("qconfig", QCONFIGS.values(), ids=QCONFIGS)
@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_equal_those_of_the_quantised_layer(layer, shape, qconfig):
    wrapper = wrapped(layer, random_multiplier(), qconfig=qconfig)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(shape, generator=generator)
    wrapper(x)
    wrapper.apply(lambda m: m.disable_observer() if hasattr(m, "disable_observer") else None)
    beyond = 3 * x  # outside the range that the quantiser knows, so that the clip mask matters
    exact = gradients(wrapper, beyond, InferenceMode.QUANTIZED)
    approximate = gradients(wrapper, beyond, InferenceMode.APPROXIMATE)
    assert float(exact[0].abs().max()) > 0
    assert bool((exact[0] == 0).any())
    for got, wanted in zip(approximate, exact, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


def second_derivatives(wrapper, x, mode, values):
    """Of a loss that is not linear, at given values of the output."""
    layer = wrapper.wrapped
    layer.inference_mode = mode
    x = x.clone().requires_grad_()
    y = wrapper(x)
    y = y + (values - y).detach()
    sources = x, *layer.parameters()
    generator = torch.Generator().manual_seed(3)
    slopes = torch.autograd.grad((y**3).sum(), sources, create_graph=True)
    along = [torch.randn(slope.shape, generator=generator) for slope in slopes]
    total = sum((slope * direction).sum() for slope, direction in zip(slopes, along, strict=True))
    return torch.autograd.grad(total, sources)


@pytest.mark.parametrize("qconfig", QCONFIGS.values(), ids=QCONFIGS)
@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_second_derivatives_equal_those_of_the_quantised_layer(layer, shape, qconfig):
    wrapper = wrapped(layer, random_multiplier(), qconfig=qconfig)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    wrapper(x)
    wrapper.apply(lambda m: m.disable_observer() if hasattr(m, "disable_observer") else None)
    wrapper.wrapped.inference_mode = InferenceMode.QUANTIZED
    values = wrapper(3 * x).detach()
    exact, approximate = (
        second_derivatives(wrapper, 3 * x, mode, values)
        for mode in (InferenceMode.QUANTIZED, InferenceMode.APPROXIMATE)
    )
    for got, wanted in zip(approximate, exact, strict=True):
        assert float(wanted.abs().max()) > 0
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-3 * float(wanted.abs().max()))


def test_second_derivatives_of_a_product_of_two_activations():
    layer = ApproxMatmul(minmax_qconfig())
    layer.multiplier = random_multiplier()
    sources = torch.randn(2, 3, 4, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    layer(*sources)
    layer.apply(lambda m: m.disable_observer() if hasattr(m, "disable_observer") else None)
    found = []
    for mode in (InferenceMode.QUANTIZED, InferenceMode.APPROXIMATE):
        layer.inference_mode = mode
        slopes = torch.autograd.grad(layer(*sources).sum(), sources, create_graph=True)
        found.append(torch.autograd.grad(sum((slope**2).sum() for slope in slopes), sources))
    for wanted, got in zip(*found, strict=True):
        assert float(wanted.abs().max()) > 0
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("estimator", [WindowDifference(2), Regression(), ApproximateBackward()])
@pytest.mark.parametrize(("layer", "shape"), [LAYERS["linear"], LAYERS["convolution"]])
def test_estimated_gradients_are_not_differentiated_again(layer, shape, estimator):
    wrapper = wrapped(layer, random_multiplier())
    wrapper.wrapped.gradient = estimator
    x = torch.randn(shape, requires_grad=True)
    (slope,) = torch.autograd.grad(wrapper(x).sum(), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="set the layers' 'gradient' to StraightThrough"):
        slope.sum().backward()


def test_no_graph_without_gradients():
    wrapper = wrapped(nn.Linear(5, 3), random_multiplier())
    with torch.no_grad():
        assert not wrapper(torch.rand(2, 5)).requires_grad
    with torch.inference_mode():
        assert wrapper(torch.rand(2, 5)).shape == (2, 3)


def test_training_on_the_table_learns():
    torch.manual_seed(0)
    wrapper = wrapped(nn.Linear(4, 1), random_multiplier(limit=2**4))
    wrapper.wrapped.lut = wrapper.wrapped.accurate_lut() & ~7  # a mild truncation
    optimiser = torch.optim.Adam(wrapper.parameters(), lr=0.05)
    x = torch.rand(64, 4)
    target = x @ torch.tensor([[1.0], [-1.0], [0.5], [0.25]])
    losses = []
    for _ in range(100):
        optimiser.zero_grad()
        loss = (wrapper(x) - target).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 20
