"""What layers say to operands that they cannot multiply, and that odd layouts change nothing."""

import pytest
import torch
from torch import nn

from tests.torchapprox.builders import (
    converted_cnn,
    images,
    minmax_qconfig,
    random_multiplier,
    wrapped,
)
from torchapprox import InferenceMode, approximate, calibrate, coverage, trace
from torchapprox.gradients import StraightThrough, WindowDifference
from torchapprox.layers import ApproxMatmul
from torchapprox.quantisation.torch_ao import disable_observer, set_parameters

LAYERS = {
    "linear": (lambda: nn.Linear(4, 2), (3, 4)),
    "conv": (lambda: nn.Conv2d(2, 3, 3), (2, 2, 5, 5)),
    "transposed": (lambda: nn.ConvTranspose2d(2, 3, 3), (2, 2, 4, 4)),
}
X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def linear(mode=InferenceMode.APPROXIMATE):
    torch.manual_seed(1)
    layer = wrapped(nn.Linear(4, 2), random_multiplier(), mode=mode)
    layer(X)
    return layer


@pytest.mark.parametrize("mode", InferenceMode)
@pytest.mark.bad_input("not-dense")
def test_sparse_and_nested_operands_are_refused(mode):
    nested = torch.nested.nested_tensor([X, X[:1]], layout=torch.jagged)
    for x, form in ((X.to_sparse(), "torch.sparse_coo"), (nested, "a nested tensor")):
        with pytest.raises(NotImplementedError, match=f"'x' must be a dense tensor, got {form}; "):
            linear(mode)(x)
    with pytest.raises(NotImplementedError, match=r"'w' must be a dense tensor, got torch.sparse"):
        ApproxMatmul()(X, X.T.to_sparse())


@pytest.mark.bad_input("no-data")
def test_operands_without_data_are_refused():
    with pytest.raises(NotImplementedError, match=r"'x' must hold data, .* device 'meta'; move"):
        linear()(X.to("meta"))
    with pytest.raises(NotImplementedError, match="'weight' must hold data"):
        linear().wrapped.to("meta")(X, torch.ones(1), torch.zeros(1))


@pytest.mark.parametrize("mode", InferenceMode)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.bad_input("nan-weight")
def test_a_weight_that_broke_in_training_is_refused_in_every_mode(mode, bad):
    layer = linear(mode)
    with torch.no_grad():
        layer.wrapped.weight[1, 2] = bad
    with pytest.raises(ValueError, match="must be finite, since quantisation would hide"):
        layer(X)


@pytest.mark.bad_input("strides")
def test_strides_change_nothing():
    layer, model, x = linear(), converted_cnn(random_multiplier()), images()
    wide = torch.randn(3, 8)
    for odd in (
        torch.randn(4, 3).T,
        torch.randn(1, 4).expand(5, 4),
        wide[:, ::2],
        wide.flip(1)[:, 1:5],
    ):
        assert torch.equal(layer(odd), layer(odd.contiguous()))
    assert torch.equal(model(x.to(memory_format=torch.channels_last)), model(x))
    sliced = images(3).repeat_interleave(2, 3)[..., ::2]
    assert not sliced.is_contiguous()
    assert torch.equal(model(sliced), model(x))


