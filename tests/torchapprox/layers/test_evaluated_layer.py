"""An evaluated layer finds its product once, and anew after anything that it depends on changed."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.modules import module as modules
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from tests.torchapprox.builders import minmax_qconfig, random_multiplier, wrapped
from tests.torchapprox.layers.evaluated_changes import CASES
from torchapprox import InferenceMode
from torchapprox.kernels.features.pair_unit import pair_unit
from torchapprox.layers import ApproxMatmul, approx_matmul, approx_wrapper
from torchapprox.operators.operand_sink import TracedGeMMInputs


class Scores(nn.Module):
    """A product of activations with as many others, `(2, 3, 5, 6)` and `(2, 3, 6, 5)`."""

    def __init__(self, multiplier, mode, qconfig=None):
        super().__init__()
        self.layer = ApproxMatmul(qconfig or minmax_qconfig())
        self.layer.multiplier, self.layer.inference_mode = multiplier, mode
        # As a head of attention has them: neither operand's rows follow each other.
        self.keys = torch.randn(2, 5, 3, 6).permute(0, 2, 3, 1)

    @property
    def activation_quantiser(self):
        return self.layer.activation_fake_quant

    def forward(self, x):
        return self.layer(x.view(2, 5, 3, 6).transpose(1, 2), self.keys.to(x.dtype))


LAYERS = {
    "linear": (lambda: nn.Linear(6, 4), (3, 5, 6)),
    "conv2d": (lambda: nn.Conv2d(4, 6, 3, padding=(1, 0), groups=2), (2, 4, 7, 6)),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, stride=2, bias=False), (2, 4, 9)),
    "matmul": (None, (2, 5, 18)),
}
MODES = InferenceMode.APPROXIMATE, InferenceMode.QUANTIZED


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture
def taken(monkeypatch):
    """What `evaluated` returned, call after call."""
    outputs, original = [], approx_wrapper.evaluated

    def evaluated(*arguments):
        outputs.append(original(*arguments))
        return outputs[-1]

    for module in (approx_wrapper, approx_matmul):
        monkeypatch.setattr(module, "evaluated", evaluated)
    return outputs


def layer_and_input(name, mode=InferenceMode.APPROXIMATE, **options):
    torch.manual_seed(0)
    build, shape = LAYERS[name]
    layer = (
        Scores(random_multiplier(), mode, **options)
        if build is None
        else wrapped(build(), random_multiplier(), mode=mode, **options)
    )
    x = torch.randn(shape)
    layer(x)
    return quiet(layer), x


def quiet(layer):
    """Stop the quantisers from observing."""
    for each in layer.modules():
        if hasattr(each, "disable_observer"):
            each.disable_observer()
    return layer


def step_by_step(layer, *operands):
    """Return what a copy computes, which was never called."""
    return copy.deepcopy(layer)(*operands)


def outcome(layer, x):
    """Return type and content of an output, or the error that there is instead."""
    try:
        y = layer(x)
    except ValueError as error:
        return str(error)
    return y.dtype, y.shape, y.double().numpy().tobytes()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("per_channel", [False, True])
def test_the_second_call_has_the_bits_of_the_first(name, mode, per_channel, taken) -> None:
    layer, x = layer_and_input(name, mode, qconfig=minmax_qconfig(per_channel=per_channel))
    other = torch.randn_like(x)
    first = layer(x)
    assert taken[-1] is None
    if mode is InferenceMode.QUANTIZED and not pair_unit().instruction:
        pytest.skip("floats are multiplied on this CPU")
    assert torch.equal(layer(x), first)
    assert taken[-1] is not None
    assert torch.equal(layer(other), step_by_step(layer, other))
    assert first.shape == layer(x.double()).shape


@pytest.mark.bad_input("changed-layer")
@pytest.mark.parametrize(
    ("name", "change"), CASES, ids=[f"{name}, {change.__name__}" for name, change in CASES]
)
def test_nothing_that_changed_is_computed_as_before(name, change, taken) -> None:
    layer, x = layer_and_input(name)
    before = layer(x), layer(x)
    assert taken[-1] is not None
    change(layer)
    expected = outcome(copy.deepcopy(layer), 3 * x)
    # Twice: what the first call found is not taken for the second one either.
    assert [outcome(layer, 3 * x) for _ in range(2)] == 2 * [expected]
    assert torch.equal(before[0], before[1])


@pytest.mark.bad_input("table-written")
def test_a_table_that_numpy_writes_is_read_again() -> None:
    layer, x = layer_and_input("linear")
    layer(x)
    layer(x)
    layer.layer.lut.numpy()[:] += 5
    assert torch.equal(layer(x), step_by_step(layer, x))


@pytest.mark.parametrize("variable", ["TORCHAPPROX_KERNEL", "TORCHAPPROX_ENGINE"])
def test_an_engine_that_the_environment_names_anew_is_refused(variable, monkeypatch) -> None:
    layer, x = layer_and_input("linear")
    layer(x)
    layer(x)
    monkeypatch.setenv(variable, "none of them")
    with pytest.raises(ValueError, match=f"the environment variable {variable} must be one of"):
        layer(x)


def test_an_engine_of_the_layer_is_taken_at_once() -> None:
    layer, x = layer_and_input("linear")
    layer(x)
    layer(x)
    layer.layer.engine = "factors"
    with pytest.raises(NotImplementedError, match="needs a table of a rank of at most 64"):
        layer(x)


def test_a_value_that_is_not_finite_is_refused(taken) -> None:
    layer, x = layer_and_input("conv2d")
    layer(x)
    x[0, 0, 0, 0] = torch.nan
    for _ in range(2):
        with pytest.raises(ValueError, match="the operands"):
            layer(x)
    assert len(taken) == 2  # the last two left no output


def test_other_arguments_of_a_convolution_are_taken_at_once() -> None:
    layer, x = layer_and_input("conv2d")
    layer(x)
    layer(x)
    layer.layer.stride = (2, 1)
    assert layer(x).shape[2:] == (4, 4)


def test_a_layer_that_lost_its_quantiser_is_refused() -> None:
    layer, x = layer_and_input("linear")
    layer(x)
    layer(x)
    layer.layer.weight_fake_quant = nn.Identity()
    with pytest.raises(RuntimeError, match="the layer has no weight quantiser"):
        layer(x)


def test_a_quantiser_that_was_switched_off_leaves_values_that_are_no_codes() -> None:
    layer, x = layer_and_input("linear")
    layer(x)
    layer(x)
    layer.activation_quantiser.disable_fake_quant()
    with pytest.raises(ValueError, match="the range of the multiplier's port"):
        layer(100 * x)


@pytest.mark.parametrize("mode", InferenceMode)
@pytest.mark.parametrize("gradients", [False, True])
def test_hooks_are_called(mode, gradients) -> None:
    layer, x = layer_and_input("linear")
    layer.layer.inference_mode = mode
    layer(x)
    expected = layer(x)
    calls = []
    for each in (layer, layer.quant_stub, layer.layer, layer.dequant_stub):
        each.register_forward_hook(lambda *_: calls.append("after"))
        each.register_forward_pre_hook(lambda *_: calls.append("before"))
    with torch.set_grad_enabled(gradients):
        torch.testing.assert_close(layer(x), expected)
    assert calls.count("after") == calls.count("before") == 4
    handle = modules.register_module_forward_hook(lambda *_: calls.append("everywhere"))
    layer(x)
    handle.remove()
    assert "everywhere" in calls


def test_a_hook_of_the_stub_may_change_what_is_multiplied() -> None:
    layer, x = layer_and_input("linear")
    layer(x)
    expected = layer(2 * x)
    handle = layer.quant_stub.register_forward_pre_hook(lambda _, inputs: (2 * inputs[0],))
    assert torch.equal(layer(x), expected)
    handle.remove()
    assert not torch.equal(layer(x), expected)


def test_gradients_are_those_of_a_layer_that_was_not_evaluated() -> None:
    layer, x = layer_and_input("linear")
    layer(x)
    layer(x)
    with torch.enable_grad():
        layer(x).sum().backward()
    assert layer.layer.weight.grad is not None


class Seen(TorchDispatchMode):
    """Which operators are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(str(func))
        return func(*args, **kwargs or {})


