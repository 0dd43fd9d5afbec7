"""Layer types of a user's own, converted beside the package's."""

import pytest
import torch
from torch import nn

from tests.torchapprox.builders import convert, images, names, random_multiplier, small_cnn
from torchapprox import approximate, get_approx_modules, revert
from torchapprox.layers import ApproxLinear


class Scaled(nn.Linear):
    """A layer that does more than its product, so that it is not converted as `nn.Linear` is."""

    def forward(self, x):
        return 3 * super().forward(x)


class ApproxScaled(ApproxLinear):
    def to_float(self):
        layer = Scaled(self.in_features, self.out_features, device="meta")
        layer.weight, layer.bias = self.weight, self.bias
        return layer

    def forward(self, x, *args, **kwargs):
        return 3 * super().forward(x, *args, **kwargs)


MAPPING = {Scaled: ApproxScaled}


def scaled_cnn():
    """The small CNN with its last layer scaled, and its weights."""
    model = small_cnn()
    linear = model[-1]
    model[-1] = Scaled(linear.in_features, linear.out_features)
    model[-1].load_state_dict(linear.state_dict())
    return model


def test_it_computes_on_the_multiplier_as_its_product_does():
    multiplier, plain, scaled = random_multiplier(limit=2**8), small_cnn(), scaled_cnn()
    convert(plain, multiplier)
    summary = convert(scaled, multiplier, layer_mapping=MAPPING)
    assert [(row.name, row.type) for row in summary.layers][-1] == ("4.wrapped", "ApproxScaled")
    assert summary.left_exact == ()
    assert torch.equal(scaled(images()), 3 * plain(images()))


def test_without_the_mapping_it_stays_exact():
    model = scaled_cnn()
    assert convert(model).left_exact == (("4", "Scaled"),)
    assert names(model) == ["0.wrapped", "2.wrapped"]


def test_settings_and_selections_know_it():
    model, multiplier = scaled_cnn(), random_multiplier(limit=2**8)
    convert(model, {"4": multiplier}, layer_mapping=MAPPING, include=[Scaled, "2"])
    multipliers = {name: layer.multiplier for name, layer in get_approx_modules(model)}
    assert multipliers == {"2.wrapped": None, "4.wrapped": multiplier}
    convert(model, multiplier)  # a second time, it is known
    assert dict(get_approx_modules(model))["4.wrapped"].multiplier == multiplier


def test_one_of_the_package_s_types_is_replaced():
    model = small_cnn()
    convert(model, layer_mapping={nn.Linear: ApproxScaled})
    assert type(model[-1].wrapped) is ApproxScaled


def test_it_comes_back():
    model = scaled_cnn()
    expected, weight = model(images()), model[-1].weight
    convert(model, random_multiplier(limit=2**8), layer_mapping=MAPPING)
    revert(model)
    assert type(model[-1]) is Scaled
    assert model[-1].weight is weight
    assert torch.equal(model(images()), expected)


def test_a_failed_conversion_brings_it_back():
    model = scaled_cnn()
    layer = model[-1]
    with pytest.raises(ValueError, match="at least one batch, got none"):
        convert(model, layer_mapping=MAPPING, calibration=[])
    assert model[-1] is layer


def test_a_model_that_is_one_such_layer():
    with pytest.raises(ValueError, match=r"got a single Scaled; put it into an nn.Sequential"):
        approximate(Scaled(2, 3), layer_mapping=MAPPING)


@pytest.mark.parametrize(
    ("mapping", "error", "message"),
    [
        ({Scaled: nn.Linear}, TypeError, "to subclasses of ApproxLayer, got <class .*Linear'> for"),
        ({Scaled: "ApproxScaled"}, TypeError, "subclasses of ApproxLayer, got 'ApproxScaled' for"),
        ({nn.GRU: ApproxScaled}, NotImplementedError, "a GRU has several products"),
    ],
)
def test_what_is_no_mapping(mapping, error, message):
    with pytest.raises(error, match=f"'layer_mapping'.* {message}"):
        convert(scaled_cnn(), layer_mapping=mapping)
