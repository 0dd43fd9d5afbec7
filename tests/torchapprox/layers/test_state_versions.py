"""Checkpoints of other versions load or are refused; settings that are shared stay apart."""

import copy

import pytest
import torch

from tests.torchapprox.builders import converted_cnn, images, random_multiplier
from torchapprox import Accumulator, InferenceMode, get_approx_modules

EXTRA = "wrapped._extra_state"
TABLE = "wrapped.product_table._extra_state"


def state(**options):
    model = converted_cnn(random_multiplier(4), **options)
    for _, layer in get_approx_modules(model):
        layer.accumulator = Accumulator(20, "saturate")
    return model, copy.deepcopy(model.state_dict())


def changed(ending, change):
    """A checkpoint in which something differs in every layer."""
    model, saved = state()
    keys = [key for key in saved if key.endswith(ending)]
    assert len(keys) == 3
    for key in keys:
        saved[key] = change(saved[key])
    return model, saved


def without(*names):
    return lambda saved: {name: value for name, value in saved.items() if name not in names}


@pytest.mark.bad_input("earlier-state")
@pytest.mark.parametrize(
    ("ending", "change"), [(EXTRA, without("version", "gradient")), (TABLE, without("version"))]
)
def test_states_of_the_first_releases_load(ending, change):
    model, saved = changed(ending, change)
    other = converted_cnn(None, mode=InferenceMode.QUANTIZED)
    other.load_state_dict(saved)
    assert torch.equal(other(images()), model(images()))


@pytest.mark.bad_input("later-state")
@pytest.mark.parametrize("ending", [EXTRA, TABLE])
@pytest.mark.parametrize("version", [2, 0, "1", None, True])
def test_states_of_later_releases_are_refused(ending, version):
    _, saved = changed(ending, lambda state: {**state, "version": version})
    with pytest.raises(ValueError, match=r"must be of version 1 or earlier, got .*; load it with"):
        converted_cnn().load_state_dict(saved)


@pytest.mark.bad_input("damaged-state")
@pytest.mark.parametrize(
    ("ending", "change", "message"),
    [
        (EXTRA, lambda s: {**s, "inference_mode": "Fast Mode"}, "settings .* are damaged: 'Fast"),
        (EXTRA, without("accumulator"), "settings of a layer are damaged: 'accumulator'"),
        (EXTRA, lambda s: {**s, "accumulator": {"bits": 8, "odd": 1}}, "are damaged: .*odd"),
        (EXTRA, lambda s: {**s, "gradient": {"kind": "magic"}}, "are damaged: .*'kind'.*'magic'"),
        (EXTRA, lambda s: [s], "must be a mapping, got list"),
        (TABLE, lambda s: {**s, "labels": {"name": "a"}}, "multiplier must have name, source, x_s"),
        (TABLE, lambda s: {"labels": {**s["labels"], "x_width": 99}}, "ports must have 2 to 8 bit"),
        (TABLE, lambda s: {"labels": {**s["labels"], "x_signed": 1}}, "multiplier must have name"),
    ],
)
def test_damaged_states_are_refused(ending, change, message):
    _, saved = changed(ending, change)
    with pytest.raises(ValueError, match=message):
        converted_cnn().load_state_dict(saved)


@pytest.mark.bad_input("shared-multiplier")
def test_models_that_share_a_multiplier_are_independent():
    multiplier = random_multiplier(4)
    one, other = converted_cnn(multiplier), converted_cnn(multiplier)
    expected = other(images())
    assert torch.equal(one(images()), expected)
    for _, layer in get_approx_modules(one):
        layer.lut.zero_()
    assert not torch.equal(one(images()), expected)
    assert torch.equal(other(images()), expected)
    assert multiplier == random_multiplier(4)


@pytest.mark.bad_input("modes-in-training")
def test_modes_may_change_in_the_middle_of_training():
    model = converted_cnn(random_multiplier(limit=2**10))
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-4)
    modes = [*InferenceMode, *reversed(InferenceMode)]
    for step, mode in enumerate(modes):
        for _, layer in get_approx_modules(model):
            layer.inference_mode = mode
        optimiser.zero_grad()
        model(images(seed=step)).square().mean().backward()
        assert all(
            parameter.grad is not None and torch.isfinite(parameter.grad).all()
            for parameter in model.parameters()
        )
        optimiser.step()
    # Nothing of the modes before is left: a fresh model with this state computes the same.
    for mode in InferenceMode:
        for _, layer in get_approx_modules(model):
            layer.inference_mode = mode
        fresh = converted_cnn(None)
        fresh.load_state_dict(model.state_dict())
        assert torch.equal(fresh.eval()(images()), model.eval()(images()))
