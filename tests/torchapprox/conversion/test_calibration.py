"""Calibration, and the order in which layers run."""

import pytest
import torch
from torch import nn

from tests.torchapprox.builders import (
    convert,
    converted_cnn,
    images,
    minmax_qconfig,
    names,
    small_cnn,
)
from torchapprox import approximate, calibrate, execution_order
from torchapprox.quantisation.torch_ao import FakeQuantize, MinMaxObserver, QConfig


def test_calibration_freezes_the_quantisers():
    model = converted_cnn()
    before = {key: value.clone() for key, value in model.state_dict().items() if "scale" in key}
    model(100 * images())
    after = model.state_dict()
    assert before
    assert all(torch.equal(after[key], value) for key, value in before.items())


@pytest.mark.bad_input("no-calibration")
def test_without_calibration_the_quantisers_learn_while_the_model_runs():
    model = small_cnn()
    convert(model, calibration=None)
    scales = []
    for factor in (1, 100):
        model(factor * images())
        quantiser = model[0].activation_quantiser
        assert isinstance(quantiser, FakeQuantize)
        scales.append(quantiser.scale.item())
    assert scales[1] > 50 * scales[0]


@pytest.mark.parametrize(
    "batch", [images(4), (images(4), torch.zeros(4)), [images(4)], {"input": images(4)}]
)
def test_forms_of_calibration_batches(batch):
    model = small_cnn()
    convert(model, calibration=[batch])
    assert model(images()).shape == (3, 3)


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x):
        return self.used(x)


@pytest.mark.bad_input("unreached-layer")
def test_calibration_must_reach_every_layer():
    with pytest.raises(ValueError, match="must reach every layer, but 'unused' never ran"):
        convert(Branch(), calibration=[torch.randn(4, 4)])


class WithoutCalls(nn.Module):
    """Multiplies with the weights of its layers itself, as some attention modules do."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(7))

    def forward(self, x):
        for layer in self.layers:
            x = nn.functional.linear(x, layer.weight, layer.bias)
        return x


@pytest.mark.bad_input("unreached-layer")
def test_layers_whose_weights_are_used_without_them_are_refused():
    named = ", ".join(f"'layers.{i}'" for i in range(5))
    with pytest.raises(ValueError, match=f"{named} and 2 more never ran: .* exclude them"):
        convert(WithoutCalls(), calibration=[torch.randn(3, 4)])


@pytest.mark.bad_input("bad-calibration")
def test_a_weight_that_is_not_finite():
    model = small_cnn()
    model[2].weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"weight of layer '2' must be finite.* 1 NaN and 0 inf"):
        convert(model)
    assert type(model[2]) is nn.Conv2d


@pytest.mark.parametrize("batch", [None, [], "images", 3])
def test_what_is_no_batch(batch):
    with pytest.raises(TypeError, match="a batch must be a tensor, a sequence whose first"):
        convert(small_cnn(), calibration=[batch])


def test_calibration_goes_on_from_what_was_seen():
    first, second = images(8, seed=1), 5 * images(8, seed=2)
    model, both = small_cnn(), small_cnn()
    convert(model, calibration=[first])
    calibrate(model, [second])
    convert(both, calibration=[first, second])
    for one, other in zip(model.modules(), both.modules(), strict=True):
        if isinstance(one, FakeQuantize):
            assert torch.equal(one.scale, other.scale)


def test_calibration_looks_at_the_weights_once():
    looks = []

    class Counting(MinMaxObserver):
        def forward(self, x):
            looks.append(tuple(x.shape))
            return super().forward(x)

    weight = FakeQuantize.with_args(
        observer=Counting, quant_min=-128, quant_max=127, dtype=torch.qint8,
        qscheme=torch.per_tensor_symmetric,
    )  # fmt: skip
    convert(
        nn.Sequential(nn.Linear(4, 2)),
        calibration=[torch.randn(3, 4)] * 5,
        qconfig=QConfig(activation=minmax_qconfig().activation, weight=weight),
    )
    assert looks == [(2, 4)]


def test_execution_order_is_not_the_order_of_definition():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.unused, self.first = (nn.Linear(4, 4) for _ in range(3))
            self.middle = nn.Sequential(nn.ReLU(), nn.Linear(4, 4))

        def forward(self, x):
            return self.last(self.middle(self.middle(self.first(x))))

    model = Backwards().train()
    order = execution_order(model, torch.zeros(2, 4))
    assert order == ("first", "middle.1", "last")
    assert model.training
    approximate(model, exclude=[order[0], order[-1]])
    assert names(model) == ["unused.wrapped", "middle.1.wrapped"]
    assert execution_order(model, {"x": torch.zeros(2, 4)}) == order


def test_execution_order_sees_into_the_fast_path_of_an_encoder_layer():
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()
    order = execution_order(nn.Sequential(layer), torch.zeros(1, 3, 4))
    assert order[-2:] == ("0.linear1", "0.linear2")
