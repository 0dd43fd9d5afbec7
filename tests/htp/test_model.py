"""Models as callables and as files."""

import json

import pytest
import torch
from torch.nn import functional as F

from htp import Feature, HtpModel, Term, accurate_model

ONE, X = Feature("one"), Feature("identity")
MODEL = HtpModel("m", (Term(1.0, X, X), Term(-0.5, Feature("mod", 3), ONE), Term(2.0, ONE, X)))


def test_linear_and_convolution_by_hand():
    x = torch.randint(-128, 128, (2, 3)).double()
    w = torch.randint(-128, 128, (4, 3)).double()
    expected = x @ w.T - 0.5 * (x % 8).sum(1, keepdim=True) + 2 * w.sum(1)
    assert torch.equal(MODEL(F.linear, x, w, {}), expected)
    images = x.view(1, 3, 1, 2)
    kernels = w.view(4, 3, 1, 1)
    kwargs = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    got = MODEL(F.conv2d, images, kernels, kwargs)
    columns = images.flatten(2).mT[0]
    by_hand = columns @ w.T - 0.5 * (columns % 8).sum(1, keepdim=True) + 2 * w.sum(1)
    assert torch.equal(got.flatten(2)[0].mT, by_hand)


def test_the_accurate_model_is_the_base_function():
    x, w = torch.randn(3, 5), torch.randn(2, 5)
    assert torch.equal(accurate_model()(F.linear, x, w, {}), F.linear(x, w))


def test_gradients_pass():
    x = torch.tensor([[3.0, -5.0]], requires_grad=True)
    accurate_model()(F.linear, x, torch.tensor([[2.0, 7.0]]), {}).sum().backward()
    assert x.grad.tolist() == [[2.0, 7.0]]


def test_json_round_trip():
    text = MODEL.to_json()
    assert HtpModel.from_json(text) == MODEL
    assert json.loads(text)["terms"][1] == {
        "coefficient": -0.5,
        "term": "-0.5 * (x mod 2^3) * 1",
        "x": {"kind": "mod", "parameter": 3},
        "w": {"kind": "one", "parameter": 0},
    }


def test_no_terms():
    with pytest.raises(ValueError, match="'terms' must hold at least one term, got none"):
        HtpModel("empty", ())


def changed(**fields):
    return json.dumps({**json.loads(MODEL.to_json()), **fields})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'text' is no HTP model"),
        ("[]", "'text' is no HTP model"),
        ("{}", "'text' is no HTP model: KeyError"),
        (MODEL.to_json()[:-20], "'text' is no HTP model"),
        (changed(version=9), "of version 1, got 'torchapprox-htp-model' of version 9"),
        (changed(format="other"), "got 'other' of version 1"),
        (changed(terms=[]), "'terms' must hold at least one term"),
        (changed(terms=[{"coefficient": 1}]), "'text' is no HTP model: KeyError"),
        (changed(terms=3), "'text' is no HTP model: TypeError"),
    ],
)
def test_bad_files(text, message):
    with pytest.raises(ValueError, match=message):
        HtpModel.from_json(text)


def test_an_unknown_feature_in_a_file():
    terms = [{"coefficient": 1, "x": {"kind": "log", "parameter": 0}, "w": {"kind": "one", "parameter": 0}}]
    with pytest.raises(ValueError, match=r"'kind' must be one of .* got .log"):
        HtpModel.from_json(changed(terms=terms))
