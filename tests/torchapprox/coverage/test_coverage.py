"""Coverage of small networks, counted by hand, and of whole ones, by their definitions."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.torchapprox.builders import (
    converted_cnn,
    images,
    minmax_qconfig,
    random_multiplier,
    small_cnn,
)
from tests.torchapprox.networks import (
    MOBILENET_V2,
    LanguageModel,
    MobileNetV2,
    ResNet,
    VisionTransformer,
)
from torchapprox import (
    CoverageRow,
    InferenceMode,
    approximate,
    coverage,
    get_approx_modules,
    lut_matmul,
)
from torchapprox.quantisation.torch_ao import FakeQuantize

# small_cnn on (3, 2, 6, 6): 3x3 over 2 channels to 4; 2x2 over 2 of 4 to 2, twice; 144 to 3.
SMALL = {"0": 3 * 36 * 4 * 18, "2": 3 * 36 * 4 * 8, "4": 3 * 144 * 3}


def by_layer(result):
    return {row.name: row.macs for row in result.rows}


def test_a_float_model():
    result = coverage(small_cnn(), images())
    assert by_layer(result) == SMALL
    assert [(row.type, row.operation) for row in result.rows] == [
        ("Conv2d", "convolution"), ("Conv2d", "convolution"), ("Linear", "addmm"),
    ]  # fmt: skip
    assert (result.total, result.approximate, result.share) == (sum(SMALL.values()), 0, 0)
    assert {row.reason for row in result.exact} == {"not converted"}


def test_a_converted_model():
    result = coverage(converted_cnn(random_multiplier()), images())
    assert by_layer(result) == SMALL
    assert {row.multiplier for row in result.rows} == {"random"}
    assert (result.share, result.exact, result.never_ran) == (1, (), ())


def test_layers_that_are_not_on_a_multiplier():
    model = small_cnn()
    approximate(
        model,
        {"0": random_multiplier()},
        calibration=[images()],
        exclude=["4"],
        qconfig=minmax_qconfig(),
    )
    result = coverage(model, images())
    assert by_layer(result) == SMALL
    assert result.approximate == SMALL["0"]
    assert {row.name: row.reason for row in result.exact} == {
        "2": "exact product", "4": "not converted",
    }  # fmt: skip
    for mode in (InferenceMode.QUANTIZED, InferenceMode.NOISE):
        approximate(model, random_multiplier(), exclude=["4"], mode=mode)
        result = coverage(model, images())
        assert by_layer(result) == SMALL
        assert {row.reason for row in result.exact} == {f"{mode.name} mode", "not converted"}


def test_an_htp_model_counts_each_product_once():
    def corrected(base_func, x, w, kwargs):
        return base_func(x, w, **kwargs) - base_func(x % 4, w % 2, **kwargs)

    model = converted_cnn(random_multiplier(), htp_model=corrected)
    result = coverage(model, images())
    assert by_layer(result) == SMALL
    assert result.share == 1
    assert {row.multiplier for row in result.rows} == {"HTP model function"}


class Functions(nn.Module):
    """Products in functions, in a layer used twice, and in a layer that does not run."""

    def __init__(self):
        super().__init__()
        self.twice, self.unused = nn.Linear(8, 8), nn.Linear(8, 8)
        self.words = nn.Embedding(10, 8)
        self.mix = nn.Bilinear(8, 8, 2)
        self.matrix = nn.Parameter(torch.randn(8, 8))

    def forward(self, tokens):
        x = self.twice(self.twice(self.words(tokens)))
        x = torch.einsum("btk,bsk->bts", x, x) @ x
        x = F.linear(x, self.matrix)
        x = F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None])[:, 0]
        return self.mix(x, x)


def test_functions_and_layers_without_a_counterpart():
    model, tokens = Functions(), torch.randint(10, (2, 5))
    approximate(model, random_multiplier(), qconfig=minmax_qconfig())
    result = coverage(model, tokens)
    assert by_layer(result)["twice"] == 2 * 10 * 64
    expected = {
        ("", "bmm"): 2 * (2 * 5 * 5 * 8),
        ("", "mm"): 10 * 64,
        ("", "_scaled_dot_product_flash_attention_for_cpu"): 2 * 2 * 5 * 5 * 8,
        ("mix", "_trilinear"): 2 * 10 * 2 * 64,
    }
    assert {(row.name, row.operation): row.macs for row in result.exact} == expected
    assert result.never_ran == ("unused",)
    assert "never ran: unused" in str(result)


class TableProduct(nn.Module):
    def forward(self, codes):
        return lut_matmul(codes, codes, torch.zeros(256, 256, dtype=torch.int32))


def test_a_table_product_outside_a_layer():
    result = coverage(TableProduct(), torch.zeros(4, 6, dtype=torch.uint8))
    assert result.rows == (CoverageRow("", "TableProduct", "lut_matmul", 4 * 4 * 6, "table", ""),)


def test_the_fast_path_that_ignores_converted_layers():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model, x = nn.Sequential(layer), torch.randn(2, 6, 8)
    approximate(
        model, random_multiplier(), include=["0.linear?"], mode=InferenceMode.QUANTIZED,
        qconfig=minmax_qconfig(),
    )  # fmt: skip
    # The fast path multiplies with the weights of the wrapped layers, if it finds them.
    result = coverage(model, x)
    ran = {row.name for row in result.rows}
    assert ran >= {"0.linear1", "0.linear2"} or result.never_ran == ("0.linear1", "0.linear2")
    assert result.total == 2 * 6 * (4 * 64 + 2 * 8 * 16) + 2 * 2 * 36 * 8


def test_as_text():
    model = small_cnn()
    approximate(model, random_multiplier(), exclude=["2"], calibration=[images()],
                qconfig=minmax_qconfig())  # fmt: skip
    assert str(coverage(model, images())).splitlines() == [
        "layer  type          operation    MACs   multiplier",
        "0      ApproxConv2d  product      7,776  random",
        "2      Conv2d        convolution  3,456  none: not converted",
        "4      ApproxLinear  product      1,296  random",
        "72.41% of 12,528 multiplications went through a multiplier",
    ]
    assert str(coverage(nn.ReLU(), images())) == (
        "0.00% of 0 multiplications went through a multiplier"
    )


def test_nothing_of_the_model_changes():
    model = small_cnn()
    approximate(model, random_multiplier(), qconfig=minmax_qconfig())
    model(images())
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items() if "extra" not in key}
    coverage(model, 100 * images())
    after = model.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    assert model.training
    assert all(not layer._operand_observers for _, layer in get_approx_modules(model))
    model(100 * images())  # and the quantisers still learn
    assert any(
        not torch.equal(module.scale, before[f"{name}.scale"])
        for name, module in model.named_modules()
        if isinstance(module, FakeQuantize)
    )


def test_an_error_in_the_model_leaves_no_hooks():
    model = converted_cnn(random_multiplier())
    with pytest.raises(ValueError, match="must be"):
        coverage(model, torch.zeros(1, 9, 6, 6))
    assert not nn.modules.module._global_forward_hooks
    assert all(not layer._operand_observers for _, layer in get_approx_modules(model))
    assert coverage(model, images()).share == 1


# -- whole networks -------------------------------------------------------------------------------


def resnet_macs(widths, size, classes):
    """Convolutions of He et al. (2016), table 1, two blocks a stage, and the classifier."""
    size //= 2
    total, inputs = size**2 * widths[0] * 3 * 49, widths[0]
    size //= 2
    for stage, width in enumerate(widths):
        if stage:
            size //= 2
            total += size**2 * width * inputs  # the shortcut
        total += size**2 * width * 9 * (inputs + 3 * width)
        inputs = width
    return total + inputs * classes


def mobilenet_macs(settings, first, last, size, classes):
    """Expansion, depthwise and projection of Sandler et al. (2018), tables 1 and 2."""
    size //= 2
    total, inputs = size**2 * first * 27, first
    for expansion, channels, repetitions, stride in settings:
        for repetition in range(repetitions):
            hidden = inputs * expansion
            total += size**2 * inputs * hidden if expansion > 1 else 0
            size //= stride if repetition == 0 else 1
            total += size**2 * hidden * (9 + channels)
            inputs = channels
    return total + size**2 * inputs * last + last * classes


def transformer_macs(width, depth, tokens):
    """Four projections, scores and their values, two layers of four times the width."""
    return depth * (12 * width**2 * tokens + 2 * width * tokens**2)


def test_counts_of_full_size_networks_are_those_that_are_published():
    """1.81 and 0.30 billion multiplications are what torchvision's documentation states."""
    x = torch.zeros(1, 3, 224, 224)
    resnet, mobilenet = coverage(ResNet(), x).total, coverage(MobileNetV2(), x).total
    assert resnet == resnet_macs((64, 128, 256, 512), 224, 1000) == 1_814_073_344
    assert mobilenet == mobilenet_macs(MOBILENET_V2, 32, 1280, 224, 1000) == 300_774_272


