"""The one-line conversion, its refusals, and the way back."""

import re

import pytest
import torch
from torch import nn

from multipliers import Multiplier, exact_products
from tests.torchapprox.builders import (
    CALIBRATION,
    convert,
    converted_cnn,
    images,
    minmax_qconfig,
    names,
    random_multiplier,
    small_cnn,
)
from torchapprox import (
    Accumulator,
    InferenceMode,
    approximate,
    get_approx_modules,
    qconfig,
    revert,
)
from torchapprox.layers import ApproxConv2d, ApproxLinear, ApproxWrapper

APPROXIMATE = InferenceMode.APPROXIMATE


def test_layers_get_multiplier_and_mode():
    model, multiplier = small_cnn(), random_multiplier()
    summary = convert(model, multiplier)
    assert [type(layer) for _, layer in get_approx_modules(model)] == [
        ApproxConv2d, ApproxConv2d, ApproxLinear,
    ]  # fmt: skip
    for _, layer in get_approx_modules(model):
        assert layer.multiplier == multiplier
        assert layer.inference_mode is InferenceMode.APPROXIMATE
    assert [row.name for row in summary.layers] == names(model)
    assert {row.multiplier for row in summary.layers} == {"random"}
    assert summary.left_exact == ()


def test_the_exact_product_is_close_to_the_float_model():
    model = small_cnn().eval()
    expected = model(images())
    convert(model)
    assert not model.training
    torch.testing.assert_close(model(images()), expected, rtol=0, atol=0.05)


def test_training_modes_are_kept():
    model = small_cnn().train()
    model[1].eval()
    convert(model)
    assert model.training
    assert model[0].training
    assert model[0].wrapped.training
    assert not model[1].training


@pytest.mark.parametrize(
    ("options", "converted"),
    [
        ({"include": ["0", "4"]}, ["0.wrapped", "4.wrapped"]),
        ({"include": [nn.Linear]}, ["4.wrapped"]),
        ({"exclude": [nn.Conv2d]}, ["4.wrapped"]),
        ({"exclude": ["[04]"]}, ["2.wrapped"]),
        ({"include": [nn.Conv2d], "exclude": ["2"]}, ["0.wrapped"]),
    ],
)
def test_include_and_exclude(options, converted):
    model = small_cnn()
    summary = convert(model, **options)
    assert names(model) == converted
    exact = {"0", "2", "4"} - {name.split(".")[0] for name in converted}
    assert {name for name, _ in summary.left_exact} == exact


@pytest.mark.parametrize("option", ["include", "exclude"])
def test_a_selection_that_matches_nothing(option):
    model = small_cnn()
    with pytest.raises(
        LookupError, match=f"'{option}': 'head' matches no layer; there are: 0, 2, 4"
    ):
        convert(model, **{option: ["head"]})