@pytest.mark.parametrize(("name", "operator"), [("conv2d", "real_conv"), ("matmul", "real_matmul")])
def test_whoever_looks_at_operators_sees_them(name, operator) -> None:
    layer, x = layer_and_input(name)
    layer(x)
    layer(x)
    with Seen() as seen:
        layer(x)
    assert f"torchapprox.{operator}.default" in seen.names
    with profile(activities=[ProfilerActivity.CPU]) as run:
        layer(x)
    assert f"torchapprox::{operator}" in {event.key for event in run.key_averages()}


@pytest.mark.parametrize("name", ["quant_fwd", "approx_fwd"])
def test_the_exact_product_is_an_objects_own_function(name) -> None:
    layer, x = layer_and_input("linear", InferenceMode.QUANTIZED)
    before = layer(x)
    exact = layer.layer.quant_fwd
    setattr(layer.layer, name, lambda *operands, **_: 2 * exact(*operands[:2]))
    bias = layer.layer.bias
    expected = 2 * (before - bias) + bias if name == "quant_fwd" else before
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("name", ["linear", "matmul"])
def test_a_sink_receives_the_operands_of_every_call(name) -> None:
    layer, x = layer_and_input(name)
    layer(x)
    layer.layer.traced_inputs = sink = TracedGeMMInputs()
    for _ in range(3):
        layer(x)
    rows = 5 if name == "matmul" else 15  # of a product of matrices
    assert sink.features.shape[-2] == 3 * rows


