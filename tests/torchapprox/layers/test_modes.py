"""Modes, tables and quantisers that a layer takes, and what it says to those it does not take."""

import numpy as np
import pytest
import torch
from torch import nn

from multipliers import Multiplier, Port, exact_products
from tests.torchapprox.builders import (
    UNSIGNED,
    minmax_qconfig,
    quantiser,
    random_multiplier,
    random_table,
    wrapped,
)
from torchapprox import InferenceMode
from torchapprox.layers import (
    ApproxConv2d,
    ApproxLayer,
    ApproxLinear,
    ApproxWrapper,
    layer_mapping_dict,
)
from torchapprox.layers.approx_layer import QuantizationParameters
from torchapprox.quantisation.torch_ao import QConfig, disable_observer, prepare_qat, set_parameters

ONE, ZERO = torch.tensor([1.0]), torch.tensor([0])


def linear(**options):
    return ApproxLinear(3, 2, qconfig=minmax_qconfig(), **options)


def test_the_base_class_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        ApproxLayer()


def test_defaults():
    layer = ApproxLinear(3, 2)
    assert layer.inference_mode is InferenceMode.QUANTIZED
    assert layer.htp_model is None
    assert layer.traced_inputs is None
    assert (layer.mean, layer.stdev) == (0.0, 0.0)
    assert torch.equal(layer.lut, ApproxLayer.accurate_lut())


def test_accurate_lut_is_the_exact_signed_product_in_code_order():
    values = [*range(128), *range(-128, 0)]
    assert ApproxLayer.accurate_lut().tolist() == [[x * w for w in values] for x in values]


def test_default_qconfig():
    qconfig = ApproxLayer.default_qconfig()
    activation, weight = qconfig.activation(), qconfig.weight()
    assert (activation.quant_min, activation.quant_max) == (0, 127)
    assert (activation.dtype, activation.qscheme) == (torch.quint8, torch.per_tensor_affine)
    assert (weight.quant_min, weight.quant_max) == (-128, 127)
    assert (weight.dtype, weight.qscheme) == (torch.qint8, torch.per_tensor_symmetric)


@pytest.mark.parametrize(
    "convert", [np.asarray, lambda table: table.astype(np.int64), torch.tensor]
)
def test_lut_takes_integer_arrays_and_int32_tensors(convert):
    layer, table = linear(), random_table()
    layer.lut = convert(table)
    assert layer.lut.dtype == torch.int32
    assert layer.lut.tolist() == table.tolist()


def test_lut_none_is_the_exact_product():
    layer = linear()
    layer.lut = None
    assert layer.lut is None
    assert layer.multiplier is None


@pytest.mark.parametrize(
    ("lut", "error", "message"),
    [
        (np.zeros((256, 128), np.int32), ValueError, r"shape \(256, 256\), got int32 \(256, 128\)"),
        (np.zeros((256, 256)), TypeError, "must hold integers .* got float64"),
        (np.full((256, 256), 2**31), ValueError, "must fit int32, got values from 2147483648"),
        (torch.zeros(256, 256, dtype=torch.int64), TypeError, "must be int32 .* got torch.int64"),
        (torch.zeros(16, 16, dtype=torch.int32), ValueError, r"got int32 \(16, 16\)"),
        ([[0] * 256] * 256, TypeError, "NumPy array, an int32 tensor or None, got list"),
    ],
)
@pytest.mark.bad_input("bad-table")
def test_lut_refuses_other_tables(lut, error, message):
    layer = linear()
    with pytest.raises(error, match=message):
        layer.lut = lut
    assert torch.equal(layer.lut, ApproxLayer.accurate_lut())


@pytest.mark.bad_input("bad-settings")
def test_other_attributes_refuse_other_types():
    layer = linear()
    with pytest.raises(TypeError, match="'inference_mode' must be an InferenceMode, got 'noise'"):
        layer.inference_mode = "noise"
    with pytest.raises(TypeError, match="'htp_model' must be callable or None, got int"):
        layer.htp_model = 3
    with pytest.raises(TypeError, match="'multiplier' must be a Multiplier or None, got ndarray"):
        layer.multiplier = random_table()


@pytest.mark.bad_input("before-scale")
def test_approximate_mode_needs_scale_and_zero_point():
    layer = linear()
    layer.inference_mode = InferenceMode.APPROXIMATE
    with pytest.raises(
        RuntimeError, match=r"needs the activations' scale and zero point.*prepare_qat"
    ):
        layer(torch.zeros(1, 3))


@pytest.mark.bad_input("per-channel-activations")
def test_activations_per_channel_are_refused():
    layer = linear()
    layer.inference_mode = InferenceMode.APPROXIMATE
    with pytest.raises(ValueError, match="'x_scale' must have one element"):
        layer(torch.zeros(1, 3), torch.ones(3), torch.zeros(3))


