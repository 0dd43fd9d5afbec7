"""Models as callables and as files."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from htp import (
    Combination,
    Feature,
    HtpModel,
    TableFeature,
    Term,
    accurate_model,
    certify,
    contracts_last_axis,
    factorise,
)
from htp.models.arrays import look_up, stack
from multipliers import Multiplier, Port, exact_products, get

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
        ("", "not a readable HTP model: Expecting value"),
        ("[]", "not a readable HTP model: it has another header"),
        ("{}", "not a readable HTP model: it has another header"),
        (MODEL.to_json()[:-20], "not a readable HTP model"),
        (changed(version=9), "the HTP model is of version 9, this program reads version 1"),
        (changed(format="other"), "not a readable HTP model: it has another header"),
        (changed(terms=[]), "'terms' must hold at least one term"),
        (changed(terms=[{"coefficient": 1}]), "not a readable HTP model: it lacks the field 'x'"),
        (changed(terms=3), "a field has a value of another kind than 'to_json' writes"),
        (changed(terms=[3]), "a field has a value of another kind than 'to_json' writes"),
    ],
)
def test_bad_files(text, message):
    with pytest.raises(ValueError, match=message):
        HtpModel.from_json(text)


def test_an_unknown_feature_in_a_file():
    terms = [
        {
            "coefficient": 1,
            "x": {"kind": "log", "parameter": 0},
            "w": {"kind": "one", "parameter": 0},
        }
    ]
    with pytest.raises(ValueError, match=r"'kind' must be one of .* got .log"):
        HtpModel.from_json(changed(terms=terms))


TABLE = TableFeature.of(np.random.default_rng(0).integers(-99, 99, 256))
SUM = Combination(((0.5, Feature("mod", 2)), (-2.0, TABLE)))
MIXED = HtpModel("mixed", (Term(1.0, X, X), Term(0.25, TABLE, SUM), Term(-3.0, SUM, ONE)))


def integers(*shape, low=-128, high=128, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, shape, generator=generator).double()


def term_by_term(function):
    """A base function of which a model knows nothing, so that it calls it for each term."""

    def base_func(x, w, **kwargs):
        return function(x, w, **kwargs)

    return base_func


LAYERS = {
    "linear": (F.linear, (5, 3, 7), (4, 7), {}),
    "conv1d": (F.conv1d, (2, 4, 9), (6, 2, 3), {"groups": 2, "padding": 1}),
    "conv2d": (F.conv2d, (2, 6, 7, 8), (9, 2, 3, 2), {"groups": 3, "dilation": (1, 2)}),
    "one image": (F.conv2d, (3, 7, 8), (4, 3, 2, 2), {}),
    "depthwise": (F.conv2d, (2, 4, 5, 5), (8, 1, 3, 3), {"groups": 4}),
    "conv3d": (F.conv3d, (1, 2, 4, 5, 6), (3, 2, 2, 3, 1), {"padding": (1, 0, 2)}),
    "transposed": (F.conv_transpose2d, (2, 6, 4, 5), (6, 2, 3, 3), {"groups": 3, "stride": 2}),
    "marked": (contracts_last_axis(lambda x, w: x @ w.mT), (2, 3, 5, 7), (2, 3, 4, 7), {}),
}  # fmt: skip


@pytest.mark.parametrize(("function", "x_shape", "w_shape", "kwargs"), LAYERS.values(), ids=LAYERS)
def test_one_call_equals_a_call_for_each_term(function, x_shape, w_shape, kwargs):
    x, w, calls = integers(*x_shape), integers(*w_shape, seed=1), []
    alone = MIXED(term_by_term(function), x, w, kwargs)

    def counted(x, w, **kwargs):
        calls.append(x.shape)
        return function(x, w, **kwargs)

    counted.__name__ = getattr(function, "__name__", "")
    if hasattr(function, "contracted_axes"):
        counted.contracted_axes = function.contracted_axes
    assert torch.equal(MIXED(counted, x, w, kwargs), alone)
    assert len(calls) == 1
    assert calls[0].numel() == 3 * x.numel()


def test_a_depthwise_convolution_is_called_for_each_term():
    """Stacked channels would leave PyTorch's fast way, which knows one channel a group."""
    calls = []

    def conv2d(x, w, **kwargs):
        calls.append(x.shape)
        return F.conv2d(x, w, **kwargs)

    x, w = integers(2, 4, 5, 5), integers(4, 1, 3, 3, seed=1)
    y = MIXED(conv2d, x, w, {"groups": 4})
    assert calls == [x.shape] * 3
    assert torch.equal(y, MIXED(term_by_term(F.conv2d), x, w, {"groups": 4}))


def test_a_partial_function_is_called_for_each_term():
    calls = []
    MIXED(lambda x, w: calls.append(1) or x @ w.mT, integers(2, 3), integers(4, 3), {})
    assert len(calls) == 3


