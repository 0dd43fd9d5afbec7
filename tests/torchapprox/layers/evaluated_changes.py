"""What changes something that an evaluated layer's product depends on."""

import copy

import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from tests.torchapprox.builders import random_multiplier
from torchapprox import Accumulator, InferenceMode
from torchapprox.quantisation.torch_ao import set_parameters


def double_weights(layer):
    layer.layer.weight.data.mul_(2)


def new_weights(layer):
    layer.layer.weight = nn.Parameter(torch.randn_like(layer.layer.weight))


def wide_weights(layer):
    layer.layer.weight.data = layer.layer.weight.data.double()


def raise_bias(layer):
    layer.layer.bias.data.add_(1)


def new_bias(layer):
    layer.layer.bias.data = torch.randn_like(layer.layer.bias)


def no_bias(layer):
    layer.layer.bias = None


def correct_bias(layer):
    layer.layer.bias_correction = torch.randn_like(layer.layer.bias)


def other_table(layer):
    layer.layer.multiplier = random_multiplier(1)


def write_table(layer):
    layer.layer.lut.add_(3)


def without_table(layer):
    layer.layer.lut = None


def htp(layer):
    layer.layer.htp_model = lambda base, x, w, kwargs: base(x, w, **kwargs) + 1


def accumulate(layer):
    layer.layer.accumulator = Accumulator(12)


def quantised(layer):
    layer.layer.inference_mode = InferenceMode.QUANTIZED


def noisy(layer):
    layer.layer.inference_mode = InferenceMode.NOISE


def scale_of_x(layer):
    layer.activation_quantiser.scale.data.mul_(1.5)


def other_scale_of_x(layer):
    set_parameters(layer.activation_quantiser, 0.07, 31)


def zero_point_of_x(layer):
    layer.activation_quantiser.zero_point.add_(1)


def scale_of_w(layer):
    layer.layer.weight_fake_quant.scale.mul_(0.5)


def zero_point_of_w(layer):
    layer.layer.weight_fake_quant.zero_point.fill_(3)


def observe(layer):
    layer.activation_quantiser.enable_observer()


def observe_weights(layer):
    layer.layer.weight_fake_quant.enable_observer()


def fewer_codes(layer):
    layer.activation_quantiser.activation_post_process.quant_max = 63


def other_quantiser(layer):
    quantiser = copy.deepcopy(layer.layer.weight_fake_quant)
    set_parameters(quantiser, 0.11, 0)
    layer.layer.weight_fake_quant = quantiser


def off_centre_weights(layer):
    set_parameters(layer.layer.weight_fake_quant, 0.05, 5)


def weights_off_centre_by_numpy(layer):
    layer.layer.weight_fake_quant.zero_point.numpy()[:] = 5


def switch_off_by_numpy(layer):
    layer.activation_quantiser.fake_quant_enabled.numpy()[:] = 0


def observe_by_data(layer):
    layer.activation_quantiser.observer_enabled.data.fill_(1)


def scale_by_dlpack(layer):
    torch.from_dlpack(layer.activation_quantiser.scale).mul_(2)


def weights_by_numpy(layer):
    layer.layer.weight.numpy()[:] *= -1.5


def weight_that_is_no_parameter(layer):
    weight = 2 * layer.layer.weight.detach()
    del layer.layer.weight
    layer.layer.weight = weight


def bias_of_a_wider_type(layer):
    layer.layer.bias.data = layer.layer.bias.data.double()


def correction_of_a_wider_type(layer):
    layer.layer.bias_correction = torch.randn(len(layer.layer.bias), dtype=torch.float64)


def wider_layer(layer):
    layer.double()


def narrower_layer(layer):
    layer.bfloat16()


def wide_table_by_numpy(layer):
    entries = torch.randint(-(2**31), 2**31 - 1, (256, 256), dtype=torch.int32)
    layer.layer.lut.numpy()[:] = entries.numpy()


def own_product(layer):
    product = layer.layer.approx_fwd
    layer.layer.approx_fwd = lambda *args, **kwargs: 2 * product(*args, **kwargs)


def own_multiply(layer):
    multiply = layer.layer.multiply
    layer.layer.multiply = lambda *args, **kwargs: 2 * multiply(*args, **kwargs)


def own_quantiser(layer):
    layer.activation_quantiser.forward = lambda x: 0 * x


def hooked_quantiser(layer):
    layer.layer.weight_fake_quant.register_forward_hook(lambda *call: 0 * call[-1])


def parametrised(layer):
    parametrize.register_parametrization(layer.layer, "weight", nn.Tanh())


def pruned(layer):
    prune.l1_unstructured(layer.layer, "weight", 0.5)


def assigned_state(layer):
    other = copy.deepcopy(layer)
    other.activation_quantiser.scale.mul_(3)
    other.layer.multiplier = random_multiplier(5)
    layer.load_state_dict(other.state_dict(), assign=True)


CHANGES = [
    off_centre_weights, weights_off_centre_by_numpy, switch_off_by_numpy, observe_by_data,
    scale_by_dlpack, weights_by_numpy, weight_that_is_no_parameter, bias_of_a_wider_type,
    correction_of_a_wider_type, wider_layer, narrower_layer, wide_table_by_numpy, own_product,
    own_multiply, own_quantiser, hooked_quantiser, parametrised, pruned, assigned_state,
    other_quantiser,
    double_weights, new_weights, wide_weights, raise_bias, new_bias, no_bias, correct_bias,
    other_table, write_table, without_table, htp, accumulate, quantised, noisy, scale_of_x,
    other_scale_of_x, zero_point_of_x, scale_of_w, zero_point_of_w, observe, observe_weights,
    fewer_codes,
]  # fmt: skip


OF_WEIGHTS = (
    double_weights, new_weights, wide_weights, raise_bias, new_bias, no_bias, correct_bias,
    weights_by_numpy, weight_that_is_no_parameter, bias_of_a_wider_type,
    correction_of_a_wider_type, parametrised, pruned,
)  # fmt: skip
CASES = [
    (name, change)
    for name in ("linear", "conv2d", "matmul")
    for change in CHANGES
    if name != "matmul" or change not in OF_WEIGHTS
]