SMALL_MOBILENET = ((1, 8, 1, 1), (4, 12, 2, 2), (4, 16, 2, 2))

NETWORKS = {
    "resnet": (
        lambda: ResNet((8, 12, 16), classes=10),
        torch.randn(2, 3, 32, 32),
        2 * resnet_macs((8, 12, 16), 32, 10),
    ),
    "mobilenet": (
        lambda: MobileNetV2(SMALL_MOBILENET, 8, 32, 10),
        torch.randn(2, 3, 32, 32),
        2 * mobilenet_macs(SMALL_MOBILENET, 8, 32, 32, 10),
    ),
    "vision transformer": (
        VisionTransformer,
        torch.randn(2, 3, 16, 16),
        2 * (16 * 48 * 32 + transformer_macs(32, 2, 17) + 32 * 10),
    ),
    "language model": (
        LanguageModel,
        torch.randint(50, (2, 12)),
        2 * (transformer_macs(32, 2, 12) + 12 * 32 * 50),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_before_and_after_conversion(name):
    build, batch, macs = NETWORKS[name]
    torch.manual_seed(0)
    model = build().eval()
    assert coverage(model, batch).total == macs
    approximate(model, random_multiplier(), calibration=[batch], qconfig=minmax_qconfig())
    result = coverage(model, batch)
    assert result.total == macs
    assert result.approximate == macs, str(result)
    assert result.exact == result.never_ran == result.unknown == ()
    assert math.isclose(result.share, 1)
