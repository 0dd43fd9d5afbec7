"""Traces against counts that plain loops make."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.torchapprox.builders import converted_cnn, images, minmax_qconfig, random_multiplier
from torchapprox import (
    InferenceMode,
    approximate,
    get_approx_modules,
    observe_operands,
    trace,
)
from torchapprox.layers.approx_layer import TracedGeMMInputs


def convert(model, x):
    approximate(model, calibration=[x], qconfig=minmax_qconfig(), mode=InferenceMode.QUANTIZED)
    return model


def brute_force(batches):
    """Counts by position and joint counts of the observed `(x codes, w codes)`."""
    joint = np.zeros((256, 256), int)
    groups, _, depth = batches[0][0].shape
    by_position = np.zeros((groups * depth, 256), int)
    for x_codes, w_codes in batches:
        for group in range(groups):
            for row in x_codes[group].tolist():
                for k, code in enumerate(row):
                    by_position[group * depth + k, code] += 1
                    for column in w_codes[group].tolist():
                        joint[code, column[k]] += 1
    return by_position, joint


@pytest.mark.parametrize("mode", InferenceMode)
def test_counts(mode):
    model, seen = converted_cnn(random_multiplier(limit=2**8), mode=mode), {}

    def remember(name, operands, _):
        seen.setdefault(name, []).append((operands.x_codes.clone(), operands.w_codes.clone()))

    with trace(model) as traces, observe_operands(model, remember):
        model(images(2))
        model(images(1, seed=4))
    assert list(traces) == ["0.wrapped", "2.wrapped", "4.wrapped"]
    for name, layer in traces.items():
        by_position, joint = brute_force(seen[name])
        np.testing.assert_array_equal(layer.x_counts, by_position)
        np.testing.assert_array_equal(layer.joint_counts, joint)
        np.testing.assert_array_equal(layer.x_histogram, joint.sum(axis=1))
        np.testing.assert_array_equal(layer.w_histogram, joint.sum(axis=0))
        assert layer.joint_counts.sum() == layer.rows * layer.fan_in * layer.out_channels
    grouped = traces["2.wrapped"]
    assert (grouped.groups, grouped.fan_in, grouped.out_channels) == (2, 8, 4)
    assert grouped.rows == 3 * 36


def test_joint_counts_remember_weights_that_changed():
    x = torch.rand(4, 3)
    model, seen = convert(nn.Sequential(nn.Linear(3, 2)), x), []
    with (
        trace(model) as traces,
        observe_operands(model, lambda _, o, __: seen.append((o.x_codes, o.w_codes))),
    ):
        model(x)
        with torch.no_grad():
            model[0].wrapped.weight.mul_(-0.5)
        model(x.flip(0) * 0.7)
        model(x)
    by_position, joint = brute_force(seen)
    layer = traces["0.wrapped"]
    np.testing.assert_array_equal(layer.joint_counts, joint)
    np.testing.assert_array_equal(layer.x_counts, by_position)
    np.testing.assert_array_equal(layer.w_codes, seen[-1][1].numpy())


def test_moments_of_the_output_before_the_bias():
    x = torch.rand(50, 3)
    model = convert(nn.Sequential(nn.Linear(3, 2)), x)
    with trace(model) as traces:
        outputs = torch.cat([model(part) for part in x.split([1, 30, 19])])
    outputs = (outputs - model[0].wrapped.bias).detach()
    layer = traces["0.wrapped"]
    assert layer.output_mean == pytest.approx(outputs.mean().item(), abs=1e-6)
    assert layer.output_std == pytest.approx(outputs.std(correction=0).item(), rel=1e-5)
    assert layer.scale.shape == (2,)


def test_memory_does_not_grow():
    model = converted_cnn(mode=InferenceMode.QUANTIZED)
    with trace(model) as traces:
        model(images(1))
        sizes = [layer.x_counts.nbytes + layer.joint_counts.nbytes for layer in traces.values()]
        for _ in range(5):
            model(images(4))
    assert sizes == [layer.x_counts.nbytes + layer.joint_counts.nbytes for layer in traces.values()]


def test_layers_that_did_not_run_are_absent():
    model = converted_cnn()
    with trace(model) as traces:
        assert dict(traces) == {}
        with pytest.raises(KeyError, match="head"):
            traces["head"]


def test_observers_are_gone_afterwards():
    model, calls = converted_cnn(), []
    with pytest.raises(ZeroDivisionError, match="stop"), trace(model), observe_operands(
        model, lambda *_: calls.append(1)
    ):  # fmt: skip
        raise ZeroDivisionError("stop")
    model(images())
    assert calls == []


def test_a_model_without_approximate_layers_is_refused():
    with pytest.raises(ValueError, match="must have approximate layers, got none"), trace(
        nn.Linear(2, 2)
    ):  # fmt: skip
        pass


def test_ports_must_not_change_while_tracing():
    x = torch.rand(4, 3)
    model = convert(nn.Sequential(nn.Linear(3, 2)), x)
    with trace(model):
        model(x)
        model[0].wrapped.multiplier = random_multiplier()
        with pytest.raises(ValueError, match=r"'0.wrapped' must keep its size and its ports"):
            model(x)


class TestTracedGeMMInputs:
    def test_keeps_operands_as_integers(self):
        x = torch.rand(6, 3)
        model = convert(nn.Sequential(nn.Linear(3, 2)), x)
        layer, traced = model[0].wrapped, TracedGeMMInputs(None, None)
        layer.traced_inputs = traced
        model(x)
        model(x[:2])
        codes = torch.round(x / model[0].activation_quantiser.scale).clamp(0, 127)
        assert torch.equal(traced.features.float(), torch.cat([codes, codes[:2]]))
        assert traced.weights.shape == (2, 3)
        assert traced.weights.dtype == torch.int8
        assert bool((traced.weights < 0).any()) or bool((traced.weights > 0).any())

    def test_grouped_convolutions(self):
        model, traced = converted_cnn(), TracedGeMMInputs()
        model[2].wrapped.traced_inputs = traced
        model(images(1))
        assert traced.features.shape == (2, 36, 8)
        assert traced.weights.shape == (2, 2, 8)

    def test_is_bounded(self):
        traced = TracedGeMMInputs(max_rows=5)
        for _ in range(3):
            traced.trace(torch.ones(4, 2, dtype=torch.int8), torch.ones(3, 2, dtype=torch.int8))
        assert traced.features.shape == (5, 2)
        assert traced.rows_dropped == 7

    def test_refuses_an_empty_bound(self):
        with pytest.raises(ValueError, match="'max_rows' must be at least 1, got 0"):
            TracedGeMMInputs(max_rows=0)


def test_outputs_that_an_observer_keeps_stay_as_they_were():
    """A trace alone lets layers add the bias in the memory of what it saw."""
    model, seen = converted_cnn(random_multiplier(limit=2**8)), []
    layers = dict(get_approx_modules(model))

    def keep(name, _, output):
        seen.append((name, output, output.clone()))

    with torch.no_grad():
        expected = model(images(2))
        with trace(model) as alone:
            assert not any(layer._operand_observers.keep for layer in layers.values())
            assert torch.equal(model(images(2)), expected)
            assert torch.equal(model(images(2)), expected)
        with trace(model) as beside, observe_operands(model, keep):
            for _ in range(2):
                assert torch.equal(model(images(2)), expected)
    assert len(seen) == 2 * len(layers)
    for name, kept, copied in seen:
        assert layers[name].bias is not None
        assert torch.equal(kept, copied)
    for name in layers:
        assert alone[name].output_mean == beside[name].output_mean
        assert alone[name].output_std == beside[name].output_std
