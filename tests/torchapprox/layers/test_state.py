"""What a layer is made of survives copies, files and moves."""

import copy
import importlib
import io
import pickle

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.torchapprox.builders import (
    converted_cnn,
    images,
    minmax_qconfig,
    random_multiplier,
    random_table,
    wrapped,
)
from torchapprox import InferenceMode, get_approx_modules, trace
from torchapprox.gradients import WindowDifference
from torchapprox.layers import ApproxLinear


def saved(model):
    """A model's state after a round trip through a file that runs no code."""
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def fresh_cnn(multiplier=None):
    return converted_cnn(multiplier, mode=InferenceMode.QUANTIZED)


@pytest.mark.parametrize("before", [None, random_multiplier(5, x_signed=False)])
@pytest.mark.parametrize("multiplier", [None, random_multiplier(4)])
@pytest.mark.bad_input("other-state")
def test_state_dict_carries_table_ports_mode_and_noise(multiplier, before):
    model = converted_cnn(multiplier)
    for _, layer in get_approx_modules(model):
        layer.mean, layer.stdev, layer.noise_in_eval = -0.5, 0.25, True
    other = fresh_cnn(before)
    other.load_state_dict(saved(model))
    assert torch.equal(other(images()), model(images()))
    for (_, old), (_, new) in zip(
        get_approx_modules(model), get_approx_modules(other), strict=True
    ):
        assert new.multiplier == old.multiplier
        assert new.inference_mode is InferenceMode.APPROXIMATE
        assert (new.mean, new.stdev, new.noise_in_eval) == (-0.5, 0.25, True)


@pytest.mark.bad_input("state-without-tables")
def test_a_checkpoint_without_tables_is_reported():
    state = {key: v for key, v in fresh_cnn().state_dict().items() if "product_table" not in key}
    with pytest.raises(RuntimeError, match="product_table"):
        fresh_cnn().load_state_dict(state)


@pytest.mark.bad_input("damaged-state")
def test_a_table_of_floats_is_refused():
    state = converted_cnn(random_multiplier()).state_dict()
    key = next(key for key in state if key.endswith("lut"))
    state[key] = state[key].float()
    with pytest.raises(TypeError, match=r"lut' must be int32 \(256, 256\), got torch.float32"):
        fresh_cnn().load_state_dict(state)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("multiplier", [None, random_multiplier(4)])
@pytest.mark.bad_input("copies")
def test_copies_compute_the_same_and_are_independent(clone, multiplier):
    model = converted_cnn(multiplier)
    other = clone(model)
    assert torch.equal(other(images()), model(images()))
    for _, layer in get_approx_modules(other):
        layer.multiplier = random_multiplier(9)
    assert not torch.equal(other(images()), model(images()))


@pytest.mark.bad_input("copies")
def test_a_copy_made_while_tracing_is_not_traced():
    model = converted_cnn()
    with trace(model) as traces:
        copy.deepcopy(model)(images())
        assert len(traces) == 0
        model(images())
    assert len(traces) == 3


def test_moving_keeps_the_table_integer():
    model = converted_cnn(random_multiplier(4)).double()
    for _, layer in get_approx_modules(model):
        assert layer.lut.dtype == torch.int32
    assert model(images().double()).dtype == torch.float64


@pytest.mark.bad_input("table-written")
def test_the_range_of_the_table_follows_it():
    layer = wrapped(nn.Linear(4, 2), random_multiplier(limit=100)).wrapped
    assert layer.product_table.lut_range == (layer.lut.min(), layer.lut.max())
    layer.lut = random_table(limit=2**30)
    assert layer.product_table.lut_range == (layer.lut.min(), layer.lut.max())
    assert layer.product_table.lut_range[1] > 2**29


def test_no_table_is_taken_for_one_that_is_gone():
    """A new tensor is often where the one before the last was, and was written as often."""
    table, versions = ApproxLinear(2, 2).product_table, []
    multipliers = [random_multiplier(seed) for seed in range(2)]
    for turn in range(40):
        table.assign(multipliers[turn % 2])
        table = copy.deepcopy(table) if turn % 4 == 0 else table
        versions.append(table.version)
        assert table.version is versions[-1]
        table.lut.add_(1)
        versions.append(table.version)
    assert len(set(versions)) == len(versions)


def test_a_copy_finds_range_and_gradients_of_its_own_table():
    layers = [ApproxLinear(3, 2), ApproxLinear(3, 2)]
    for layer, factor in zip(layers, (1, 7), strict=True):
        layer.gradient = WindowDifference(2)
        layer.lut = factor * random_table(limit=100)
    found = [(each.product_table.lut_range, each.product_gradient.x.mean) for each in layers]
    for copied in (copy.deepcopy(layers[0]), pickle.loads(pickle.dumps(layers[0]))):
        assert copied.product_table.lut_range == found[0][0]
        copied.lut.mul_(7)
        assert copied.product_table.lut_range == found[1][0]
        assert torch.equal(copied.product_gradient.x.mean, found[1][1])


class _TablesMade(TorchDispatchMode):
    """Counts the operators that make or move an integer tensor of a table's size."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.numel() == 2**16:
            self.count += not func.is_view and not result.is_floating_point()
        return result


@pytest.mark.parametrize("multiplier", [random_multiplier(11), random_multiplier(12, limit=50)])
def test_the_table_is_prepared_once_and_not_at_every_forward(multiplier, monkeypatch):
    model, prepared = converted_cnn(multiplier), []
    for module, function in (("kernels.lookup.lookup_table", "split_table"),
                             ("layers.product_table", "entry_range")):  # fmt: skip
        path = f"torchapprox.{module}.{function}"
        original = getattr(importlib.import_module(f"torchapprox.{module}"), function)
        monkeypatch.setattr(path, lambda *a, f=original: prepared.append(f.__name__) or f(*a))
    model(images())
    model(images(1))
    tables = [layer.lut.data_ptr() for _, layer in get_approx_modules(model)]
    del prepared[:]
    with _TablesMade() as made:
        for seed in range(3):
            model(images(2 + seed, seed=seed))
    assert prepared == []
    assert made.count == 0
    assert [layer.lut.data_ptr() for _, layer in get_approx_modules(model)] == tables


def test_repr_names_mode_and_multiplier():
    layer = ApproxLinear(4, 2, qconfig=minmax_qconfig())
    assert repr(layer).startswith("ApproxLinear(\n  in_features=4, out_features=2, bias=True, ")
    assert "mode=QUANTIZED, multiplier=exact" in repr(layer)
