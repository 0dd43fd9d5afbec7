"""torch.compile may break the graph, and changes neither results nor gradients."""

import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters

from htp import factorise, fit
from multipliers import get
from tests.torchapprox.builders import minmax_qconfig, random_multiplier
from torchapprox import Accumulator, InferenceMode, approximate, get_approx_modules

pytestmark = [
    # Dynamo looks at the gradient of every tensor that it meets,
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
    # and makes an object of PyTorch's class of functions where it traces one.
    pytest.mark.filterwarnings("ignore:<class 'torch.autograd.function.Function'> should not be"),
]


@pytest.fixture(autouse=True)
def _compiled_anew():
    """Forget what other tests compiled: after eight versions of a function Dynamo runs it as is."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def assert_compiled_equals_eager(model, batches):
    counters.clear()
    compiled = torch.compile(model, backend="aot_eager")
    for batch in batches:
        results = []
        for network in (model, compiled):
            model.zero_grad()
            y = network(batch)
            y.square().sum().backward()
            results.append([y.detach(), *(p.grad.clone() for p in model.parameters())])
        for got, wanted in zip(*results, strict=True):
            torch.testing.assert_close(got, wanted)
    assert counters["frames"]["ok"] > len(batches)


def converted(model, x, multiplier, **options):
    approximate(model, multiplier, calibration=[x], qconfig=minmax_qconfig(), **options)
    return model


def cnn(mode):
    """Return an approximate convolution and linear layer, and batches of two sizes."""
    layers = nn.Conv2d(2, 4, 2, padding="same", groups=2), nn.Flatten(), nn.Linear(4 * 9, 3)
    batches = torch.randn(3, 2, 3, 3), torch.randn(5, 2, 3, 3)
    multiplier = random_multiplier(limit=2**8)
    return converted(nn.Sequential(*layers), batches[0], multiplier, mode=mode), batches


@pytest.mark.parametrize(
    "mode",
    [InferenceMode.APPROXIMATE, pytest.param(InferenceMode.QUANTIZED, marks=pytest.mark.nightly)],
)
def test_a_convolution_and_a_linear_layer(mode):
    model, (_, batch) = cnn(mode)
    assert_compiled_equals_eager(model, [batch])


@pytest.mark.nightly
def test_another_size():
    assert_compiled_equals_eager(*cnn(InferenceMode.APPROXIMATE))


@pytest.mark.nightly
def test_other_convolutions_and_an_accumulator():
    model = nn.Sequential(
        nn.Conv1d(2, 3, 4, padding="same", padding_mode="circular"), nn.ConvTranspose1d(3, 2, 3, 2)
    )
    x = torch.randn(3, 2, 6)
    converted(model, x, random_multiplier(limit=2**8))
    model[0].wrapped.accumulator = Accumulator(14, "saturate")
    assert_compiled_equals_eager(model, [x])


def linear(multiplier):
    """Return a layer, an input of both signs and the approximate layer itself."""
    x = torch.randn(4, 6)
    model = converted(nn.Sequential(nn.Linear(6, 3)), x, multiplier)
    ((_, layer),) = get_approx_modules(model)
    return model, x, layer


NIGHTLY = [pytest.param(basis, marks=pytest.mark.nightly) for basis in ("named", "table")]


@pytest.mark.parametrize("basis", ["factorised", *NIGHTLY])
def test_models_of_a_table(basis):
    multiplier = get("mul8s_bam_h4_v6")
    model, x, layer = linear(multiplier)
    if basis == "factorised":
        layer.htp_model = factorise(multiplier).model
    else:
        layer.htp_model = fit(multiplier, terms=2, basis=basis)
    assert_compiled_equals_eager(model, [x])


@pytest.mark.nightly
def test_factors_of_a_table():
    model, x, layer = linear(get("mul8s_bam_h4_v6"))
    layer.engine = "factors"
    assert_compiled_equals_eager(model, [x])
