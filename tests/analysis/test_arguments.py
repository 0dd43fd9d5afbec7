"""What is of another kind than a function of the analysis takes is refused by its name."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

import analysis
import torchapprox
from analysis import reproduction
from multipliers import get, get_netlist

MULTIPLIER = get("mul8s_tm_k3")
NETLIST = get_netlist("mul8s_tm_k3")
X = torch.linspace(-1, 1, 12).view(4, 3)
BATCHES = [(X, torch.tensor([0, 1, 0, 1]))]
STREAM = analysis.OperandStream(np.zeros(4, np.uint8), np.ones(4, np.uint8))


@pytest.fixture(scope="module")
def given():
    """A converted model, its trace and a table of choices."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 2))
    torchapprox.approximate(model, MULTIPLIER, calibration=BATCHES)
    trace, zeros = analysis.trace_batches(model, BATCHES), np.zeros((1, 1))
    table = analysis.ChoiceTable(("0",), (MULTIPLIER,), zeros, zeros, zeros)
    return SimpleNamespace(model=model, trace=trace, table=table)


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


@pytest.mark.parametrize(
    "plot", [analysis.column_plots, analysis.plot_error_map, analysis.plot_error_histogram,
             analysis.plot_relative_error_map], ids=lambda plot: plot.__name__,
)  # fmt: skip
@pytest.mark.bad_input("no-multiplier")
def test_what_plots_cannot_draw(plot):
    with pytest.raises(TypeError, match="'multiplier' must be a Multiplier, got 'drum4'"):
        plot("drum4")


SETTINGS = [
    (lambda _: analysis.select("table", max_loss=1), "'table' must be a ChoiceTable, got"),
    (lambda _: analysis.uniform_candidates(None), "'table' must be a ChoiceTable, got None"),
    (
        lambda given: analysis.refine(given.table, {}, max, max),
        "'start' must be an Assignment, got dict",
    ),
    (
        lambda given: analysis.choice_table(given.trace, {}, energies={}),
        "'variances' must be an ErrorVar",
    ),
    (
        lambda given: analysis.ChoiceTable(
            ("0",), (MULTIPLIER,), [[1]], given.table.loss, given.table.loss
        ),
        "'energy' must be an ndarray, got list",
    ),
    (lambda _: analysis.relative_energies(3, exact=1.0), "'costs' must be a Mapping, got 3"),
    (
        lambda given: analysis.noise_parameters(MULTIPLIER, [given.trace]),
        "'trace' must be a Mapping, got",
    ),
    (lambda _: analysis.predict_errors(MULTIPLIER, "t"), "'traces' must be a Mapping, got"),
    (
        lambda given: analysis.apply_noise(given.model, 0.1),
        r"'parameters' must be a Mapping, got 0\.1",
    ),
    (lambda _: analysis.data_sheet(MULTIPLIER, conditions={}), "'conditions' must be a Con"),
    (lambda _: analysis.pareto_front([], "mae", "mse"), "'frame' must be a DataFrame, got"),
    (lambda _: analysis.operand_energy(NETLIST, "s"), "'stream' must be an OperandStream"),
    (lambda _: analysis.operand_energy("n", STREAM), "'netlist' must be a Netlist, got 'n'"),
    (
        lambda _: analysis.operand_energy(NETLIST, STREAM, cells="unit gates"),
        "'cells' must be a CellTable, got 'unit gates'",
    ),
    (lambda _: analysis.plot_operands("0.wrapped"), "'trace' must be a LayerTrace, got '0"),
    (lambda _: analysis.OperandStream([1], [2]), "'x_codes' must be an ndarray, got list"),
    (
        lambda given: analysis.set_mode(given.model, "NOISE"),
        "'mode' must be an InferenceMode, got 'NOISE'",
    ),
    (lambda given: analysis.accuracy(given.model, X), "'data' must be a Labelled, got Tensor"),
    (
        lambda _: analysis.sweep(max, {}, store="results.jsonl", context={}),
        "'store' must be a ResultsStore, got 'results.jsonl'",
    ),
    (lambda _: analysis.ratio_quantiles(None), "'frame' must be a DataFrame, got None"),
]


