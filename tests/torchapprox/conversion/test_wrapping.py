"""The script of existing users."""

import pytest
import torch
import torch.ao.quantization as tq  # noqa: TID251  as users import it
from torch import nn

from tests.torchapprox.builders import images, minmax_qconfig, random_table, small_cnn
from torchapprox.layers import ApproxLayer, ApproxWrapper, InferenceMode, layer_mapping_dict
from torchapprox.utils import get_approx_modules, wrap_quantizable


def test_the_usual_script():
    model = small_cnn()
    assert wrap_quantizable(model) is model
    tq.prepare_qat(model, layer_mapping_dict(), inplace=True)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(2):
        optimiser.zero_grad()
        model(images(8)).square().sum().backward()
        optimiser.step()
    model.eval().apply(tq.disable_observer)
    quantised = model(images())
    layers = get_approx_modules(model)
    assert [name for name, _ in layers] == ["0.wrapped", "2.wrapped", "4.wrapped"]
    for _, layer in layers:
        layer.inference_mode = InferenceMode.APPROXIMATE
        layer.lut = layer.accurate_lut()
    torch.testing.assert_close(model(images()), quantised, rtol=1e-4, atol=1e-4)
    for _, layer in layers:
        layer.lut = random_table()
    assert not torch.allclose(model(images()), quantised, atol=1.0)


def test_outputs_are_not_quantised_a_second_time():
    model = nn.Sequential(nn.Linear(4, 50))
    wrap_quantizable(model, qconfig=minmax_qconfig())
    tq.prepare_qat(model, layer_mapping_dict(), inplace=True)
    y = model(torch.randn(40, 4))
    assert len(y.unique()) > 128
    assert not hasattr(model[0].wrapped, "activation_post_process")


def test_twice_is_once():
    model = small_cnn()
    wrap_quantizable(wrap_quantizable(model))
    assert isinstance(model[0], ApproxWrapper)
    assert type(model[0].wrapped) is nn.Conv2d


def test_only_the_types_asked_for():
    model = wrap_quantizable(small_cnn(), [nn.Linear])
    assert [type(layer).__name__ for layer in model] == [
        "Conv2d", "ReLU", "Conv2d", "Flatten", "ApproxWrapper",
    ]  # fmt: skip


def test_derived_layers_are_left_alone():
    class Special(nn.Linear):
        def forward(self, x):
            return super().forward(x) + 1

    model = wrap_quantizable(nn.Sequential(Special(2, 2), nn.Linear(2, 2)))
    assert isinstance(model[0], Special)
    assert isinstance(model[1], ApproxWrapper)


def test_the_qconfig_reaches_both_quantisers():
    model = wrap_quantizable(
        nn.Sequential(nn.Linear(4, 2)), qconfig=minmax_qconfig((0, 15), (-8, 7))
    )
    tq.prepare_qat(model, layer_mapping_dict(), inplace=True)
    wrapper = model[0]
    assert wrapper.activation_quantiser.quant_max == 15
    assert wrapper.wrapped.weight_fake_quant.quant_min == -8


def test_the_default_qconfig():
    model = wrap_quantizable(nn.Sequential(nn.Linear(4, 2)))
    tq.prepare_qat(model, layer_mapping_dict(), inplace=True)
    assert model[0].activation_quantiser.quant_max == 127
    assert isinstance(model[0].activation_quantiser.activation_post_process, tq.HistogramObserver)


@pytest.mark.parametrize("own", [True, False])
def test_wrapper_from_float(own):
    layer = nn.Linear(4, 2)
    if own:
        layer.qconfig = minmax_qconfig((0, 15))
    wrapper = ApproxWrapper.from_float(layer)
    assert wrapper.wrapped is layer
    assert wrapper.qconfig.activation().quant_max == (15 if own else 127)


def test_nested_models_keep_their_names():
    model = nn.ModuleDict({"body": nn.Sequential(nn.Linear(2, 2)), "head": nn.Linear(2, 2)})
    wrap_quantizable(model)
    tq.prepare_qat(model, layer_mapping_dict(), inplace=True)
    layers = get_approx_modules(model)
    assert [name for name, _ in layers] == ["body.0.wrapped", "head.wrapped"]
    assert all(isinstance(layer, ApproxLayer) for _, layer in layers)