class TwoUses(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.again = self.first
        self.last = nn.Linear(4, 2)

    def forward(self, x):
        return self.last(self.again(self.first(x)))


def test_a_shared_layer_is_wrapped_once_and_stays_shared():
    model = TwoUses()
    convert(model, calibration=[torch.randn(8, 4)])
    assert isinstance(model.first, ApproxWrapper)
    assert model.again is model.first
    revert(model)
    assert type(model.first) is nn.Linear
    assert model.again is model.first


def test_layers_that_are_not_converted_are_named():
    model = nn.ModuleDict(
        {
            "attention": nn.MultiheadAttention(4, 2),
            "pairs": nn.Bilinear(2, 2, 3),
            "words": nn.Embedding(5, 4),
            "head": nn.Linear(4, 2),
        }
    )
    summary = convert(model, calibration=None, exclude=["attention"])
    assert names(model) == ["head.wrapped"]
    left = dict(summary.left_exact)
    assert left["attention"] == "MultiheadAttention"
    assert left["attention.out_proj"] == "NonDynamicallyQuantizableLinear"
    assert left["pairs"] == "Bilinear"
    assert "words" not in left
    assert "left exact: pairs (Bilinear)" in str(summary)


class Vision(nn.Module):
    """Parameters that vision networks add to activations or scale them with, and a head."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 4))
        self.positions = nn.Parameter(torch.zeros(1, 3, 4))
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head((x + self.positions + self.token) * self.scale.flatten())


def test_scales_and_embeddings_of_positions_are_no_matrices():
    assert convert(Vision(), calibration=[torch.randn(2, 3, 4)]).left_exact == ()
    one_output = nn.Sequential(nn.Linear(4, 1), nn.Conv1d(1, 1, 3), nn.Bilinear(2, 2, 1))
    left = convert(one_output, calibration=None, exclude=["0", "1"]).left_exact
    assert left == (("0", "Linear"), ("1", "Conv1d"), ("2", "Bilinear"))


def test_a_layer_that_is_named_like_pytorchs_is_named_in_full():
    other = type("Linear", (nn.Linear,), {"__module__": "library.layers"})
    left = convert(nn.Sequential(other(4, 2), nn.Linear(2, 2)), calibration=None).left_exact
    assert left == (("0", "library.layers.Linear"),)


def test_a_parametrised_layer_is_named_by_itself():
    parametrised = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    summary = convert(nn.Sequential(parametrised, nn.Linear(4, 2)), calibration=[torch.randn(8, 4)])
    assert summary.left_exact == (("0", "ParametrizedLinear"),)


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        (nn.LazyLinear(2), ValueError, r"layer '0' \(LazyLinear\) must have its parameters: run"),
        (
            nn.Linear(4, 2, dtype=torch.complex64), NotImplementedError,
            "'weight' must be real and floating point, got torch.complex64; exclude the layer",
        ),
    ],
)  # fmt: skip
def test_layers_that_cannot_be_converted(layer, error, message):
    model = nn.Sequential(layer)
    with pytest.raises(error, match=message):
        convert(model, calibration=None)
    assert model[0] is layer


def test_summary_as_text():
    header, *rows = str(convert(small_cnn(), random_multiplier(), exclude=["2"])).splitlines()
    assert header.split() == [
        "layer", "type", "fan-in", "weights", "MACs", "activation", "weight", "multiplier",
    ]  # fmt: skip
    assert re.split(r" {2,}", rows[0]) == [
        "0.wrapped", "ApproxConv2d", "18", "72", "2592", "0..127 affine", "-128..127 symmetric",
        "random",
    ]  # fmt: skip
    assert rows[-1] == "left exact: 2 (Conv2d)"


def test_multiplications_are_unknown_before_the_model_ran():
    summary = convert(small_cnn(), calibration=None)
    assert [row.macs for row in summary.layers] == [None, None, None]
    assert str(summary).splitlines()[1].split()[4] == "?"


def test_a_second_call_changes_multiplier_and_mode_only():
    model = converted_cnn(random_multiplier(1))
    scale = model[0].activation_quantiser.scale.clone()
    again = random_multiplier(2)
    approximate(model, again, mode=InferenceMode.NOISE)
    assert names(model) == ["0.wrapped", "2.wrapped", "4.wrapped"]
    assert torch.equal(model[0].activation_quantiser.scale, scale)
    assert {layer.inference_mode for _, layer in get_approx_modules(model)} == {InferenceMode.NOISE}
    assert all(layer.multiplier == again for _, layer in get_approx_modules(model))


UNSIGNED = Multiplier.from_lut(exact_products(False, False), x_signed=False, w_signed=False)
SIGNED_X = Multiplier.from_lut(exact_products(True, True))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"multiplier": UNSIGNED}, ValueError, r"weight quantiser's range -128\.\.127"),
        (
            {"multiplier": SIGNED_X, "qconfig": minmax_qconfig((0, 255))},
            ValueError,
            r"activation quantiser's range 0\.\.255 does not fit",
        ),
        ({"multiplier": 3}, TypeError, "'multiplier' must be .*, got int for layer '0'"),
        ({"multiplier": lambda *_: 3}, TypeError, "'multiplier' must be .*, got int for layer '0'"),
        ({"mode": "NOISE"}, TypeError, "'mode' must be an InferenceMode, got 'NOISE'"),
        ({"htp_model": 3}, TypeError, "'htp_model' must be callable or None, got int"),
        ({"calibration": []}, ValueError, "at least one batch, got none"),
        ({"calibration": [torch.full((1, 2, 6, 6), float("nan"))]}, ValueError, "must be finite"),
    ],
)
@pytest.mark.bad_input("failed-conversion")
def test_a_failed_conversion_leaves_the_model_as_it_was(options, error, message):
    model = small_cnn()
    parameters, text = list(model.parameters()), repr(model)
    with pytest.raises(error, match=message):
        convert(model, **options)
    assert repr(model) == text
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    convert(model)  # and it can be converted afterwards


def test_a_single_layer_cannot_be_replaced():
    with pytest.raises(ValueError, match=r"got a single Linear; put it into an nn.Sequential"):
        convert(nn.Linear(4, 2), calibration=None)


def test_revert_gives_the_float_model_back():
    model = small_cnn().eval()
    text, expected, parameters = repr(model), model(images()), list(model.parameters())
    convert(model, random_multiplier())
    assert not torch.equal(model(images()), expected)
    assert revert(model) is model
    assert repr(model) == text
    assert torch.equal(model(images()), expected)
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))


def test_a_multiplier_per_layer_by_name_and_pattern():
    first, second = random_multiplier(1), random_multiplier(2)
    model = small_cnn()
    convert(model, {"[02]": first, "2": second})
    chosen = {name: layer.multiplier for name, layer in get_approx_modules(model)}
    assert chosen == {"0.wrapped": first, "2.wrapped": second, "4.wrapped": None}


def test_settings_from_a_rule():
    multiplier, asked = random_multiplier(), []

    def rule(name, layer):
        asked.append(name)
        return multiplier if isinstance(layer, nn.Conv2d) else None

    model = small_cnn()
    quantised = InferenceMode.QUANTIZED
    convert(model, rule, mode=lambda name, _: quantised if name == "4" else APPROXIMATE)
    layers = [layer for _, layer in get_approx_modules(model)]
    assert [layer.multiplier for layer in layers] == [multiplier, multiplier, None]
    assert [layer.inference_mode for layer in layers] == [APPROXIMATE, APPROXIMATE, quantised]
    assert asked == ["0", "2", "4"]


def test_modes_models_and_quantisers_per_layer():
    def exact_model(base_func, x, w, kwargs):
        return base_func(x, w, **kwargs)

    model = small_cnn()
    approximate(
        model,
        random_multiplier(),
        calibration=CALIBRATION,
        mode={"4": InferenceMode.NOISE},
        htp_model={"2": exact_model},
        accumulator={"0": Accumulator(20), "4": Accumulator(16, "saturate")},
        qconfig={"[02]": qconfig(x_bits=4, w_bits=3, observer="minmax")},
    )
    layers = [layer for _, layer in get_approx_modules(model)]
    assert [layer.inference_mode for layer in layers] == [
        APPROXIMATE, APPROXIMATE, InferenceMode.NOISE,
    ]  # fmt: skip
    assert [layer.htp_model for layer in layers] == [None, exact_model, None]
    bits = [layer.accumulator and layer.accumulator.bits for layer in layers]
    assert bits == [20, None, 16]
    assert "accumulator=Accumulator(bits=20, overflow='wrap'" in repr(layers[0])
    ranges = [model[i].activation_quantiser.quant_max for i in (0, 2, 4)]
    assert ranges == [15, 15, 127]
    approximate(model, htp_model=exact_model)
    assert all(layer.htp_model is exact_model for layer in layers)
    assert all(layer.accumulator is None for layer in layers)


def test_quantisers_fit_each_layers_own_multiplier():
    model = small_cnn()
    unsigned_x = random_multiplier(x_signed=False)
    summary = approximate(model, {"0": UNSIGNED, "2": unsigned_x}, calibration=CALIBRATION)
    assert [(row.activation_range, row.weight_range) for row in summary.layers] == [
        ((0, 255), (0, 255)), ((0, 255), (-128, 127)), ((0, 127), (-128, 127)),
    ]  # fmt: skip
    assert [row.weight for row in summary.layers][:2] == ["0..255 affine", "-128..127 symmetric"]
    assert torch.isfinite(model(images())).all()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("multiplier", {"0": random_multiplier(), "head*": random_multiplier()}),
        ("mode", {"head*": InferenceMode.NOISE}),
        ("qconfig", {"head*": minmax_qconfig()}),
        ("accumulator", {"head*": Accumulator(20)}),
        ("htp_model", {"head*": lambda base_func, x, w, kwargs: base_func(x, w, **kwargs)}),
    ],
)
def test_a_setting_for_no_layer(option, value):
    model = small_cnn()
    text = repr(model)
    with pytest.raises(
        LookupError, match=rf"'{option}': 'head\*' matches no layer; there are: 0, 2, 4"
    ):
        convert(model, **{option: value})
    assert repr(model) == text


@pytest.mark.bad_input("failed-conversion")
def test_a_failed_second_conversion_leaves_the_first_as_it_was():
    model, multiplier = small_cnn(), random_multiplier()
    convert(model, multiplier, exclude=["4"])
    expected = model.eval()(images())
    with pytest.raises(ValueError, match=r"layer '4': the weight quantiser's range -128\.\.127"):
        approximate(
            model,
            {"0": random_multiplier(5), "2": None, "4": UNSIGNED},
            qconfig=minmax_qconfig(),
            mode=InferenceMode.NOISE,
        )
    assert type(model[4]) is nn.Linear
    assert torch.equal(model(images()), expected)
    assert {layer.multiplier for _, layer in get_approx_modules(model)} == {multiplier}