@pytest.mark.parametrize(("call", "message"), SETTINGS)
@pytest.mark.bad_input("bad-settings")
def test_what_is_no_setting(call, message, given):
    with pytest.raises(TypeError, match=message):
        call(given)


WANTED = [
    ({"methods": ("annealing",)}, LookupError, "'methods' must be among milp, .*got 'annealing'"),
    ({"methods": "milp"}, TypeError, "'methods' must be a tuple or list, got 'milp'"),
    ({"folded": ("no",)}, TypeError, "'folded' must be a bool, got 'no'"),
    ({"refined": "no"}, TypeError, "'refined' must be a bool, got 'no'"),
    ({"accuracy_drop": "1 %"}, TypeError, "'accuracy_drop' must be a number, got '1 %'"),
    ({"count": 0}, ValueError, "'count' must be at least 1, got 0"),
    ({"search": {"trials": 9}}, TypeError, "'search' must be a SearchSettings, got dict"),
]


@pytest.mark.parametrize(("options", "error", "message"), WANTED)
@pytest.mark.bad_input("bad-settings")
def test_what_cannot_be_wanted(options, error, message):
    with pytest.raises(error, match=message):
        analysis.Wanted(**{"accuracy_drop": 0.1} | options)
    with pytest.raises(ValueError, match="'trials' must be at least 1, got 0"):
        analysis.SearchSettings(trials=0)


FUNCTIONS = [
    (lambda _: [*analysis.run_jobs("square", [1])], "'function' must be a Callable, got 'sq"),
    (
        lambda given: analysis.measure_choices(given.table, None),
        "'evaluate' must be a Callable, got None",
    ),
    (lambda _: analysis.energy_front([], "v"), "'validate' must be a Callable, got 'v'"),
    (
        lambda given: analysis.measure_quality(given.model, BATCHES, loss="ce"),
        "'loss' must be a Callable",
    ),
    (lambda _: analysis.sweep(None, {}, store=None, context={}), "'evaluate' must be a Call"),
]


@pytest.mark.parametrize(("call", "message"), FUNCTIONS)
@pytest.mark.bad_input("no-function")
def test_what_is_no_function(call, message, given):
    with pytest.raises(TypeError, match=message):
        call(given)


@pytest.mark.bad_input("no-function")
def test_what_is_no_error_model(given):
    with pytest.raises(TypeError, match="'model' must be a Callable, got None"):
        analysis.predict_errors(MULTIPLIER, given.trace, model=None)


NUMBERS = [
    (lambda _: analysis.process_pool("2"), "'workers' must be an int, got '2'"),
    (lambda _: analysis.process_pool(1.5), r"'workers' must be an int, got 1\.5"),
    (lambda _: analysis.process_pool(1, threads="1"), "'threads' must be an int, got '1'"),
    (lambda _: analysis.run_jobs(abs, [1], in_flight=None), "'in_flight' must be an int, got"),
    (lambda _: analysis.run_jobs(abs, [1], retries="1"), "'retries' must be an int, got '1'"),
    (lambda _: analysis.run_jobs(abs, None), "'jobs' must be a Sequence, got None; put them"),
    (lambda _: analysis.run_jobs(abs, iter([1])), "'jobs' must be a Sequence, got list_iter"),
    (
        lambda given: analysis.select(given.table, max_loss="1"),
        "'max_loss' must be a number, got '1'",
    ),
    (
        lambda given: analysis.select(given.table, max_loss=1, distinct=1.5),
        "'distinct' must be an int, got",
    ),
    (
        lambda given: analysis.bounded_candidates(given.table, count=None),
        "'count' must be an int, got None",
    ),
    (
        lambda given: analysis.measure_choices(given.table, max, within="0"),
        "'within' must be a number, got",
    ),
    (
        lambda given: analysis.measure_sensitivities(given.model, BATCHES, variances=["0.1"]),
        "'variances' must be a number, got '0.1'",
    ),
    (
        lambda given: analysis.measure_sensitivities(given.model, BATCHES, draws=2.0),
        "'draws' must be an int",
    ),
    (
        lambda given: analysis.learn_tolerances(given.model, BATCHES, weight=None),
        "'weight' must be a number",
    ),
    (
        lambda given: analysis.record_stream(given.model, "0.wrapped", [X], limit=9.5),
        "'limit' must be an int",
    ),
    (
        lambda given: analysis.measure_many(given.model, [MULTIPLIER], BATCHES, seed="0"),
        "'seed' must be an in",
    ),
    (lambda _: analysis.load_digits(seed=None), "'seed' must be an int, got None"),
    (lambda _: analysis.load_digits(validation="0.2"), "'validation' must be a number, got '0"),
]


