"""A quantiser whose work the operator does gives the same as one that runs by itself."""

import copy

import pytest
import torch
from torch import nn

from tests.torchapprox.builders import minmax_qconfig, random_multiplier, wrapped
from torchapprox import InferenceMode
from torchapprox.kernels.features.pair_unit import pair_unit
from torchapprox.layers import ApproxLayer, ApproxLinear, ApproxMatmul
from torchapprox.quantisation import quantiser_state

LAYERS = {
    "linear": (nn.Linear(5, 3), (2, 4, 5)),
    "convolution": (nn.Conv2d(4, 6, 3, groups=2, padding=1, stride=2), (2, 4, 5, 6)),
    "padded by reflection": (nn.Conv1d(2, 3, 3, padding=2, padding_mode="reflect"), (2, 2, 6)),
    "three dimensions": (nn.Conv3d(2, 3, 2), (2, 2, 3, 4, 3)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, groups=2, stride=2), (2, 4, 3, 4)),
}
QCONFIGS = {
    "per tensor": minmax_qconfig(),
    "per channel, affine": minmax_qconfig(per_channel=True, w_affine=True),
    "clipped": minmax_qconfig((0, 7), (-4, 3)),
}


def run(module, *operands):
    module.zero_grad()
    operands = [operand.clone().requires_grad_() for operand in operands]
    y = module(*operands)
    y.backward(torch.randn(y.shape, generator=torch.Generator().manual_seed(7)))
    gradients = [operand.grad for operand in operands]
    return y.detach(), *gradients, *(p.grad.clone() for p in module.parameters())


def both_ways(monkeypatch, module, *operands):
    deferred = run(module, *operands)
    monkeypatch.setattr(ApproxLayer, "deferred", lambda *_: None)
    return deferred, run(module, *operands)


def assert_equal(deferred, by_itself):
    for got, wanted in zip(deferred, by_itself, strict=True):
        assert torch.equal(got, wanted)


@pytest.mark.parametrize("qconfig", QCONFIGS.values(), ids=QCONFIGS)
@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_layers_with_weights(monkeypatch, layer, shape, qconfig):
    wrapper = wrapped(layer, random_multiplier(), qconfig=qconfig)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    wrapper(x)
    wrapper.apply(lambda m: m.disable_observer() if hasattr(m, "disable_observer") else None)
    layer = wrapper.wrapped
    assert layer.deferred(layer.weight_fake_quant) is not None
    assert_equal(*both_ways(monkeypatch, wrapper, 3 * x))


def test_products_of_activations(monkeypatch):
    layer = ApproxMatmul(minmax_qconfig())
    x, w = torch.randn(2, 3, 4), torch.randn(2, 4, 5)
    layer(x, w)
    layer.apply(lambda m: m.disable_observer() if hasattr(m, "disable_observer") else None)
    layer.inference_mode, layer.multiplier = InferenceMode.APPROXIMATE, random_multiplier()
    assert_equal(*both_ways(monkeypatch, layer, 3 * x, 3 * w))


@pytest.mark.parametrize("switch", ["enable_observer", "disable_fake_quant"])
def test_a_quantiser_that_does_more_or_less_runs_by_itself(switch):
    wrapper = wrapped(nn.Linear(5, 3), random_multiplier())
    wrapper(torch.randn(4, 5))
    quantiser, layer = wrapper.activation_quantiser, wrapper.wrapped
    quantiser.disable_observer()
    assert layer.deferred(quantiser) == (0, 127)
    getattr(quantiser, switch)()
    assert layer.deferred(quantiser) is None


@pytest.mark.parametrize("mode", [InferenceMode.QUANTIZED, InferenceMode.NOISE])
def test_other_modes_need_fake_quantised_floats(mode):
    wrapper = wrapped(nn.Linear(5, 3), random_multiplier(), mode=mode)
    wrapper(torch.randn(4, 5))
    wrapper.activation_quantiser.disable_observer()
    assert wrapper.wrapped.deferred(wrapper.activation_quantiser) is None


