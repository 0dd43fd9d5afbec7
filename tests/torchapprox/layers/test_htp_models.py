"""HTP models in layers: the same integers as the table that they stand for."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from htp import Feature, HtpModel, Term, factorise, fit
from multipliers import Multiplier, exact_products, get, truncated_multiplier
from tests.torchapprox.builders import minmax_qconfig, random_multiplier, wrapped
from torchapprox.operators import ApproxGeMM, QuantizationParameters

FLOOR = Feature("floor", 2)
TRUNCATED = HtpModel("truncated by two bits", (Term(1.0, FLOOR, FLOOR),))
LAYERS = {
    "linear": (nn.Linear(40, 3), (4, 40)),
    "convolution": (nn.Conv2d(2, 4, 3, padding=1, stride=2), (2, 2, 6, 7)),
    "grouped": (nn.Conv2d(4, 6, 3, groups=2, padding=2, dilation=2), (2, 4, 6, 7)),
    "depthwise": (nn.Conv2d(4, 4, 3, groups=4, padding="same"), (2, 4, 6, 7)),
    "one dimension": (nn.Conv1d(4, 6, 3, groups=2, padding=2), (2, 4, 9)),
    "three dimensions": (nn.Conv3d(2, 3, 2, padding=1), (2, 2, 3, 4, 3)),
    "reflect": (nn.Conv2d(2, 3, 3, padding=2, padding_mode="reflect"), (2, 2, 6, 7)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2), (2, 4, 4, 5)),
}


def truncation(*, signed):
    return Multiplier.from_netlist(truncated_multiplier(2, signed=signed))


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_an_exact_model_equals_its_table(layer, shape, signed):
    ranges = {} if signed else {"activation": (0, 255), "weight": (0, 255)}
    qconfig = minmax_qconfig(**ranges, w_affine=True, per_channel=True)
    wrapper = wrapped(layer, truncation(signed=signed), qconfig=qconfig)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    by_table = wrapper(x)
    wrapper.wrapped.htp_model = TRUNCATED
    torch.testing.assert_close(wrapper(x), by_table, rtol=1e-6, atol=1e-6)
    wrapper.wrapped.htp_model = None
    wrapper.wrapped.lut = None
    assert not torch.equal(wrapper(x), by_table)


@pytest.mark.parametrize("layer", [nn.Linear(4, 2), nn.Conv2d(2, 3, 3, padding=1)])
def test_what_a_model_gets(layer):
    calls = []

    def model(base_func, x_q, w_q, kwargs):
        calls.append((base_func, x_q, w_q, kwargs))
        return base_func(x_q, w_q, **kwargs)

    wrapper = wrapped(layer, random_multiplier())
    wrapper.wrapped.htp_model = model
    x = torch.rand(2, 4) if isinstance(layer, nn.Linear) else torch.rand(1, 2, 5, 5)
    wrapper(x)
    ((base_func, x_q, w_q, kwargs),) = calls
    assert x_q.is_floating_point()
    assert torch.equal(x_q, x_q.round())
    assert torch.equal(w_q, w_q.round())
    if isinstance(layer, nn.Linear):
        assert base_func is F.linear
        assert kwargs == {}
    else:
        assert base_func is F.conv2d
        assert x_q.shape == (1, 2, 7, 7)  # padded with the zero point beforehand
        assert kwargs == {"stride": (1, 1), "padding": 0, "dilation": (1, 1), "groups": 1}


@pytest.mark.parametrize(
    "htp_model", [None, HtpModel("x", (Term(1.0, Feature("identity"), Feature("identity")),))]
)
def test_sums_beyond_float32_stay_exact(htp_model):
    depth, one, zero = 70_001, torch.tensor([1.0]), torch.tensor([0])
    x = torch.full((1, depth), 255.0)
    w = torch.full((1, depth), 253.0)
    w[0, 0] = 252.0  # an odd total above 2^24, which float32 cannot hold
    params = QuantizationParameters(one.double(), zero, one.double(), zero)
    y = ApproxGeMM.apply(x.double(), w.double(), None, params, htp_model, None)
    assert int(y.item()) == 255 * (253 * depth - 1)


def test_autocast_leaves_the_integers_alone():
    wrapper = wrapped(nn.Linear(300, 5), None)
    x = torch.randn(3, 300)
    expected = wrapper(x)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(wrapper(x).float(), expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["linear", "grouped", "depthwise", "transposed"])
@pytest.mark.parametrize("model", ["factorised", "fitted"])
def test_models_of_tables_under_autocast(name, model):
    multiplier = get("mul8s_bam_h4_v6")
    layer, shape = LAYERS[name]
    wrapper = wrapped(layer, multiplier)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    by_table = wrapper(x)
    fitted = fit(multiplier, terms=2, basis="named")
    wrapper.wrapped.htp_model = factorise(multiplier).model if model == "factorised" else fitted
    expected = wrapper(x)
    if model == "factorised":
        torch.testing.assert_close(expected, by_table, rtol=1e-6, atol=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(wrapper(x).float(), expected)


def test_the_exact_table_equals_no_table():
    wrapper = wrapped(nn.Conv2d(2, 3, 3, padding=1), None)
    x = torch.randn(2, 2, 5, 5)
    without = wrapper(x)
    wrapper.wrapped.multiplier = Multiplier.from_lut(exact_products(True, True))
    assert torch.equal(wrapper(x), without)