def test_weights_per_input_channel_are_refused():
    weight = quantiser(per_channel=True).with_args(ch_axis=1)
    layer = ApproxLinear(3, 2, qconfig=QConfig(activation=quantiser(), weight=weight))
    layer.inference_mode = InferenceMode.APPROXIMATE
    with pytest.raises(ValueError, match=r"per output channel \(axis 0\), got axis 1"):
        layer(torch.zeros(1, 3), ONE, ZERO)


@pytest.mark.bad_input("before-prepare")
def test_a_wrapper_without_quantisers_says_what_to_call():
    with pytest.raises(RuntimeError, match="no quantisers yet: call prepare_qat"):
        ApproxWrapper(nn.Linear(3, 2))(torch.zeros(1, 3))


@pytest.mark.bad_input("port-mismatch")
def test_unsigned_activations_do_not_enter_a_signed_port():
    wrapper = wrapped(nn.Linear(3, 2), qconfig=minmax_qconfig(UNSIGNED))
    message = r"activation quantiser's range 0\.\.255 does not fit .* within -128\.\.127, as torch"
    for attribute, value in (("multiplier", random_multiplier()), ("lut", random_table())):
        with pytest.raises(ValueError, match=message):
            setattr(wrapper.wrapped, attribute, value)
    assert wrapper.wrapped.multiplier is None
    # The table that the layer starts with was not assigned: the forward pass refuses it.
    fresh = ApproxWrapper(nn.Linear(3, 2), minmax_qconfig(UNSIGNED))
    prepare_qat(fresh, layer_mapping_dict())
    fresh.wrapped.inference_mode = InferenceMode.APPROXIMATE
    with pytest.raises(ValueError, match=message):
        fresh(torch.rand(2, 3))


def test_a_quantiser_that_was_exchanged_is_known_after_a_forward_pass():
    wrapper = wrapped(nn.Linear(3, 2))
    wrapper.quant_stub.activation_post_process = minmax_qconfig(UNSIGNED).activation()
    wrapper(torch.rand(2, 3))
    with pytest.raises(ValueError, match=r"range 0\.\.255 does not fit"):
        wrapper.wrapped.lut = random_table()


@pytest.mark.parametrize("operand", ["activation", "weight"])
@pytest.mark.bad_input("before-calibration")
def test_a_quantiser_that_never_saw_data_is_refused(operand):
    wrapper = wrapped(nn.Linear(3, 2), random_multiplier())
    quantisers = {
        "activation": wrapper.activation_quantiser,
        "weight": wrapper.wrapped.weight_fake_quant,
    }
    quantisers[operand].apply(disable_observer)
    with pytest.raises(RuntimeError, match=f"the {operand} quantiser never saw data .*calibrate"):
        wrapper(torch.rand(2, 3))
    wrapper.wrapped.inference_mode = InferenceMode.QUANTIZED
    wrapper(torch.rand(2, 3))
    wrapper.wrapped.inference_mode = InferenceMode.APPROXIMATE
    set_parameters(quantisers[operand], 1.0, 0)
    wrapper(torch.rand(2, 3))


@pytest.mark.bad_input("port-mismatch")
def test_signed_weights_do_not_enter_an_unsigned_port():
    layer = linear()
    unsigned = Multiplier.from_lut(exact_products(False, False), x_signed=False, w_signed=False)
    with pytest.raises(ValueError, match=r"weight quantiser's range -128\.\.127 does not fit"):
        layer.multiplier = unsigned
    assert layer.multiplier.name == "exact"


def test_a_narrow_port_takes_narrow_quantisers_only():
    narrow = Multiplier.from_function(
        lambda x, w: x * w, name="4x8", x_port=Port(4, signed=False), w_port=Port(8, signed=True)
    )
    x = torch.rand(5, 3)
    fits = wrapped(nn.Linear(3, 2), narrow, qconfig=minmax_qconfig((0, 15)))
    exact = wrapped(nn.Linear(3, 2), None, qconfig=minmax_qconfig((0, 15)))
    exact.wrapped.weight = fits.wrapped.weight
    exact.wrapped.bias = fits.wrapped.bias
    torch.testing.assert_close(fits(x), exact(x))
    with pytest.raises(
        ValueError, match=r"range 0\.\.127 does not fit .* unsigned 4-bit \(0\.\.15\)"
    ):
        wrapped(nn.Linear(3, 2), narrow)(x)


@pytest.mark.bad_input("codes-outside-port")
def test_codes_outside_a_stated_port_are_refused():
    layer = linear()
    layer.inference_mode = InferenceMode.APPROXIMATE
    with pytest.raises(ValueError, match=r"must lie in -128\.\.127.*got 0\.\.200"):
        layer(torch.tensor([[0.0, 200.0, 1.0]]), ONE, ZERO)


@pytest.mark.parametrize("mode", InferenceMode)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.bad_input("nan-input")
def test_inputs_that_a_quantiser_would_hide_are_refused(bad, mode):
    wrapper = wrapped(nn.Linear(3, 2), mode=mode)
    x = torch.rand(4, 3)
    wrapper(x)
    x[1, 2] = bad
    with pytest.raises(ValueError, match=r"must be finite.* of 12 values"):
        wrapper(x)


