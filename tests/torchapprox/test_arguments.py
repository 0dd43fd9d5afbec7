"""What is of another kind than a public function takes is refused by the argument's name."""

import numpy as np
import pytest
import torch
from torch import nn

from multipliers import get
from torchapprox import (
    Accumulator,
    Trace,
    approximate,
    calibrate,
    coverage,
    fold_mean_error,
    lut_matmul,
    observe_operands,
    qconfig,
    trace,
    unfold_mean_error,
    wrap_quantizable,
)
from torchapprox.export import export_onnx, plain_model
from torchapprox.gradients import WindowDifference, estimator_from_state
from torchapprox.layers import ApproxLinear, ApproxWrapper
from torchapprox.operators.convolution.conv_args import Conv2dArgs
from torchapprox.quantisation.quantisers import ranges_of
from torchapprox.training import noise_loss, reestimate_batchnorm

BATCHES = [torch.ones(4, 3)]


def model():
    return nn.Sequential(nn.Linear(3, 2))


def converted():
    net = model()
    approximate(net, get("mul8s_tm_k3"), calibration=BATCHES)
    return net


def run(context):
    with context:
        pass


OF_MODELS = {
    "calibrate": lambda net: calibrate(net, BATCHES),
    "coverage": lambda net: coverage(net, BATCHES[0]),
    "fold_mean_error": lambda net: fold_mean_error(net, BATCHES),
    "unfold_mean_error": unfold_mean_error,
    "trace": lambda net: run(trace(net)),
    "observe_operands": lambda net: run(observe_operands(net, print)),
    "reestimate_batchnorm": lambda net: reestimate_batchnorm(net, BATCHES),
    "noise_loss": noise_loss,
}


@pytest.mark.parametrize("value", ["model.pt", None, nn.Linear], ids=type)
@pytest.mark.parametrize("name", OF_MODELS)
@pytest.mark.bad_input("no-model")
def test_what_is_no_model(name, value):
    with pytest.raises(TypeError, match="'model' must be a Module, got"):
        OF_MODELS[name](value)


FLAGS = {
    **{name: lambda name=name: qconfig(**{name: "no"}) for name in
       ("per_channel", "x_symmetric", "learned_steps")},
    **{name: lambda name=name: approximate(model(), **{name: "no"}) for name in
       ("fold_batchnorm", "fold_mean_error")},
    "learnable_noise": lambda: ApproxLinear(3, 2, learnable_noise="no"),
}  # fmt: skip


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.bad_input("no-flag")
def test_what_is_no_flag(name):
    with pytest.raises(TypeError, match=f"'{name}' must be a bool, got 'no'"):
        FLAGS[name]()


@pytest.mark.parametrize("name", ["x_signed", "w_symmetric"])
@pytest.mark.bad_input("no-flag")
def test_what_is_neither_a_flag_nor_none(name):
    with pytest.raises(TypeError, match=f"'{name}' must be a bool or None, got 1"):
        qconfig(**{name: 1})


CODES = torch.ones(2, 2, dtype=torch.uint8)
TABLE = torch.zeros(256, 256, dtype=torch.int32)


def multiplied(lut_range):
    return lut_matmul(CODES, CODES, TABLE, lut_range=lut_range)


NUMBERS = [
    (lambda: qconfig(percentile="99"), "'percentile' must be a number, got '99'"),
    (lambda: qconfig(averaging_constant=None), "'averaging_constant' must be a number, got None"),
    (lambda: setattr(ApproxLinear(3, 2), "stdev", "0.1"), "'stdev' must be a number, got '0.1'"),
    (lambda: setattr(ApproxLinear(3, 2), "mean", None), "'mean' must be a number, got None"),
    (lambda: run(trace(converted(), rows=1.5)), r"'rows' must be an int, got 1\.5"),
    (lambda: run(trace(converted(), seed=None)), "'seed' must be an int, got None"),
    (lambda: WindowDifference("8"), "'half_window' must be an int, got '8'"),
    (lambda: plain_model(converted(), max_rank=None), "'max_rank' must be an int, got None"),
    (lambda: multiplied("x"), "'lut_range' must be a pair of ints, .* got x"),
    (lambda: multiplied((0.0, 1)), r"'lut_range' must be a pair of ints, .* got \(0\.0, 1\)"),
    (lambda: multiplied((3, 2)), r"'lut_range' must be a pair of ints, .* got \(3, 2\)"),
]


@pytest.mark.parametrize(("call", "message"), NUMBERS)
@pytest.mark.bad_input("no-number")
def test_what_is_no_number(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("stdev", float("nan"), "'stdev' must be finite, got nan"),
        ("mean", float("inf"), "'mean' must be finite, got inf"),
    ],
)
@pytest.mark.bad_input("no-number")
def test_noise_out_of_range(name, value, message):
    with pytest.raises(ValueError, match=message):
        setattr(ApproxLinear(3, 2), name, value)


SETTINGS = [
    (lambda: qconfig(w_observer=[]), "'w_observer' must be a str or None, got list"),
    (lambda: qconfig(observer=None), "'observer' must be a str, got None"),
    (lambda: approximate(model(), include="0"), "'include' must be an iterable .*got '0': put it"),
    (lambda: approximate(model(), exclude=None), "'exclude' must be an iterable of names"),
    (lambda: approximate(model(), exclude=[0]), "'exclude' must be a str or type, got 0"),
    (lambda: approximate(model(), mode="quantized"), "'mode' must be an InferenceMode, got 'quan"),
    (lambda: wrap_quantizable(model(), 3), "'wrappable_layers' must be an Iterable or None, got 3"),
    (lambda: wrap_quantizable(model(), ["Linear"]), "'wrappable_layers' must be a type, got 'Lin"),
    (lambda: wrap_quantizable(model(), None, "int8"), "'qconfig' must be a QConfig or None, got '"),
    (lambda: ApproxWrapper("Linear"), "'wrapped' must be a Module, got 'Linear'"),
]