def test_stack_by_hand():
    a = torch.arange(6).reshape(1, 2, 3)
    got = stack([a, 10 * a, 100 * a], -2)
    assert got.tolist() == [[[0, 1, 2], [0, 10, 20], [0, 100, 200],
                             [3, 4, 5], [30, 40, 50], [300, 400, 500]]]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tables_are_looked_up_by_code(dtype):
    for low, high in ((-128, 128), (0, 256)):
        values = torch.arange(low, high, dtype=dtype).reshape(16, 16)
        expected = [TABLE.values[v % 256] for v in range(low, high)]
        got = TABLE(values)
        assert got.dtype == dtype
        assert got.flatten().tolist() == expected
        assert TABLE(values.numpy()).ravel().tolist() == expected
    assert look_up(TABLE.values, values) is not None


def test_exact_depth_of_named_and_tabulated_functions():
    signed, unsigned = Port(8, signed=True), Port(8, signed=False)
    half = HtpModel("half", (Term(0.5, Feature("floor", 2), Feature("mod", 3)),))
    # Products are multiples of 2 and at most 0.5 * 128 * 7, or 0.5 * 252 * 7.
    assert half.exact_depth(24, x_port=signed, w_port=signed) == 2 * 2**24 // 448
    assert half.exact_depth(24, x_port=unsigned, w_port=signed) == 2 * 2**24 // 882
    assert half.exact_depth(53, x_port=unsigned, w_port=signed) == 2 * 2**53 // 882
    # 0.1 is no multiple of a power of two that floats can sum up.
    assert HtpModel("tenth", (Term(0.1, X, X),)).exact_depth(24, x_port=signed, w_port=signed) == 0
    wide = Port(16, signed=True)
    assert accurate_model().exact_depth(53, x_port=wide, w_port=wide) == 2**53 // 2**30


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sums_up_to_the_exact_depth_are_exact(dtype):
    port = Port(8, signed=True)
    bits = {torch.float32: 24, torch.float64: 53}[dtype]
    depth = min(MIXED.exact_depth(bits, x_port=port, w_port=port), 5000)
    assert depth > 50
    x, w = integers(4, depth), integers(3, depth, seed=1)
    exact = MIXED(F.linear, x, w, {})
    assert torch.equal(MIXED(F.linear, x.to(dtype), w.to(dtype), {}).double(), exact)


def test_files_hold_every_kind_of_function(tmp_path):
    multiplier = get("mul8s_bam_h4_v6")
    for model in (MIXED, factorise(multiplier).model):
        path = tmp_path / "model.json"
        model.save(path)
        loaded = HtpModel.load(path)
        assert loaded == model
        assert loaded.certificate == model.certificate
    assert HtpModel.load(path, lut=multiplier) == model
    assert max(map(len, path.read_text().splitlines())) < 2000
    assert [file.name for file in tmp_path.iterdir()] == ["model.json"]


def test_a_file_for_another_multiplier(tmp_path):
    path = tmp_path / "model.json"
    model = factorise(get("mul8s_bam_h4_v6")).model
    model.save(path)
    with pytest.raises(ValueError, match=r"certified for 'lut', mul8s_bam_h0_v6 of digest .* got"):
        HtpModel.load(path, lut=get("mul8s_bam_h0_v6"))
    MIXED.save(path)
    with pytest.raises(ValueError, match="got no certificate"):
        HtpModel.load(path, lut=get("mul8s_bam_h0_v6"))


def test_a_file_whose_terms_are_not_what_the_certificate_says(tmp_path):
    path = tmp_path / "model.json"
    exact = Multiplier.from_lut(exact_products(True, True))
    model = accurate_model().with_certificate(certify(accurate_model(), exact))
    model.save(path)
    assert HtpModel.load(path, lut=exact) == model
    path.write_text(path.read_text().replace('"coefficient": 1', '"coefficient": 2'))
    with pytest.raises(ValueError, match="terms do not differ from 'lut' as the certificate says"):
        HtpModel.load(path, lut=exact)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"terms": [{}] * 2000}, "at most 1024 terms, got 2000"),
        ({"certificate": {"calls": 1}}, "it lacks the field 'multiplier'"),
        ({"certificate": []}, "a field has a value of another kind"),
        ({"terms": [{"coefficient": float("nan"), "x": {"kind": "one", "parameter": 0},
                     "w": {"kind": "one", "parameter": 0}}]}, "'coefficient' must be finite"),
        ({"terms": [{"coefficient": 1, "x": {"kind": "table", "values": [1] * 255},
                     "w": {"kind": "one", "parameter": 0}}]}, "'values' must be 256 numbers"),
        ({"terms": [{"coefficient": 1, "x": [], "w": []}]}, "'parts' must hold at least one"),
    ],
)  # fmt: skip
def test_damaged_documents(fields, message):
    with pytest.raises(ValueError, match=message):
        HtpModel.from_json(changed(**fields))


def test_a_certificate_of_wrong_types():
    document = json.loads(factorise(get("mul8s_bam_h4_v6")).model.to_json())
    document["certificate"]["pairs"] = "many"
    with pytest.raises(ValueError, match="'pairs' of a certificate must be int, got 'many'"):
        HtpModel.from_json(json.dumps(document))


@pytest.mark.bad_input("bad-json")
def test_large_and_deep_texts_are_refused():
    with pytest.raises(ValueError, match="at most 8388608 characters"):
        HtpModel.from_json(" " * (8 << 20) + "{}")
    with pytest.raises(ValueError, match=r"not a readable HTP model: .* nested as deeply"):
        HtpModel.from_json("[" * 100_000)
