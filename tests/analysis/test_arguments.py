"""What is of another kind than functions of the analysis take is refused by its name.

Here is what many of them take; the rest is in a file for each subpackage.
"""

import numpy as np
import pytest
from torch import nn

import analysis
import torchapprox
from tests.analysis.small_arguments import BATCHES, MULTIPLIER, STREAM, X
from tests.analysis.sweeps.test_arguments import searched

OF_MODELS = {
    "apply_noise": lambda net: analysis.apply_noise(net, {}),
    "Evaluator": lambda net: analysis.Evaluator(net, BATCHES, multipliers=[]),
    "layer_assignments": lambda net: analysis.layer_assignments(net, [MULTIPLIER]),
    "learn_tolerances": lambda net: analysis.learn_tolerances(net, BATCHES, weight=1.0),
    "measure_sensitivities": lambda net: analysis.measure_sensitivities(net, BATCHES),
    "own_predictions": lambda net: analysis.own_predictions(net, BATCHES),
    "record_stream": lambda net: analysis.record_stream(net, "0", BATCHES),
    "set_mode": lambda net: analysis.set_mode(net, torchapprox.InferenceMode.NOISE),
    "train": lambda net: analysis.train(net, None, epochs=1, learning_rate=0.1),
}


@pytest.mark.parametrize("name", OF_MODELS)
@pytest.mark.bad_input("no-model")
def test_what_is_no_model(name):
    with pytest.raises(TypeError, match=r"'model' must be a Module, got 'model\.pt'"):
        OF_MODELS[name]("model.pt")


OF_MULTIPLIERS = {
    "compare": lambda net, _, some: analysis.compare(net, some, BATCHES),
    "measure_many": lambda net, _, some: analysis.measure_many(net, some, BATCHES),
    "Evaluator": lambda net, _, some: analysis.Evaluator(net, BATCHES, multipliers=some),
    "layer_assignments": lambda net, _, some: analysis.layer_assignments(net, some),
    "relative_error_variances": lambda _, trace, some: analysis.relative_error_variances(
        trace, some
    ),
}


@pytest.mark.parametrize("name", OF_MULTIPLIERS)
@pytest.mark.bad_input("no-multiplier")
def test_what_are_no_multipliers(name, given):
    for one in ("mul8s_tm_k3", MULTIPLIER, None):
        with pytest.raises(TypeError, match="'multipliers' must be a sequence of Multipliers, got"):
            OF_MULTIPLIERS[name](given.model, given.trace, one)
    with pytest.raises(TypeError, match="'multipliers' must be a Multiplier, got 'mul8s_tm_k3'"):
        OF_MULTIPLIERS[name](given.model, given.trace, ["mul8s_tm_k3"])


@pytest.mark.bad_input("bad-settings")
def test_what_is_no_mode(given):
    with pytest.raises(TypeError, match="'mode' must be an InferenceMode, got 'NOISE'"):
        analysis.set_mode(given.model, "NOISE")


@pytest.mark.bad_input("one-batch")
def test_one_batch_where_several_belong(given):
    model = given.model
    for call in (
        lambda: analysis.measure_quality(model, X),
        lambda: analysis.own_predictions(model, X),
        lambda: analysis.Evaluator(model, X, multipliers=[MULTIPLIER]),
        lambda: analysis.measure_sensitivities(model, X),
    ):
        with pytest.raises(TypeError, match="'batches' must be an iterable of batches, got one"):
            call()


THREE = np.arange(4).max()
TENTH = np.float32(0.125)
OF_NUMBERS = {
    "digits": lambda _, three, __: analysis.load_digits(seed=three).train.labels.tolist(),
    "sensitivities": lambda given, three, tenth: analysis.measure_sensitivities(
        given.model, BATCHES, variances=[tenth, three], draws=three, seed=three
    ),
    "tolerances": lambda given, three, tenth: analysis.learn_tolerances(
        given.model, BATCHES, weight=tenth, epochs=three, start=tenth, seed=three
    ),
    "measured": lambda given, three, _: repr(
        analysis.measure_many(given.model, [MULTIPLIER], BATCHES, seed=three)
    ),
    "select": lambda given, three, tenth: repr(
        analysis.select(given.table, max_loss=tenth, distinct=three)
    ),
    "Wanted": lambda _, three, tenth: repr(
        analysis.Wanted(accuracy_drop=tenth, count=three, distinct=three, refine_evaluations=three)
    ),
    "SearchSettings": lambda _, three, __: repr(
        analysis.SearchSettings(trials=three, population=three, seed=three)
    ),
    "process_pool": lambda _, three, __: analysis.process_pool(three, threads=three).keywords[
        "initargs"
    ],
}


@pytest.mark.parametrize("name", OF_NUMBERS)
@pytest.mark.bad_input("numpy-number")
def test_numbers_of_numpy(name, given):
    call = OF_NUMBERS[name]
    assert call(given, THREE, TENTH) == call(given, 3, 0.125)


OF_PATHS = {
    "directory": analysis.write_report,
    "path": lambda _, path: analysis.ResultsStore(path),
    "folder": lambda _, path: analysis.open_workload(path),
    "netlist": lambda _, path: analysis.write_cosim(path, MULTIPLIER, STREAM, "."),
    "storage": lambda _, path: searched(storage=path),
}


@pytest.fixture(scope="module")
def reported():
    workload = analysis.Workload(nn.Sequential(nn.Linear(3, 2)), [X], [X], "tiny")
    return analysis.study(workload, MULTIPLIER)


@pytest.mark.parametrize("value", [None, 3, b"folder"], ids=repr)
@pytest.mark.parametrize("name", OF_PATHS)
@pytest.mark.bad_input("no-path")
def test_what_is_no_path(name, value, reported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TypeError, match=f"'{name}' must be a str or a Path, got "):
        OF_PATHS[name](reported, value)


@pytest.mark.bad_input("folder-for-file")
def test_a_file_where_a_folder_belongs(reported, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(OSError, match=str(file)):
        analysis.write_report(reported, file)
    with pytest.raises(OSError, match=str(tmp_path)):
        analysis.ResultsStore(tmp_path)
    with pytest.raises(OSError, match=str(tmp_path)):
        STREAM.save(tmp_path)