@pytest.mark.parametrize(("call", "message"), NUMBERS)
@pytest.mark.bad_input("no-number")
def test_what_is_no_number(call, message, given):
    with pytest.raises(TypeError, match=message):
        call(given)


FLAGS = [
    (
        lambda given: analysis.layer_assignments(given.model, [MULTIPLIER], uniform_only="no"),
        "uniform_only",
    ),
    (lambda given: analysis.noise_parameters(MULTIPLIER, given.trace, folded="no"), "folded"),
]


@pytest.mark.parametrize(("call", "name"), FLAGS)
@pytest.mark.bad_input("no-flag")
def test_what_is_no_flag(call, name, given):
    with pytest.raises(TypeError, match=f"'{name}' must be a bool, got 'no'"):
        call(given)


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


OF_AXES = {
    "error map": lambda ax: analysis.plot_error_map(MULTIPLIER, ax),
    "relative error map": lambda ax: analysis.plot_relative_error_map(MULTIPLIER, ax),
    "histogram": lambda ax: analysis.plot_error_histogram(MULTIPLIER, ax),
    "probability": lambda ax: analysis.plot_error_probability(MULTIPLIER, ax),
    "profile": lambda ax: analysis.plot_error_profile(MULTIPLIER, "x", ax),
    "pareto": lambda ax: analysis.plot_pareto(
        pd.DataFrame({"name": ["a"], "mae": [1.0], "area": [2.0]}), ax, cost="area"
    ),
    "front": lambda ax: analysis.plot_energy_front(POINTS, ax),
}  # fmt: skip
POINTS = pd.DataFrame(
    {"label": ["a"], "method": ["uniform"], "relative_energy": [1.0], "validation_accuracy": [0.9]}
)
LAYERS = pd.DataFrame(
    {"layer": ["0"], "multiplier": ["m"], "mac_share": [1.0], "relative_energy": [0.5]}
)


@pytest.mark.parametrize("value", ["axes", Figure(), 3, np.array([None])], ids=type)
@pytest.mark.parametrize("name", OF_AXES)
@pytest.mark.bad_input("no-results")
def test_what_are_no_axes(name, value):
    with pytest.raises(TypeError, match=r"'ax' must be an Axes or None, got .*; a figure's add"):
        OF_AXES[name](value)


@pytest.mark.bad_input("no-results")
def test_what_is_no_pair_of_axes(given):
    for axes in ("axes", Figure(), Figure().add_subplot(), Figure().subplots(1, 3)):
        for call in (
            lambda axes=axes: analysis.plot_operands(given.trace["0.wrapped"], axes),
            lambda axes=axes: analysis.plot_assignment(LAYERS, axes),
            lambda axes=axes: analysis.plot_predictions([], axes),
        ):
            with pytest.raises(TypeError, match="'axes' must be a pair of Axes or None, got "):
                call()
    pair = Figure().subplots(1, 2)
    assert analysis.plot_operands(given.trace["0.wrapped"], pair) == tuple(pair)


