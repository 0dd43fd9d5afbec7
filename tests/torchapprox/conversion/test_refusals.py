"""What is refused at the door, with what was wanted and what came."""

import numpy as np
import pytest
import torch
from torch import nn

import torchapprox
from analysis import measure_errors, trace_batches
from multipliers import get
from torchapprox import InferenceMode, get_approx_modules, lut_matmul
from torchapprox.training import reestimate_batchnorm

MULTIPLIER = get("mul8s_tm_k3")


def converted(mode):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3))
    torchapprox.approximate(model, MULTIPLIER, calibration=[torch.randn(16, 4)], mode=mode)
    return model


@pytest.mark.parametrize("mode", list(InferenceMode))
@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (torch.ones(2, 4, dtype=torch.int64), r"torch\.int64"),
        (torch.ones(2, 4, dtype=torch.uint8), r"torch\.uint8"),
        (torch.ones(2, 4, dtype=torch.bool), r"torch\.bool"),
        (torch.ones(2, 4, dtype=torch.complex64), r"torch\.complex64"),
        (np.ones((2, 4), np.float32), "ndarray"),
    ],
)
@pytest.mark.bad_input("no-floats")
def test_operands_that_are_not_real_floats(mode, x, kind):
    # Integers would come out as integers, rounded to nothing.
    with pytest.raises(TypeError, match=f"of real floating-point numbers, got {kind}"):
        converted(mode)(x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_other_width_keep_their_type(dtype):
    model, x = converted(InferenceMode.APPROXIMATE), torch.randn(2, 4).to(dtype)
    y = model(x)
    assert y.dtype == dtype
    torch.testing.assert_close(y, model(x.float()).to(dtype))


@pytest.mark.parametrize(
    "run",
    [
        torchapprox.calibrate,
        torchapprox.fold_mean_error,
        trace_batches,
        lambda model, x: measure_errors(model, MULTIPLIER, x),
        lambda _, x: reestimate_batchnorm(nn.Sequential(nn.BatchNorm1d(4)), x),
    ],
)
@pytest.mark.parametrize("batches", [torch.randn(8, 4), {"x": torch.randn(8, 4)}])
@pytest.mark.bad_input("one-batch")
def test_one_batch_where_several_belong(run, batches):
    # The rows of a tensor would pass for batches of one sample.
    with pytest.raises(TypeError, match=r"iterable of batches, got one .*: put it into a list"):
        run(converted(InferenceMode.APPROXIMATE), batches)


def test_a_model_that_is_none():
    with pytest.raises(TypeError, match=r"'model' must be a torch\.nn\.Module, got dict"):
        torchapprox.approximate({}, MULTIPLIER)


def test_arrays_where_tensors_belong():
    x, table = torch.zeros(2, 3, dtype=torch.uint8), torch.zeros(256, 256, dtype=torch.int32)
    with pytest.raises(TypeError, match="'x' must be uint8 codes, got ndarray"):
        lut_matmul(x.numpy(), x, table)
    with pytest.raises(TypeError, match=r"'lut' must be an int32 tensor .*, got ndarray"):
        lut_matmul(x, x, table.numpy())


def test_the_layers_of_a_model_keep_their_products_after_a_refusal():
    model, x = converted(InferenceMode.APPROXIMATE), torch.randn(2, 4)
    before = model(x)
    with pytest.raises(TypeError, match="floating-point"):
        model(x.int())
    assert torch.equal(model(x), before)
    assert len(get_approx_modules(model)) == 1


@pytest.mark.bad_input("no-model")
@pytest.mark.parametrize("value", [None, "model.pt", nn.Linear], ids=type)
@pytest.mark.parametrize(
    ("argument", "function"),
    [
        ("model", lambda model: torchapprox.execution_order(model, torch.ones(1, 4))),
        ("model", lambda model: torchapprox.fold_batchnorm(model, torch.ones(1, 4))),
        ("net", torchapprox.get_approx_modules),
        ("net", torchapprox.wrap_quantizable),
    ],
)
def test_what_is_no_model(argument, function, value):
    with pytest.raises(TypeError, match=f"'{argument}' must be a Module, got "):
        function(value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"qconfig": "minmax"}, r"'qconfig' must be a QConfig, got 'minmax'; torchapprox.qconfig"),
        ({"layer_mapping": nn.Linear}, "'layer_mapping' must be a Mapping, got type"),
    ],
)
def test_settings_of_other_types(options, message):
    model = nn.Sequential(nn.Linear(4, 3))
    with pytest.raises(TypeError, match=message):
        torchapprox.approximate(model, MULTIPLIER, calibration=[torch.randn(4, 4)], **options)
    assert type(model[0]) is nn.Linear


def test_bits_that_are_no_number():
    with pytest.raises(TypeError, match="'x_bits' must be an int, got '4'"):
        torchapprox.qconfig(MULTIPLIER, x_bits="4")


class Own(nn.Linear):
    pass


@pytest.mark.parametrize(
    ("model", "left"),
    [
        (nn.Sequential(Own(4, 3), nn.ReLU()), r"'0' \(Own\)"),
        (nn.Sequential(nn.ReLU()), "nothing"),
    ],
)
def test_a_model_of_which_no_layer_is_converted(model, left):
    message = f"must have a layer that is converted, got none; left exact: {left}; 'layer_mapping'"
    with pytest.raises(ValueError, match=message):
        torchapprox.approximate(model, MULTIPLIER, calibration=[torch.randn(8, 4)])
