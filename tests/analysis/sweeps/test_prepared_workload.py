"""A model in a folder is the same in every process that opens it."""

import json
import pickle

import pytest
import torch

from analysis.selection import Assignment, Evaluator
from analysis.sweeps import (
    ResultsStore,
    evaluation_context,
    open_workload,
    prepare_workload,
    process_pool,
    sweep,
    worker_evaluator,
)
from multipliers import Multiplier, exact_products, get

MODEL = """
import torch

def tiny():
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    inputs = [torch.randn(40, 6) for _ in range(3)]
    labelled = [(x, model(x).argmax(dim=1)) for x in inputs]
    return model, inputs[:1], labelled[1:2], labelled[2:]
"""
NAMES = ("mul8s_array", "mul8s_tm_k4", "mul8s_drum3")


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MODEL)
    return f"{file}:tiny"


@pytest.fixture
def prepared(source, tmp_path):
    return prepare_workload(tmp_path / "kept", source, get("mul8s_array"), seed=3)


@pytest.fixture
def assignments():
    return {name: Assignment.uniform(["0", "2"], get(name)) for name in NAMES}


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("split", ["validation", "evaluation"])
def test_a_worker_evaluates_what_the_parent_has(prepared, assignments, split, fold):
    multipliers = [get(name) for name in NAMES]
    spec = pickle.loads(
        pickle.dumps(worker_evaluator(prepared, multipliers, split=split, fold=fold))
    )
    direct = Evaluator(
        prepared.workload.model,
        getattr(prepared.workload, split),
        multipliers=multipliers,
        energies=dict.fromkeys(NAMES, 1.0),
        fold=prepared.folding if fold else None,
    )
    assert len(pickle.dumps(spec)) < 2000
    for one in assignments.values():
        expected = direct(one)
        assert spec(one.names) == {
            "accuracy": expected.accuracy,
            "certainty": expected.certainty,
            "loss": expected.loss,
        }
    assert spec(assignments["mul8s_array"].names)["accuracy"] > 0.9


def test_a_folder_is_taken_up_again_without_a_new_calibration(prepared, source, monkeypatch):
    monkeypatch.setattr("analysis.reports.model_study.prepare", None)
    again = prepare_workload(prepared.folder, source, get("mul8s_drum3"), seed=3)
    assert again.sha256 == prepared.sha256
    assert again.digests == prepared.digests == again.workload.digests
    x = torch.randn(16, 6)
    assert torch.equal(again.workload.model(x), prepared.workload.model(x))


def test_networks_for_digits_are_not_trained_again(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "analysis.workloads.digits_models.DigitsModel.trained",
        lambda self, _, *, seed, **_options: self.build(seed),
    )
    first = prepare_workload(tmp_path / "kept", "CNN", get("mul8s_array"))
    monkeypatch.setattr("analysis.workloads.digits_models.DigitsModel.trained", None)
    again = prepare_workload(tmp_path / "kept", "CNN", get("mul8s_array"))
    assert again.workload.digests == first.workload.digests
    assert [len(batch[1]) for batch in again.workload.validation] == [128, 128, 81]


def test_another_request_is_refused(prepared, source):
    folder = prepared.folder
    for other, message in (
        ((source, get("mul8s_array"), 4), "was begun with seed 3, got 4; name another folder"),
        (("CNN", get("mul8s_array"), 3), "was begun with source .*, got CNN"),
        ((source, get("mul8u_array"), 3), "was begun with ports signed .*, got unsigned"),
    ):
        with pytest.raises(ValueError, match=message):
            prepare_workload(folder, other[0], other[1], seed=other[2])


def test_a_source_that_has_changed_is_refused(prepared, source, tmp_path):
    (tmp_path / "mine.py").write_text(MODEL.replace("randn(40", "rand(40"))
    with pytest.raises(ValueError, match=r"returns something else than when .*: calibration data"):
        prepare_workload(prepared.folder, source, get("mul8s_array"), seed=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: "{", "not a readable workload"),
        (lambda _: "[]", "not a workload; name another folder"),
        (lambda index: json.dumps(index | {"version": 0}), "of version 0, this program reads"),
    ],
)
def test_a_folder_of_something_else_is_refused(prepared, change, message):
    index = prepared.folder / "workload.json"
    index.write_text(change(json.loads(index.read_text())))
    with pytest.raises(ValueError, match=message):
        open_workload(prepared.folder)


def test_a_folder_that_changes_under_a_sweep_is_refused(prepared, assignments):
    spec = worker_evaluator(prepared, [get(name) for name in NAMES])
    index = prepared.folder / "workload.json"
    index.write_text(index.read_text() + "\n")
    with pytest.raises(ValueError, match="has changed since the jobs were submitted"):
        spec(assignments["mul8s_drum3"].names)


def test_tables_that_were_exchanged_are_refused(prepared):
    one = get("mul8s_drum3")
    prepared.keep([one])
    file = next((prepared.folder / "multipliers").glob("*.npz"))
    assert prepared.kept(one.name, one.digest) == one
    other = get("mul8s_drum4")
    prepared.keep([other])
    newest = max((prepared.folder / "multipliers").glob("*.npz"), key=lambda path: path != file)
    newest.replace(file)
    with pytest.raises(ValueError, match="must have the table of mul8s_drum3 with the SHA-256"):
        prepared.kept(one.name, one.digest)


def test_two_tables_of_one_name_are_refused(prepared):
    twins = [
        Multiplier.from_lut(exact_products(True, True) + shift, name="same") for shift in (0, 1)
    ]
    with pytest.raises(ValueError, match="two multipliers with different tables have the name"):
        worker_evaluator(prepared, twins)


def test_batches_of_other_types_are_refused(tmp_path):
    file = tmp_path / "odd.py"
    file.write_text(MODEL.replace("inputs[:1]", "[(inputs[0], {1, 2})]"))
    with pytest.raises(TypeError, match=r"a batch must be made of tensors.*got set"):
        prepare_workload(tmp_path / "kept", f"{file}:tiny", get("mul8s_array"))


def test_the_context_tells_split_and_folding_apart(prepared):
    contexts = [
        evaluation_context(prepared, split=split, fold=fold)
        for split in ("validation", "evaluation")
        for fold in (False, True)
    ]
    assert len({json.dumps(context) for context in contexts}) == 4


@pytest.mark.nightly
def test_processes_that_start_anew_evaluate_the_same(prepared, assignments, tmp_path):
    spec = worker_evaluator(prepared, [get(name) for name in NAMES])
    context = evaluation_context(prepared)
    frames = [
        sweep(
            spec, assignments, store=ResultsStore(tmp_path / f"{number}.jsonl"), context=context,
            executor=executor, in_flight=4,
        )
        for number, executor in enumerate((None, process_pool(1)))
    ]  # fmt: skip
    assert frames[0].equals(frames[1])