@pytest.mark.parametrize(
    ("layer", "shape", "result"),
    [
        (lambda: nn.Linear(0, 2), (3, 0), (3, 2)),
        (lambda: nn.Linear(3, 0), (3, 3), (3, 0)),
        (lambda: nn.Conv2d(2, 0, 3), (3, 2, 5, 5), (3, 0, 3, 3)),
        (lambda: nn.Conv1d(2, 2, 3), (0, 2, 5), (0, 2, 3)),
    ],
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors is a no-op:UserWarning")
@pytest.mark.filterwarnings("ignore:must run observer before calling calculate_qparams")
@pytest.mark.bad_input("zero-size")
def test_layers_without_products(layer, shape, result):
    wrapper = wrapped(layer(), random_multiplier())
    y = wrapper(torch.randn(shape))
    assert y.shape == result
    if y.numel():
        assert torch.equal(y, wrapper.wrapped.bias.expand(result))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.bad_input("half-precision")
def test_halves_are_widened_before_they_are_quantised(dtype):
    layer, x = linear(), X.to(dtype)
    y = layer(x)
    assert y.dtype == dtype
    assert torch.equal(y, layer(x.float()).to(dtype))


@pytest.mark.bad_input("double-precision")
def test_doubles_stay_doubles():
    layer = linear()
    # Powers of two, with which both widths round alike.
    set_parameters(layer.activation_quantiser, 2**-5, 60)
    set_parameters(layer.wrapped.weight_fake_quant, 2**-7, 0)
    single = layer(X)
    y = layer.double()(X.double())
    assert y.dtype == torch.float64
    torch.testing.assert_close(y, single.double(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("mode", InferenceMode)
@pytest.mark.parametrize("build", LAYERS)
@pytest.mark.parametrize("gradient", [StraightThrough(), WindowDifference(2)], ids=type)
@pytest.mark.bad_input("mixed-precision")
def test_operands_of_two_precisions_are_multiplied_in_every_mode(mode, build, gradient):
    torch.manual_seed(0)
    float_layer, shape = LAYERS[build]
    layer = wrapped(float_layer(), random_multiplier(), mode=mode)
    layer.layer.gradient = gradient
    x = torch.randn(shape)
    layer(x)
    layer.eval().apply(disable_observer)
    # Powers of two, with which both widths round alike.
    set_parameters(layer.activation_quantiser, 2**-5, 60)
    set_parameters(layer.layer.weight_fake_quant, 2**-7, 0)
    with torch.no_grad():
        expected = layer(x)
    for _ in range(2):  # in the type of the input, then in that of the weights, wider each
        wide = x.double() if layer.layer.weight.dtype == torch.float32 else x
        for gradients in (False, True):
            inputs = wide.detach().requires_grad_(gradients)
            layer.zero_grad()
            with torch.set_grad_enabled(gradients), trace(nn.Sequential(layer)):
                y = layer(inputs)
            assert y.dtype == wide.dtype
            torch.testing.assert_close(y.float(), expected, rtol=1e-4, atol=1e-4)
            if gradients:
                y.sum().backward()
                assert inputs.grad.dtype == wide.dtype
                assert layer.layer.weight.grad.dtype == layer.layer.weight.dtype
                assert layer.layer.weight.grad.any()
        layer.double()


@pytest.mark.bad_input("constant-calibration")
@pytest.mark.parametrize("value", [0.0, 1e-45, -1e-45])
def test_constant_data_give_a_positive_scale(value):
    model = nn.Sequential(nn.Linear(4, 2))
    approximate(model, random_multiplier(), qconfig=minmax_qconfig())
    calibrate(model, [torch.full((3, 4), value)])
    scale = model[0].activation_quantiser.scale
    assert scale > 0
    assert torch.isfinite(model(X)).all()


@pytest.mark.bad_input("not-converted")
def test_models_without_approximate_layers_are_refused():
    model = nn.Sequential(nn.Linear(4, 2))
    with pytest.raises(ValueError, match="'model' must have approximate layers, got none: call"):
        calibrate(model, [X])
    with pytest.raises(ValueError, match="must have approximate layers"), trace(model):
        pass
    assert coverage(model, X).exact  # which is for such models, too


@pytest.mark.bad_input("bad-calibration")
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_data_that_are_not_finite_calibrate_nothing(bad):
    model = nn.Sequential(nn.Linear(4, 2))
    approximate(model, random_multiplier(), qconfig=minmax_qconfig())
    with pytest.raises(ValueError, match=r"the layer's input must be finite, .* of 12 values"):
        calibrate(model, [X * bad])
    calibrate(model, [X])
    assert torch.isfinite(model(X)).all()