@pytest.mark.parametrize(("call", "message"), SETTINGS)
@pytest.mark.bad_input("bad-settings")
def test_what_is_no_setting(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.bad_input("no-function")
def test_a_callback_is_a_function():
    with pytest.raises(TypeError, match="'callback' must be a Callable, got None"):
        run(observe_operands(converted(), None))


@pytest.mark.bad_input("one-batch")
def test_the_argument_of_the_batches_is_named():
    for calibration in (BATCHES[0], 3):
        with pytest.raises(TypeError, match="'calibration' must be an iterable of batches, got"):
            approximate(model(), calibration=calibration)
    with pytest.raises(TypeError, match="'batches' must be an iterable of batches, got one None"):
        fold_mean_error(converted(), None)


@pytest.mark.bad_input("not-converted")
def test_a_model_that_is_not_converted():
    message = r"'model' must have approximate layers, got none: call torchapprox\.approximate"
    for call in (
        lambda net: calibrate(net, BATCHES),
        lambda net: fold_mean_error(net, BATCHES),
        lambda net: run(trace(net)),
        lambda net: run(observe_operands(net, print)),
    ):
        with pytest.raises(ValueError, match=message):
            call(model())


def conv_axes(size):
    args = Conv2dArgs(1, 1, size, (size, size), size, 1, 1)
    return args.axes("kernel_size"), args.axes("stride"), args.margins()


def noise_of(stdev):
    layer = ApproxLinear(3, 2)
    layer.stdev = layer.mean = stdev
    return layer.stdev, layer.mean


def traced_rows(**options):
    torch.manual_seed(0)
    net = converted()
    with trace(net, **options) as traced:
        net(torch.randn(99, 3))
    return traced["0.wrapped"].sample.x_codes.tolist()


FOUR = np.int64(4)
OF_NUMBERS = {
    "qconfig": lambda four: ranges_of(qconfig(x_bits=four, w_bits=four)),
    "percentile": lambda four: repr(qconfig(observer="percentile", percentile=four)),
    "Accumulator": lambda four: repr(Accumulator(four, height=four, partial_bits=four)),
    "WindowDifference": lambda four: repr(WindowDifference(four)),
    "lut_matmul": lambda four: multiplied((-four, four)).tolist(),
    "Conv2dArgs": lambda four: repr(conv_axes(four)),
    "stdev": noise_of,
    "trace": lambda four: traced_rows(rows=four, seed=four),
}


@pytest.mark.parametrize("name", OF_NUMBERS)
@pytest.mark.bad_input("numpy-number")
def test_integers_of_numpy(name):
    assert OF_NUMBERS[name](FOUR) == OF_NUMBERS[name](4)


@pytest.mark.parametrize("size", ["3", (3,), (3, 3, 3), (3.0, 3), (3, True), None])
def test_sizes_of_a_kernel(size):
    message = "'kernel_size' must be a number or 2 numbers, got "
    with pytest.raises(ValueError, match=message):
        Conv2dArgs(1, 1, size, 1, 0, 1, 1).axes("kernel_size")


@pytest.mark.bad_input("numpy-number")
def test_bounds_at_the_end_of_int32():
    least = torch.iinfo(torch.int32).min
    table = torch.full((256, 256), least, dtype=torch.int32)
    bounds = (table.numpy().min(), table.numpy().max())  # whose negative wraps around
    products = lut_matmul(CODES, CODES, table, lut_range=bounds)
    assert products.tolist() == [[2 * least] * 2] * 2


@pytest.mark.parametrize("value", [None, 3, b"trace.npz"], ids=repr)
@pytest.mark.bad_input("no-path")
def test_what_is_no_path(value):
    calls = (
        Trace({}).save,
        Trace.load,
        lambda path: export_onnx(converted(), BATCHES[0], path),
    )
    for call in calls:
        with pytest.raises(TypeError, match="'path' must be a str or a Path, got "):
            call(value)


@pytest.mark.bad_input("folder-for-file")
def test_a_folder_where_a_trace_belongs(tmp_path):
    for call in (Trace({}).save, Trace.load):
        with pytest.raises(OSError, match=str(tmp_path)):
            call(tmp_path)
        with pytest.raises(OSError, match=str(tmp_path / "none")):
            call(tmp_path / "none" / "trace.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (None, TypeError, "'state' must be a Mapping, got None"),
        ({}, ValueError, "the 'kind' of 'state' must be one of straight-through, .*, got None"),
        ({"kind": "none"}, ValueError, "must be one of .*, window difference, tables, got 'none'"),
    ],
)
def test_states_of_estimators(state, error, message):
    with pytest.raises(error, match=message):
        estimator_from_state(state)


OF_WORDS = {
    "observer": lambda word: qconfig(observer=word),
    "engine": lambda word: lut_matmul(CODES, CODES, TABLE, engine=word),
    "kernel": lambda word: lut_matmul(CODES, CODES, TABLE, kernel=word),
    "overflow": lambda word: Accumulator(16, overflow=word),
    "when": lambda word: Accumulator(16, when=word),
    "padding_mode": lambda word: Conv2dArgs(1, 1, 3, 1, 0, 1, 1, padding_mode=word),
}


@pytest.mark.parametrize("word", [np.array(["a", "b"]), ["a"], {"a": 1}, 3, b"a"], ids=str)
@pytest.mark.parametrize("name", OF_WORDS)
@pytest.mark.bad_input("no-word")
def test_what_is_no_word(name, word):
    with pytest.raises(TypeError, match=f"'{name}' must be a str, got "):
        OF_WORDS[name](word)
