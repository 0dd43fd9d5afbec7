"""The gradients of APPROXIMATE mode are those of the exact quantised layer."""

import pytest
import torch
from torch import nn

from tests.torchapprox.builders import minmax_qconfig, random_multiplier, wrapped
from torchapprox import InferenceMode

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