@pytest.mark.bad_input("large-values")
def test_large_finite_inputs_are_accepted():
    x = torch.full((2, 3), 3e38)
    assert wrapped(nn.Linear(3, 2))(x).shape == (2, 2)


def test_a_nan_weight_is_refused():
    layer = linear()
    layer.inference_mode = InferenceMode.APPROXIMATE
    params = QuantizationParameters(ONE, ZERO, ONE, ZERO)
    with pytest.raises(ValueError, match="operand values must lie in"):
        layer.approx_fwd(torch.zeros(1, 3), torch.full((2, 3), float("nan")), params)


@pytest.mark.parametrize("mode", InferenceMode)
def test_the_bias_argument_replaces_the_layers_own(mode):
    layer = linear().eval()
    layer.inference_mode = mode
    x, bias = torch.rand(4, 3).round(), torch.tensor([10.0, 20.0])
    own = layer(x, ONE, ZERO)
    torch.testing.assert_close(
        layer(x, ONE, ZERO, bias) - bias, own - layer.bias, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("mode", InferenceMode)
@pytest.mark.parametrize("layer", [nn.Linear(3, 2), nn.Conv2d(3, 2, 1)])
@pytest.mark.bad_input("zero-size")
def test_an_empty_batch_gives_an_empty_result(layer, mode):
    wrapper = wrapped(layer, random_multiplier(), mode=mode)
    shape = (3,) if isinstance(layer, nn.Linear) else (3, 4, 4)
    wrapper(torch.rand(5, *shape))
    y = wrapper(torch.rand(0, *shape))
    assert y.shape == (0, 2, *shape[1:])


@pytest.mark.bad_input("other-shape")
def test_inputs_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"'x' must be \(\.\.\., 3\), got \(2, 4\)"):
        linear()(torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"'x' must be \(B, 2, H, W\) or \(2, H, W\), got"):
        ApproxConv2d(2, 2, 3)(torch.zeros(1, 3, 5, 5))
    with pytest.raises(ValueError, match="at least as large as the kernel"):
        ApproxConv2d(2, 2, 3)(torch.zeros(1, 2, 2, 5))


@pytest.mark.bad_input("bad-scale")
@pytest.mark.parametrize("scale", [0.0, -0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("operand", ["activation", "weight"])
def test_a_scale_that_no_quantiser_has(scale, operand):
    layer = wrapped(nn.Linear(3, 2), random_multiplier())
    x = torch.randn(4, 3)
    layer(x)
    disable_observer(layer.activation_quantiser)
    disable_observer(layer.layer.weight_fake_quant)
    layer(x)
    own = layer.activation_quantiser if operand == "activation" else layer.layer.weight_fake_quant
    damaged = layer.state_dict()
    prefix = (
        "quant_stub.activation_post_process"
        if operand == "activation"
        else "wrapped.weight_fake_quant"
    )
    damaged[f"{prefix}.scale"] = torch.full_like(own.scale, scale)
    layer.load_state_dict(damaged)
    with pytest.raises(ValueError, match="scale must be positive and finite, got"):
        layer(x)
    with pytest.raises(ValueError, match="scale must be positive and finite, got"), torch.no_grad():
        layer(x)


class Doubled(nn.Module):
    """An HTP model that is a module."""

    def forward(self, base, x, w, kwargs):
        return 2 * base(x, w, **kwargs)


def test_a_module_is_an_htp_model_like_any_function():
    layer = wrapped(nn.Linear(3, 2, bias=False), random_multiplier())
    x = torch.randn(4, 3)
    layer(x)
    before = set(layer.state_dict())
    layer.layer.htp_model = Doubled()
    as_module = layer(x)
    assert isinstance(layer.layer.htp_model, Doubled)
    layer.layer.htp_model = lambda base, x, w, kwargs: 2 * base(x, w, **kwargs)
    assert torch.equal(as_module, layer(x))
    assert set(layer.state_dict()) == before
    layer.layer.htp_model = None
    assert not torch.equal(as_module, layer(x))


@pytest.mark.bad_input("bad-settings")
@pytest.mark.parametrize("name", ["lut", "multiplier", "accumulator", "inference_mode", "gradient"])
def test_a_module_is_no_other_setting(name):
    layer = linear()
    with pytest.raises(TypeError, match=name):
        setattr(layer, name, nn.Linear(2, 2))
    assert name not in dict(layer.named_children())


def test_a_parameter_may_hold_a_table():
    layer = linear()
    table = torch.from_numpy(random_table()).int()
    layer.lut = nn.Parameter(table, requires_grad=False)
    assert torch.equal(layer.lut, table)
    assert "lut" not in dict(layer.named_parameters())


@pytest.mark.bad_input("no-flag")
def test_a_text_is_no_switch_of_the_noise():
    layer = linear()
    with pytest.raises(TypeError, match="'noise_in_eval' must be a bool, got 'off'"):
        layer.noise_in_eval = "off"
    with pytest.raises(TypeError, match=r"'noise_generator' must be a .*Generator or None, got 3"):
        layer.noise_generator = 3