@pytest.mark.parametrize("name", ["conv2d", "linear", "matmul"])
def test_observers_may_write_to_the_codes_that_they_get(name, taken) -> None:
    layer, x = layer_and_input(name)
    expected = step_by_step(layer, x)
    remove = layer.layer.add_operand_observer(lambda operands, _: operands.w_codes.zero_())
    for _ in range(3):
        layer(x)
    assert taken[-1] is not None
    remove()
    assert torch.equal(layer(x), expected)


def test_weights_in_another_order_are_other_weights(taken) -> None:
    """In the same memory, as square ones that are transposed have them."""
    torch.manual_seed(0)
    layer, x = wrapped(nn.Linear(5, 5), random_multiplier()), torch.randn(3, 5)
    layer(x)
    quiet(layer)
    layer(x)
    before = layer(x)
    weight = layer.layer.weight
    weight.data = weight.data.T
    expected = step_by_step(layer, x)
    assert not torch.equal(expected, before)
    assert torch.equal(layer(x), expected)
    assert taken[-1] is not None


@pytest.mark.parametrize("name", ["conv2d", "linear", "matmul"])
def test_observers_get_codes_and_outputs_before_the_bias(name, taken) -> None:
    layer, x = layer_and_input(name)
    shown = []
    layer.layer.add_operand_observer(lambda operands, y: shown.append((operands, y)))
    outputs = [layer(x), layer(x), layer(x.flip(0)), layer(x)]
    assert taken[-1] is not None
    bias = 0 if name == "matmul" else layer.layer.bias.view(layer.layer.channel_shape)
    first = shown[0][0]
    for output, (operands, y) in zip(outputs, shown, strict=True):
        assert torch.equal(y + bias, output)
        assert operands.rows == first.rows
        for what in ("w_codes", "scale", "x_zero_point", "w_zero_point"):
            assert torch.equal(getattr(operands, what), getattr(first, what))
    axis = 0 if name == "matmul" else 1  # of the samples
    flipped = shown[2][0].x_codes.unflatten(axis, (len(x), -1)).flip(axis)
    for x_codes in (shown[1][0].x_codes, flipped.flatten(axis, axis + 1), shown[3][0].x_codes):
        assert torch.equal(x_codes, first.x_codes)


def test_sizes_are_told_apart_and_few_are_kept(taken) -> None:
    layer, _ = layer_and_input("conv2d")
    sizes = [torch.randn(2, 4, 5 + extra, 6) for extra in range(12)]
    outputs = [layer(x) for x in sizes]
    for x, y in zip(sizes, outputs, strict=True):
        assert torch.equal(layer(x), y)
        assert layer.layer.output_dims(x) == tuple(y.shape[2:])
    assert layer.layer.opcount == layer.layer.fan_in * outputs[-1][0].numel()
    again = [layer(x) for x in sizes[-4:]]
    assert all(torch.equal(*pair) for pair in zip(again, outputs[-4:], strict=True))


def test_a_layer_of_ones_own_is_left_alone(taken) -> None:
    layer, x = layer_and_input("linear")
    layer(x)
    layer.layer.forward = lambda *_, **__: torch.zeros(1)
    assert torch.equal(layer(x), torch.zeros(1))
    assert taken[-1] is None


def test_copies_and_pickles_start_anew(taken) -> None:
    layer, x = layer_and_input("linear")
    y = layer(x)
    layer(x)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x), y)
        assert taken[-1] is None


def test_products_of_activations_are_told_apart_by_both_sizes(taken) -> None:
    layer, _ = layer_and_input("matmul")
    product = layer.layer
    x = torch.randn(3, 6)
    for w in (torch.randn(6, 4), torch.randn(2, 6, 5), torch.randn(6)):
        expected = step_by_step(product, x, w)
        for _ in range(2):
            assert torch.equal(product(x, w), expected)
            assert product.opcount == 6 * 3 * (1 if w.dim() == 1 else w.shape[-1])
        assert taken[-1] is not None


def test_a_second_operand_that_is_not_finite_is_refused(taken) -> None:
    layer, x = layer_and_input("matmul")
    layer(x)
    layer.keys[1, 0, 0, 0] = torch.inf
    with pytest.raises(ValueError, match="the operands"):
        layer(x)


@pytest.mark.skipif(not pair_unit().instruction, reason="floats are multiplied on this CPU")
def test_the_exact_product_of_activations_is_one_of_codes(taken) -> None:
    layer, x = layer_and_input("matmul", InferenceMode.QUANTIZED)
    product = layer.layer
    rows, columns = x.view(2, 5, 3, 6).transpose(1, 2), layer.keys
    reals = product.quant_fwd(
        product.activation_fake_quant(rows), product.weight_fake_quant(columns)
    )
    torch.testing.assert_close(layer(x), reals, rtol=1e-6, atol=1e-6)
    assert torch.equal(layer(x), layer(x))
    assert taken[-1] is not None
    product.multiplier, product.inference_mode = None, InferenceMode.APPROXIMATE
    approximate = copy.deepcopy(layer)(x)
    product.inference_mode = InferenceMode.QUANTIZED
    assert torch.equal(layer(x), approximate)
