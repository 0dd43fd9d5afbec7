"""Words that are none, and what JSON cannot say of the inputs of results."""

import numpy as np
import pytest
from torch import nn

import analysis
from multipliers import get

MULTIPLIER = get("mul8s_tm_k3")


def searched(folder, **options):
    arguments = {
        "evaluate": lambda _: {"accuracy": 0.5}, "layers": ["0"], "multipliers": [MULTIPLIER],
        "energies": {MULTIPLIER.name: 0.5}, "macs": {"0": 6}, "context": {},
        "store": analysis.ResultsStore(folder / "results.jsonl"),
        "storage": folder / "trials.journal", "trials": 1,
    }  # fmt: skip
    return analysis.search(**arguments | options)


@pytest.mark.parametrize(
    ("context", "error", "message"),
    [
        ({"model": {1, 2}}, TypeError, "'context' must be what JSON can say, .* type set"),
        ({"model": np.arange(2)}, TypeError, "'context' must be .*: Object of type ndarray"),
        ({"model": 1, 2: 3}, TypeError, "'context' must be what JSON can say, .* texts as keys"),
        ({"loss": float("nan")}, ValueError, "'context' must be what JSON can say, .*: Out of ra"),
    ],
)
@pytest.mark.bad_input("no-json")
def test_a_context_that_json_cannot_say(context, error, message, tmp_path):
    store = analysis.ResultsStore(tmp_path / "results.jsonl")
    with pytest.raises(error, match=message):
        analysis.sweep(max, {}, store=store, context=context)
    with pytest.raises(error, match=message):
        searched(tmp_path, context=context)


@pytest.mark.parametrize("word", [np.array(["milp", "x"]), ["milp"], {"milp": 1}, 3, b"milp"])
@pytest.mark.bad_input("no-word")
def test_what_is_no_word(word, tmp_path):
    zeros = np.zeros((1, 1))
    table = analysis.ChoiceTable(("0",), (MULTIPLIER,), zeros, zeros, zeros)
    with pytest.raises(TypeError, match="'detail' must be a str, got "):
        analysis.noise_parameters(MULTIPLIER, {}, detail=word)
    with pytest.raises(TypeError, match="'method' must be a str, got "):
        analysis.select(table, max_loss=0.1, method=word)
    with pytest.raises(TypeError, match="'layer' must be a str, got "):
        analysis.record_stream(nn.Linear(2, 2), word, [])
    with pytest.raises(TypeError, match="'sampler' must be a str, got "):
        searched(tmp_path, sampler=word)
