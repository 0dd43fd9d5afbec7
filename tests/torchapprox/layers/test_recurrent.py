"""Recurrent layers on approximate multipliers, beyond their integers: all that PyTorch's do."""

import copy
import io

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from multipliers import Multiplier, exact_products
from tests.torchapprox.builders import minmax_qconfig, random_multiplier
from torchapprox import (
    Accumulator,
    InferenceMode,
    approximate,
    coverage,
    get_approx_modules,
    qconfig,
    revert,
)
from torchapprox.layers import (
    ApproxGRU,
    ApproxGRUCell,
    ApproxLSTM,
    ApproxLSTMCell,
    ApproxRNN,
    ApproxRNNCell,
)
from torchapprox.quantisation.torch_ao import disable_fake_quant, disable_observer

# PyTorch says so of its own layer, once a process.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

LAYERS = {
    "LSTM": (nn.LSTM, ApproxLSTM, {}),
    "LSTM, projected": (nn.LSTM, ApproxLSTM, {"proj_size": 2}),
    "GRU": (nn.GRU, ApproxGRU, {}),
    "RNN": (nn.RNN, ApproxRNN, {}),
    "RNN, relu": (nn.RNN, ApproxRNN, {"nonlinearity": "relu"}),
}
CELLS = [
    (nn.LSTMCell, ApproxLSTMCell, {}),
    (nn.GRUCell, ApproxGRUCell, {}),
    (nn.RNNCell, ApproxRNNCell, {"nonlinearity": "relu"}),
]
every_layer = pytest.mark.parametrize(("kind", "approx", "options"), LAYERS.values(), ids=LAYERS)


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def unquantised(module):
    """The exact module itself: QUANTIZED mode without quantisers."""
    return module.apply(disable_observer).apply(disable_fake_quant)


def flat(result):
    """All tensors of a layer's output and state."""
    if isinstance(result, torch.Tensor):
        return [result]
    return [tensor for part in result if part is not None for tensor in flat(part)]


def assert_close(got, wanted, **tolerance):
    for one, other in zip(flat(got), flat(wanted), strict=True):
        torch.testing.assert_close(one, other, **tolerance)


@every_layer
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("form", ["batch", "batch first", "one", "packed", "packed, sorted"])
def test_without_quantisers_it_is_pytorchs_layer(kind, approx, options, bidirectional, form):
    layer = kind(3, 4, 2, batch_first="first" in form, bidirectional=bidirectional, **options)
    module = unquantised(approx.from_float(layer))
    x = random(5, 3) if form == "one" else random(5, 4, 3)
    if form.startswith("packed"):
        lengths = [5, 4, 2, 1] if "sorted" in form else [2, 5, 1, 4]
        x = pack_padded_sequence(x, lengths, enforce_sorted="sorted" in form)
    got, wanted = module(x), layer(x)
    assert_close(got, wanted)
    # The state that comes out goes in again.
    assert_close(module(x, got[1]), layer(x, wanted[1]))


@pytest.mark.parametrize(("kind", "approx", "options"), CELLS)
@pytest.mark.parametrize("shape", [(3,), (2, 3)])
def test_without_quantisers_it_is_pytorchs_cell(kind, approx, options, shape):
    cell = kind(3, 4, **options)
    module, x = unquantised(approx.from_float(cell)), random(*shape)
    got, wanted = module(x), cell(x)
    assert_close(got, wanted)
    assert_close(module(x, got), cell(x, wanted))


@pytest.mark.parametrize(("kind", "approx", "options"), CELLS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_becomes_pytorchs_again(kind, approx, options, bias):
    cell, x = kind(3, 4, bias=bias, **options).eval(), random(2, 3)
    back = approx.from_float(cell).to_float()
    assert (type(back), repr(back), back.training) == (kind, repr(cell), False)
    assert_close(back(x), cell(x), rtol=0, atol=0)


class Tagger(nn.Module):
    def __init__(self, kind, options):
        super().__init__()
        self.rnn = kind(3, 4, 2, batch_first=True, bidirectional=True, **options)
        self.head = nn.Linear(2 * options.get("proj_size", 4), 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0])


def converted(kind, options, multiplier, **settings):
    torch.manual_seed(0)
    model = Tagger(kind, options).eval()
    settings.setdefault("qconfig", minmax_qconfig())
    approximate(model, multiplier, calibration=[random(6, 5, 3)], **settings)
    return model


@every_layer
def test_every_multiplication_is_seen_and_reverting_gives_pytorchs_layer_back(
    kind, approx, options
):
    torch.manual_seed(0)
    original = Tagger(kind, options).eval()
    model, x = converted(kind, options, random_multiplier()), random(2, 5, 3, seed=1)
    result = coverage(model, x)
    assert result.share == 1
    assert result.total == coverage(original, x).total
    assert not torch.allclose(model(x), original(x), atol=1e-3)
    revert(model)
    assert repr(model) == repr(original)
    assert list(model.state_dict()) == list(original.state_dict())
    assert torch.equal(model(x), original(x))