RESULTS = [
    (lambda _, path: analysis.write_report({}, path), "'results' must be a Results, got dict"),
    (
        lambda _, path: analysis.write_selection_report({}, path),
        "'results' must be a SelectionResults, got dict; study_selection",
    ),
    (lambda given, _: analysis.study(given.model, MULTIPLIER), "'workload' must be a Workload"),
    (
        lambda given, _: analysis.study(analysis.Workload(given.model, [X], [X], "t"), "tm_k3"),
        "'multiplier' must be a Multiplier, got 'tm_k3'",
    ),
    (
        lambda given, path: analysis.study(
            analysis.Workload(given.model, [X], [X], "t"), MULTIPLIER, netlist=path
        ),
        "'netlist' must be a Netlist, got PosixPath",
    ),
    (
        lambda given, _: analysis.explain(given.model, "tm_k3", [X], [X]),
        "'multiplier' must be a Mult",
    ),
    (
        lambda _, path: analysis.study_selection(
            path, [MULTIPLIER], energies={}, wanted=None, store=None
        ),
        "'prepared' must be a PreparedWorkload, got PosixPath; prepare_workload",
    ),
    (lambda _, path: analysis.worker_evaluator(path, []), "'prepared' must be a PreparedWork"),
    (lambda _, __: analysis.evaluation_context(None), "'prepared' must be a PreparedWork"),
    (lambda _, __: analysis.sensitivity_frame([]), "'sensitivities' must be a Mapping, got"),
    (lambda _, __: analysis.model_frame([MULTIPLIER]), "'models' must be an HtpModel, got"),
    (lambda _, __: analysis.plot_predictions([None]), "'layers' must be a LayerComparison"),
    (lambda _, __: analysis.plot_assignment([]), "'layers' must be a DataFrame, got list"),
    (lambda _, __: analysis.plot_energy_front({}), "'points' must be a DataFrame, got dict"),
    (
        lambda _, __: analysis.plot_error_histogram(MULTIPLIER, joint_counts={}),
        "'joint_counts' must be an ndarray or None, got dict",
    ),
    (lambda _, __: analysis.Assignment(None), "'choices' must be an Iterable, got None"),
    (
        lambda _, __: analysis.ChoiceTable(["0"], (MULTIPLIER,), *[np.zeros((1, 1))] * 3),
        "'layers' must be a tuple, got list",
    ),
    (
        lambda given, _: analysis.bounded_candidates(given.table, methods=None),
        "'methods' must be a tuple or list, got None",
    ),
    (
        lambda _, __: analysis.output_error(None, MULTIPLIER),
        "'operands' must be a GemmOperands",
    ),
    (lambda _, __: analysis.relative_energies({"a": "1"}, exact=1), "'a' must be a number"),
    (lambda _, __: analysis.relative_energies({}, exact="1"), "'exact' must be a number"),
    (
        lambda _, path: analysis.sweep(
            max, {"a": {}}, store=analysis.ResultsStore(path / "r.jsonl"), context={}
        ),
        "'assignments' must be an Assignment, got dict; Assignment",
    ),
    (
        lambda _, __: reproduction.reproduce([MULTIPLIER], {}, store=None),
        "'setting' must be a Setting, got dict",
    ),
    (
        lambda _, __: reproduction.wide_frame({}, [MULTIPLIER], powers_mw={}),
        "'trials' must be a DataFrame, got dict",
    ),
    (lambda _, __: reproduction.source_candidates(3), "'words' must be an Iterable, got 3"),
    (lambda _, __: reproduction.source_candidates([3]), "'words' must be a str, got 3"),
]


@pytest.mark.parametrize(("call", "message"), RESULTS)
@pytest.mark.bad_input("no-results")
def test_what_are_no_results(call, message, given, tmp_path):
    with pytest.raises(TypeError, match=message):
        call(given, tmp_path)


FRAMES = [
    (lambda: analysis.plot_energy_front(POINTS[["label"]]), "'points' must have a column 'method'"),
    (lambda: analysis.plot_assignment(LAYERS[["layer"]]), "'layers' must have a column 'multipl"),
    (lambda: analysis.plot_model_calls(POINTS), "'frame' must have a column 'calls', got label, m"),
    (lambda: analysis.ratio_quantiles(POINTS), "'frame' must have a column 'error_model', got"),
    (
        lambda: reproduction.wide_frame(POINTS, [MULTIPLIER], powers_mw={}),
        "'trials' must have a column 'multiplier'",
    ),
]


@pytest.mark.parametrize(("call", "message"), FRAMES)
@pytest.mark.bad_input("no-column")
def test_frames_that_lack_a_column(call, message):
    with pytest.raises(LookupError, match=message):
        call()


OF_PATHS = {
    "directory": lambda given, path: analysis.write_report(given.results, path),
    "path": lambda _, path: analysis.ResultsStore(path),
    "folder": lambda _, path: analysis.open_workload(path),
    "netlist": lambda _, path: analysis.write_cosim(path, MULTIPLIER, STREAM, "."),
    "storage": lambda given, path: searched(given, storage=path),
}