def quantised(wrapper):
    wrapper.eval()
    wrapper.apply(lambda m: m.disable_observer() if hasattr(m, "disable_observer") else None)
    wrapper.wrapped.inference_mode = InferenceMode.QUANTIZED
    return wrapper


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("qconfig", QCONFIGS.values(), ids=QCONFIGS)
@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_the_exact_layer_multiplies_codes_where_nothing_is_differentiated(
    layer, shape, qconfig, bias
):
    """As APPROXIMATE mode on exact products does, to the bit; else as floats do, up to rounding."""
    layer = copy.deepcopy(layer)
    layer.bias = nn.Parameter(torch.randn_like(layer.bias)) if bias else None
    wrapper = wrapped(layer, random_multiplier(), qconfig=qconfig)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    wrapper(x)
    quantised(wrapper)
    floats = wrapper(3 * x).detach()
    with torch.no_grad():
        codes = wrapper(3 * x)
    torch.testing.assert_close(codes, floats)
    if wrapper.wrapped.deferred(wrapper.activation_quantiser) is not None:
        pytest.fail("gradients need the floats")
    with torch.no_grad():
        on_codes = wrapper.wrapped.deferred(wrapper.activation_quantiser) is not None
    centred = not bool(wrapper.wrapped.weight_fake_quant.zero_point.any())
    of_codes = bool(pair_unit().instruction) and "Transpose" not in type(layer).__name__
    assert on_codes is (centred and of_codes)
    if on_codes:
        wrapper.wrapped.multiplier = None
        wrapper.wrapped.inference_mode = InferenceMode.APPROXIMATE
        with torch.no_grad():
            assert torch.equal(wrapper(3 * x), codes)


@pytest.mark.parametrize("own", ["quant_fwd", "approx_fwd"])
def test_a_forward_function_of_a_users_own_is_used(own):
    class Own(ApproxLinear):
        pass

    class Doubling(ApproxLinear):
        def quant_fwd(self, x_q, w_q):
            return 2 * super().quant_fwd(x_q, w_q)

    class Approximating(ApproxLinear):
        def approx_fwd(self, x_q, w_q, quant_params, sink=None):
            return 0 * super().approx_fwd(x_q, w_q, quant_params, sink)

    assert Own._EXACT_ON_CODES
    wrapper = wrapped(nn.Linear(5, 3, bias=False), qconfig=minmax_qconfig())
    x = torch.randn(4, 5)
    wrapper(x)
    with torch.no_grad():
        exact = quantised(wrapper)(x)
        wrapper.wrapped.__class__ = {"quant_fwd": Doubling, "approx_fwd": Approximating}[own]
        factor = 2 if own == "quant_fwd" else 1
        torch.testing.assert_close(wrapper(x), factor * exact)


def test_whoever_looks_at_the_exact_layer_sees_floats_multiplied():
    wrapper = wrapped(nn.Linear(5, 3), random_multiplier(), qconfig=minmax_qconfig())
    x = torch.randn(2, 5)
    wrapper(x)
    layer = quantised(wrapper).wrapped
    seen = []
    remove = layer.add_operand_observer(lambda operands, y: seen.append((operands, y)))
    with torch.no_grad():
        wrapper(x)
        assert layer.deferred(layer.weight_fake_quant) is None
        remove()
        assert layer.deferred(layer.weight_fake_quant) is not None
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("limits", "codes"),
    [((0, 255), True), ((-128, 127), True), ((0, 256), False), ((-129, 0), False), (None, False),
     ((-1, 128), False)],
)  # fmt: skip
def test_limits_beyond_a_port_are_not_multiplied_as_codes(limits, codes, monkeypatch):
    monkeypatch.setattr(quantiser_state, "plain_limits", lambda _: limits)
    assert quantiser_state.makes_codes(minmax_qconfig().activation()) is codes