@every_layer
def test_the_exact_table_gives_the_quantised_layer(kind, approx, options):
    model = converted(kind, options, Multiplier.from_lut(exact_products(True, True)))
    x = random(2, 5, 3, seed=1)
    y = model(x)
    for _, layer in get_approx_modules(model):
        layer.inference_mode = InferenceMode.QUANTIZED
    # A sum that rounds to the other side of a tie becomes one step of the next product.
    torch.testing.assert_close(y, model(x), rtol=0, atol=0.02)


@every_layer
@pytest.mark.parametrize("accumulator", [None, Accumulator(18, "saturate")])
def test_batches_permute_and_parts_give_the_whole(kind, approx, options, accumulator):
    model = converted(kind, options, random_multiplier(), accumulator=accumulator)
    x, order = random(5, 4, 3, seed=1), torch.tensor([3, 0, 4, 1, 2])
    y = model(x)
    assert torch.equal(model(x[order]), y[order])
    assert torch.equal(torch.cat([model(part) for part in x.split([1, 3, 1])]), y)


def test_every_product_has_its_own_quantisers_multiplier_and_mode():
    a, b = random_multiplier(1), random_multiplier(2)
    model = converted(
        nn.LSTM, {"proj_size": 2}, {"rnn.ih_l*": a, "rnn.h?_*_reverse": b},
        mode={"head": InferenceMode.NOISE},
        qconfig={"rnn.hh_l1": qconfig(x_bits=5, w_bits=3, observer="minmax")},
    )  # fmt: skip
    layers = {name.removesuffix(".wrapped"): each for name, each in get_approx_modules(model)}
    names = [f"{p}_l{layer}{way}" for layer in (0, 1) for way in ("", "_reverse")
             for p in ("ih", "hh", "hr")]  # fmt: skip
    assert set(layers) == {*(f"rnn.{name}" for name in names), "head"}
    assert all(layers[f"rnn.{name}"].multiplier == a for name in names if name.startswith("ih"))
    assert layers["rnn.hr_l1_reverse"].multiplier == b
    assert layers["rnn.hh_l0"].multiplier is None
    assert layers["head"].inference_mode is InferenceMode.NOISE
    assert model.rnn.hh_l1.activation_quantiser.quant_max == 31
    assert layers["rnn.hh_l1"].weight_fake_quant.quant_min == -4


@every_layer
def test_copies_and_checkpoints(kind, approx, options):
    model, x, buffer = converted(kind, options, random_multiplier()), random(2, 5, 3), io.BytesIO()
    y = model(x)
    assert torch.equal(copy.deepcopy(model)(x), y)
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    torch.manual_seed(7)
    fresh = Tagger(kind, options).eval()
    approximate(fresh, qconfig=minmax_qconfig(), calibration=[random(6, 5, 3)])
    fresh.load_state_dict(torch.load(buffer, weights_only=True))
    assert torch.equal(fresh(x), y)


@every_layer
def test_gradients_go_through_time_and_are_those_of_the_exact_products(kind, approx, options):
    model = converted(kind, options, None)
    found = []
    for mode in (InferenceMode.QUANTIZED, InferenceMode.APPROXIMATE):
        for _, layer in get_approx_modules(model):
            layer.inference_mode = mode
        model.zero_grad()
        x = random(2, 5, 3, seed=1).requires_grad_()
        model(x)[:, -1].square().sum().backward()
        found.append([x.grad, *(parameter.grad.clone() for parameter in model.parameters())])
    assert found[0][0][:, 0].any()  # from the last step to the first
    for got, wanted in zip(*found[::-1], strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-5)


def test_dropout_between_layers_in_training_only():
    module = unquantised(ApproxLSTM(3, 4, 2, dropout=0.5))
    x = random(5, 2, 3)
    assert torch.equal(module.eval()(x)[0], module(x)[0])
    assert not torch.equal(module.train()(x)[0], module(x)[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m(torch.zeros(5, 2, 4)), r"'input' must be \(T, B, 3\), with 'batch_first'"),
        (lambda m: m(torch.zeros(0, 2, 3)), r"must have at least one step, got \(0, 2, 3\)"),
        (
            lambda m: m(torch.zeros(5, 2, 3), (torch.zeros(1, 1, 4),) * 2),
            r"'hx' must be of shape \(1, 2, 4\) and \(1, 2, 4\), got",
        ),
    ],
)
def test_arguments_that_do_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call(ApproxLSTM(3, 4))


def test_arguments_of_a_cell_that_do_not_fit():
    with pytest.raises(ValueError, match=r"'input' must be \(B, 3\) or \(3,\), got \(2, 4\)"):
        ApproxGRUCell(3, 4)(torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"'hx' must be 2 of shape \(2, 4\), got \[\(2, 4\)\]"):
        ApproxLSTMCell(3, 4)(torch.zeros(2, 3), (torch.zeros(2, 4),))
