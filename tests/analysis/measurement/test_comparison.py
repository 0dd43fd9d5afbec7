"""The frame of predictions and measurements, and its quantiles."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import torchapprox
from analysis import (
    compare,
    compare_layers,
    measure_errors,
    predict_error,
    ratio_quantiles,
    trace_batches,
)
from multipliers import Multiplier, exact_products, get
from torchapprox import InferenceMode

COLUMNS = [
    "layer", "multiplier", "error_model", "predicted_mean", "measured_mean", "predicted_std",
    "measured_std", "std_ratio", "mean_difference", "output_std",
]  # fmt: skip


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(40, 1, 6, 6, generator=generator) for _ in range(2)]


@pytest.fixture(scope="module")
def model(data):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    torchapprox.approximate(model, calibration=data, mode=InferenceMode.QUANTIZED)
    return model


@pytest.fixture(scope="module")
def multipliers():
    exact = Multiplier.from_lut(exact_products(True, True), name="exact")
    return [get("mul8s_tm_k3"), get("mul8s_drum4"), exact]


def test_a_row_for_every_layer_multiplier_and_model(model, data, multipliers):
    train, test = data[:1], [(data[1], torch.zeros(40))]
    frame = compare(model, multipliers, test, calibration=train, error_models=["global", "paired"])
    assert list(frame) == COLUMNS
    assert len(frame) == 2 * 3 * 2
    traces = trace_batches(model, train)
    for row in frame.itertuples():
        multiplier = next(m for m in multipliers if m.name == row.multiplier)
        predicted = predict_error(multiplier, traces[row.layer], model=row.error_model)
        measured = measure_errors(model, multiplier, [data[1]])[row.layer].error
        assert row.predicted_std == predicted.real_std_per_output
        assert row.measured_std == measured.real_std_per_output
        assert row.predicted_mean == predicted.real_mean_per_output
        assert row.measured_mean == measured.real_mean_per_output
        if row.multiplier == "exact":
            assert np.isnan(row.std_ratio)
            assert np.isnan(row.mean_difference)
        else:
            assert row.std_ratio == row.predicted_std / row.measured_std
            difference = (row.predicted_mean - row.measured_mean) / row.measured_std
            assert row.mean_difference == pytest.approx(difference)
        assert row.output_std == traces[row.layer].output_std


def test_the_traced_data_are_predicted_exactly_and_traces_may_be_given(model, data, multipliers):
    same = compare(model, multipliers[:1], data, error_models=["paired"])
    np.testing.assert_allclose(same.std_ratio, 1, rtol=1e-9)
    np.testing.assert_allclose(same.mean_difference, 0, atol=1e-9)
    traces = trace_batches(model, data)
    given = compare(model, multipliers[:1], data, calibration=traces, error_models=["paired"])
    pd.testing.assert_frame_equal(same, given)


def test_nothing_to_compare_is_refused(model, data, multipliers):
    with pytest.raises(ValueError, match="'multipliers' must hold at least one multiplier"):
        compare(model, [], data)
    with pytest.raises(ValueError, match="'batches' must hold at least one batch"):
        compare(model, multipliers, [])
    with pytest.raises(LookupError, match=r"must hold every traced layer, lacks 0\.wrapped, 3"):
        compare_layers(multipliers[0], trace_batches(model, data), {})


def test_quantiles_leave_out_pairs_without_error():
    frame = pd.DataFrame(
        {
            "error_model": ["a"] * 5 + ["b"],
            "std_ratio": [0.9, 0.995, 1.0, 1.04, np.nan, 2.0],
            "mean_difference": [-0.1, 0.0, 0.02, 0.1, np.nan, 0.5],
        }
    )
    table = ratio_quantiles(frame)
    assert list(table.error_model) == ["a", "b"]
    assert list(table.pairs) == [4, 1]
    first = table.iloc[0]
    assert first["median"] == pytest.approx(0.9975)
    assert (first.within_1, first.within_5) == (0.5, 0.75)
    assert first.mean_median == pytest.approx(0.06)
    assert first.q05 == pytest.approx(0.9 + 0.15 * 0.095)
