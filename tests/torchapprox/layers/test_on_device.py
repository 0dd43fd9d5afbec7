"""Layers on a CUDA device: nothing goes through the host, and nothing waits for the device.

On CPU tensors that count as a device's, in Numba's simulator.
"""

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from multipliers import get
from tests.torchapprox.builders import minmax_qconfig, random_multiplier
from tests.torchapprox.simulated_cuda import (
    HostAccessError,
    launches,
    needs_simulator,
    simulated_cuda,
)
from torchapprox import Accumulator, approximate, get_approx_modules
from torchapprox.gradients import ApproximateBackward, StraightThrough, WindowDifference
from torchapprox.layers import Matmul, ScaledDotProductAttention
from torchapprox.operators.gradients import table_gradient

pytestmark = [pytest.mark.cuda, needs_simulator]


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = ScaledDotProductAttention()

    def forward(self, x):
        return self.attention(x, x, x)


class Product(nn.Module):
    def __init__(self):
        super().__init__()
        self.product = Matmul()

    def forward(self, x):
        return self.product(x, x.mT)


MODELS = {
    "linear": (lambda: nn.Linear(3, 5), (2, 3)),
    "convolution": (lambda: nn.Conv2d(2, 3, 3, padding=1), (2, 2, 4, 4)),
    "strided": (lambda: nn.Conv1d(2, 3, 2, stride=2, dilation=2), (2, 2, 7)),
    "grouped": (lambda: nn.Conv2d(4, 4, 2, groups=2, padding="same"), (1, 4, 3, 3)),
    "depthwise": (lambda: nn.Conv2d(3, 3, 3, groups=3, padding=1), (1, 3, 4, 4)),
    "reflected": (lambda: nn.Conv1d(2, 2, 3, padding=1, padding_mode="reflect"), (1, 2, 5)),
    "transposed": (lambda: nn.ConvTranspose1d(2, 3, 3, stride=2), (1, 2, 4)),
    "product": (Product, (2, 3, 4)),
    "attention": (Attention, (1, 2, 3, 4)),
    "recurrent": (lambda: nn.GRU(3, 2, batch_first=True), (2, 3, 3)),
}


def converted(kind, multiplier=None, **changes):
    """Return an approximate model and an input of both signs."""
    torch.manual_seed(0)
    build, shape = MODELS[kind]
    options = {"w_affine": False, **changes}
    model, x = nn.Sequential(build()).eval(), torch.randn(shape)
    qconfig = minmax_qconfig(**options)
    multiplier = multiplier or random_multiplier(limit=2**9)
    approximate(model, multiplier, calibration=[x], qconfig=qconfig)
    return model, x


def first(y):
    return y[0] if isinstance(y, tuple) else y


def assert_stays_on_device(model, x, *, forward=None):
    """Compare a forward pass on the device, once everything is at hand there, with the CPU's."""
    with torch.no_grad():
        expected = first(model(x))
        with simulated_cuda():
            model(x)
        launches.clear()
        with simulated_cuda(may_wait=False):
            y = first(model(x))
    assert launches
    torch.testing.assert_close(y, expected)


@pytest.mark.parametrize("centred", [True, False], ids=["centred weights", "affine weights"])
@pytest.mark.parametrize("kind", MODELS)
def test_forward_pass(kind, centred, monkeypatch):
    monkeypatch.setenv("TORCHAPPROX_ENGINE", "lookup")
    assert_stays_on_device(*converted(kind, w_affine=not centred, per_channel=kind == "grouped"))


@pytest.mark.parametrize("kind", ["linear", "grouped", "transposed", "attention"])
def test_forward_pass_by_factors(kind):
    model, x = converted(kind, get("mul8s_bam_h4_v6"), per_channel=kind == "grouped")
    for _, layer in get_approx_modules(model):
        layer.engine = "factors"
    assert_stays_on_device(model, x)


@pytest.mark.parametrize(
    "accumulator",
    [Accumulator(14, "saturate"), Accumulator(13), Accumulator(14, height=2, partial_bits=12)],
)
@pytest.mark.parametrize("kind", ["linear", "convolution", "transposed"])
def test_accumulators(kind, accumulator):
    model, x = converted(kind)
    for _, layer in get_approx_modules(model):
        layer.accumulator = accumulator
    assert_stays_on_device(model, x)


@pytest.mark.parametrize("kind", ["linear", "convolution", "product"])
def test_without_a_table(kind):
    model, x = converted(kind)
    for _, layer in get_approx_modules(model):
        layer.lut = None
    assert_stays_on_device(model, x)
    for _, layer in get_approx_modules(model):
        layer.accumulator = Accumulator(20)
    assert_stays_on_device(model, x)


@pytest.mark.parametrize("odd", [torch.nan, torch.inf])
@pytest.mark.bad_input("nan-on-device")
def test_bad_input_gives_nan_where_the_cpu_has_an_error(odd):
    model, x = converted("linear")
    x[1, 2] = odd
    with pytest.raises(ValueError, match="must be finite"), torch.no_grad():
        model(x)
    with simulated_cuda(), torch.no_grad():
        assert model(x).isnan().all()


def test_host_access_is_noticed():
    one = torch.ones(2)
    accesses = [
        one.sum().item, one.tolist, one.cpu, one.numpy, lambda: bool(one[0] > 0),
        one.nonzero, lambda: one[one > 0], lambda: torch.tensor([1]),
    ]  # fmt: skip
    for access in accesses:
        with pytest.raises(HostAccessError), simulated_cuda(may_wait=False):
            access()


GRADIENTS = {
    "straight": StraightThrough(),
    "approximate": ApproximateBackward(),
    "tables": WindowDifference(4),
}
# The simulator takes half a minute for a convolution's gradients by tables.
LONG = ("convolution", "tables")
STEPS = [
    pytest.param(kind, name, marks=pytest.mark.nightly if (kind, name) == LONG else ())
    for kind in ("linear", "convolution", "transposed", "product")
    for name in GRADIENTS
]


@pytest.mark.parametrize(("kind", "name"), STEPS)
def test_training_step(kind, name):
    model, x = converted(kind)
    for _, layer in get_approx_modules(model):
        layer.gradient = GRADIENTS[name]
    results = []
    for mode in ("cpu", "warm", "device"):
        model.zero_grad()
        leaf = x.clone().requires_grad_()
        with nullcontext() if mode == "cpu" else simulated_cuda(may_wait=mode == "warm"):
            first(model(leaf)).square().sum().backward()
        results.append([leaf.grad, *(p.grad for p in model.parameters())])
    for got, wanted in zip(results[2], results[0], strict=True):
        torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(2, 3, 40, 9), (1, 1, 1, 1), (1, 2, 0, 3), (2, 0, 4, 3)])
def test_gradients_of_look_ups(shape, dtype):
    groups, rows, others, depth = shape
    generator = torch.Generator().manual_seed(0)

    def codes(*size):
        return torch.randint(0, 256, size, generator=generator).to(torch.uint8)

    own, other = codes(groups, rows, depth), codes(groups, others, depth)
    grad = torch.randn(groups, rows, others, dtype=dtype, generator=generator)
    table = torch.randn(256, 256, dtype=dtype, generator=generator)
    expected = table_gradient(grad, own, other, table)
    with simulated_cuda(may_wait=False):
        sums = table_gradient(grad, own, other, table)
    torch.testing.assert_close(sums, expected)
