"""Models, multipliers and traces of another type are refused by the argument's name."""

import pytest
import torch
from torch import nn

import analysis
import torchapprox
from multipliers import get
from torchapprox.export import plain_model

MULTIPLIER = get("mul8s_tm_k3")
BATCH = torch.ones(2, 4)


@pytest.mark.bad_input("no-model")
@pytest.mark.parametrize(
    "function",
    [
        lambda model: analysis.measure_errors(model, MULTIPLIER, [BATCH]),
        lambda model: analysis.measure_quality(model, [(BATCH, torch.zeros(2, dtype=torch.int64))]),
        lambda model: analysis.compare(model, [MULTIPLIER], [BATCH]),
        torchapprox.revert,
        plain_model,
    ],
)
def test_what_is_no_model(function):
    with pytest.raises(TypeError, match=r"'model' must be a Module, got 'model\.pt'"):
        function("model.pt")


@pytest.mark.bad_input("no-multiplier")
@pytest.mark.parametrize("value", ["drum4", None])
def test_what_is_no_multiplier(value):
    model = nn.Sequential(nn.Linear(4, 3))
    torchapprox.approximate(model, MULTIPLIER, calibration=[BATCH])
    trace = analysis.trace_batches(model, [BATCH])
    for function in (
        lambda: analysis.predict_error(value, trace["0.wrapped"]),
        lambda: analysis.noise_parameters(value, trace),
        lambda: analysis.measure_errors(model, value, [BATCH]),
        lambda: torchapprox.channel_error_means(value, trace["0.wrapped"]),
    ):
        with pytest.raises(TypeError, match=r"'multiplier' must be a Multiplier, got .+; get\(\)"):
            function()
    with pytest.raises(TypeError, match="'trace' must be a LayerTrace, got Trace"):
        analysis.predict_error(MULTIPLIER, trace)