@pytest.fixture(scope="module")
def reported(given):
    workload = analysis.Workload(nn.Sequential(nn.Linear(3, 2)), [X], [X], "tiny")
    return SimpleNamespace(results=analysis.study(workload, MULTIPLIER), table=given.table)


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
        analysis.write_report(reported.results, file)
    with pytest.raises(OSError, match=str(tmp_path)):
        analysis.ResultsStore(tmp_path)
    with pytest.raises(OSError, match=str(tmp_path)):
        STREAM.save(tmp_path)


def searched(given, **options):
    arguments = {
        "evaluate": lambda _: {"accuracy": 0.5}, "layers": ["0"], "multipliers": [MULTIPLIER],
        "energies": {MULTIPLIER.name: 0.5}, "macs": {"0": 6}, "context": {},
        "store": analysis.ResultsStore("results.jsonl"), "storage": "trials.journal", "trials": 1,
    }  # fmt: skip
    return analysis.search(**arguments | options)


SEARCHES = [
    (
        {"layers": "0"},
        TypeError,
        "'layers' must be a list or tuple, got '0'; put the layers' names",
    ),
    ({"multipliers": "tm"}, TypeError, "'multipliers' must be a sequence of Multipliers, got"),
    ({"multipliers": ["tm"]}, TypeError, "'multipliers' must be a Multiplier, got 'tm'"),
    ({"macs": [6]}, TypeError, "'macs' must be a Mapping, got list"),
    ({"macs": {}}, LookupError, "'macs' must hold every layer, lacks 0"),
    ({"context": "model"}, TypeError, "'context' must be a Mapping, got 'model'"),
    ({"store": "results.jsonl"}, TypeError, "'store' must be a ResultsStore, got 'results.jsonl'"),
    ({"start": 3}, TypeError, "'start' must be an Assignment, got 3"),
    ({"start": [{"0": MULTIPLIER}]}, TypeError, "'start' must be an Assignment, got dict"),
    ({"seed": "0"}, TypeError, "'seed' must be an int, got '0'"),
    ({"trials": None}, TypeError, "'trials' must be an int, got None"),
    ({"study": 3}, TypeError, "'study' must be a str, got 3"),
    ({"evaluate": None}, TypeError, "'evaluate' must be a Callable, got None"),
    ({"storage": "results.jsonl"}, ValueError, "results.jsonl: not a journal of trials; name an"),
]


@pytest.mark.parametrize(("options", "error", "message"), SEARCHES)
@pytest.mark.bad_input("bad-settings")
def test_what_cannot_be_searched(options, error, message, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        searched(given, **options)


WORKLOADS = [
    ((None,), {}, "'source' must be a str, got None; the name of a network, or file.py"),
    (([],), {}, "'source' must be a str, got list"),
    (("CNN",), {"loader": 3}, "'loader' must be a str or None, got 3"),
    (("CNN",), {"seed": "0"}, "'seed' must be an int, got '0'"),
    (("CNN",), {"validation": 1}, "'validation' must be a bool, got 1"),
]


@pytest.mark.parametrize(("words", "options", "message"), WORKLOADS)
@pytest.mark.bad_input("bad-settings")
def test_what_names_no_workload(words, options, message):
    with pytest.raises(TypeError, match=message):
        analysis.load_workload(*words, **options)


SETTINGS_OF_TRIALS = [
    ({"epochs": "2"}, TypeError, "'epochs' must be an int, got '2'"),
    ({"batch_size": 0}, ValueError, "'batch_size' must be at least 1, got 0"),
    ({"learning_rate": 0}, ValueError, "'learning_rate' must be finite and above 0, got 0"),
    ({"augment": "no"}, TypeError, "'augment' must be a bool, got 'no'"),
]


@pytest.mark.parametrize(("options", "error", "message"), SETTINGS_OF_TRIALS)
@pytest.mark.bad_input("bad-settings")
def test_settings_of_trials(options, error, message):
    with pytest.raises(error, match=message):
        reproduction.Setting(reproduction.DataSource("digits"), **options)
