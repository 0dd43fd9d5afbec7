"""Answers about a quantiser's state are remembered, and never out of date."""

import copy

import pytest
import torch

from tests.torchapprox.builders import quantiser
from torchapprox.quantisation import quantiser_state
from torchapprox.quantisation.quantiser_state import check_calibrated, plain_limits

X = torch.tensor([-1.0, 2.0])


def observed():
    fake_quantize = quantiser(affine=True)()
    fake_quantize(X)
    fake_quantize.disable_observer()
    return fake_quantize


def assert_refused(fake_quantize):
    with pytest.raises(RuntimeError, match="the weight quantiser never saw data"):
        check_calibrated("weight", fake_quantize)


def test_questions_are_asked_once(monkeypatch):
    asked = []
    for name in ("_only_quantises", "_is_calibrated"):
        remembered = getattr(quantiser_state, name)
        question = remembered._question
        monkeypatch.setattr(
            remembered, "_question", lambda q, name=name, ask=question: asked.append(name) or ask(q)
        )
    fake_quantize = observed()
    for _ in range(3):
        assert plain_limits(fake_quantize) == (-128, 127)
        check_calibrated("weight", fake_quantize)
        fake_quantize(X)
    assert sorted(asked) == ["_is_calibrated", "_only_quantises"]


def test_switches_are_noticed():
    fake_quantize = observed()
    assert plain_limits(fake_quantize) == (-128, 127)
    fake_quantize.enable_observer()
    assert plain_limits(fake_quantize) is None
    fake_quantize.disable_observer()
    assert plain_limits(fake_quantize) == (-128, 127)
    fake_quantize.disable_fake_quant()
    assert plain_limits(fake_quantize) is None
    fake_quantize.fake_quant_enabled = torch.tensor([1], dtype=torch.uint8)
    assert plain_limits(fake_quantize) == (-128, 127)


def test_an_observer_that_is_switched_off_too_early_is_noticed():
    fake_quantize = quantiser()()
    check_calibrated("weight", fake_quantize)  # it may still learn
    fake_quantize.disable_observer()
    assert_refused(fake_quantize)
    fake_quantize.enable_observer()
    fake_quantize(X)
    fake_quantize.disable_observer()
    check_calibrated("weight", fake_quantize)


def test_a_checkpoint_is_noticed():
    fresh = quantiser(affine=True)()
    fresh.disable_observer()
    fake_quantize, calibrated = observed(), observed().state_dict()
    check_calibrated("weight", fake_quantize)
    fake_quantize.load_state_dict(fresh.state_dict())
    assert_refused(fake_quantize)
    fake_quantize.load_state_dict(calibrated)
    check_calibrated("weight", fake_quantize)


def test_a_copy_is_asked_for_itself():
    fake_quantize = observed()
    plain_limits(fake_quantize)
    clone = copy.deepcopy(fake_quantize)
    clone.enable_observer()
    assert plain_limits(clone) is None
    assert plain_limits(fake_quantize) == (-128, 127)


def test_tensors_of_inference_mode():
    with torch.inference_mode():
        fake_quantize = observed()
        assert plain_limits(fake_quantize) == (-128, 127)
        check_calibrated("weight", fake_quantize)
        fake_quantize.enable_observer()
        assert plain_limits(fake_quantize) is None
