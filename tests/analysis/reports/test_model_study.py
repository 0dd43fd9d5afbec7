import pytest
import torch
from torch import nn

import torchapprox
from analysis import Workload, load_workload, study
from multipliers import get


def make_model():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def make_batches(*, labels=True, seed=0):
    generator = torch.Generator().manual_seed(seed)
    batches = [torch.rand(40, 6, generator=generator) for _ in range(2)]
    if not labels:
        return batches
    return [(x, torch.randint(0, 3, (40,), generator=generator)) for x in batches]


@pytest.fixture
def workload():
    return Workload(make_model(), make_batches(labels=False), make_batches(seed=1), "tiny")


def test_labelled_data_give_the_accuracy_of_every_mode(workload):
    multiplier = get("mul8s_tm_k3")
    results = study(workload, multiplier)
    assert [row.stage for row in results.accuracies] == [
        "quantised",
        "approximate",
        "noise",
        "folded",
    ]
    assert all(row.images == 80 for row in results.accuracies)
    torchapprox.approximate(workload.model, multiplier)
    correct = sum(
        int((workload.model(x).argmax(1) == label).sum()) for x, label in workload.evaluation
    )
    assert results.accuracies[1].correct == correct
    assert [layer.name for layer in results.explanation.layers] == ["0", "2"]


def test_data_without_labels_give_no_accuracy(workload):
    bare = Workload(workload.model, workload.calibration, make_batches(labels=False), "tiny")
    assert study(bare, get("mul8s_tm_k3")).accuracies == ()


def test_the_provenance_tells_models_and_data_apart(workload):
    first = workload.digests
    assert Workload(make_model(), *make_two(), "other name").digests == first
    with torch.no_grad():
        workload.model[0].bias[0] += 1
    changed = workload.digests
    assert changed["model, SHA-256"] != first["model, SHA-256"]
    assert changed["evaluation data, SHA-256"] == first["evaluation data, SHA-256"]


def make_two():
    return make_batches(labels=False), make_batches(seed=1)


def test_a_function_of_a_file_makes_the_workload(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\n"
        "def tiny():\n"
        "    data = [torch.rand(4, 6)]\n"
        "    return torch.nn.Sequential(torch.nn.Linear(6, 2)), iter(data), data\n"
    )
    first, again, other = (load_workload(f"{file}:tiny", seed=seed) for seed in (1, 1, 2))
    assert first.digests == again.digests != other.digests
    assert len(first.calibration) == 1
    assert not first.labelled


def test_every_other_sample_is_to_choose_by_where_the_function_says_nothing(tmp_path):
    file = tmp_path / "mine.py"
    body = (
        "import torch\n"
        "def tiny():\n"
        "    x, y = torch.arange(10.0).view(5, 2), torch.arange(5)\n"
        "    return torch.nn.Sequential(torch.nn.Linear(2, 2)), [x], [(x, y), (x[:1], y[:1])]\n"
    )
    file.write_text(body)
    assert load_workload(f"{file}:tiny").validation == []
    split = load_workload(f"{file}:tiny", validation=True)
    assert [y.tolist() for _, y in split.validation] == [[0, 2, 4], [0]]
    assert [y.tolist() for _, y in split.evaluation] == [[1, 3]]
    assert split.evaluation[0][0].tolist() == [[2, 3], [6, 7]]
    file.write_text(body.replace("[x], [(x, y)", "[x], [(x[:2], y[:2])], [(x, y)"))
    given = load_workload(f"{file}:tiny", validation=True)
    assert [y.tolist() for _, y in given.validation] == [[0, 1]]
    assert [y.tolist() for _, y in given.evaluation] == [[0, 1, 2, 3, 4], [0]]
    file.write_text(body.replace("[(x, y), (x[:1], y[:1])]", "[x]"))
    with pytest.raises(ValueError, match="must return batches to choose by, or pairs"):
        load_workload(f"{file}:tiny", validation=True)


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        ("def tiny(): return 3", TypeError, "must return a model and two or three.*got int"),
        ("def large(): return 3", LookupError, "there is no function 'tiny'"),
        (
            "import torch\ndef tiny(): return torch.nn.Linear(2, 2), [torch.rand(2, 2)], []",
            ValueError,
            "at least one batch of evaluation data, got none",
        ),
    ],
)
def test_a_function_that_makes_no_workload_is_refused(tmp_path, body, error, message):
    file = tmp_path / "wrong.py"
    file.write_text(body)
    with pytest.raises(error, match=message):
        load_workload(f"{file}:tiny")


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(ImportError, match=r"absent\.py: there is no such Python file"):
        load_workload(f"{tmp_path / 'absent.py'}:tiny")


LOADER = """
import torch
from torch.utils.data import DataLoader, TensorDataset

def tiny():
    return torch.nn.Sequential(torch.nn.Linear(2, 2))

def data(count):
    return TensorDataset(torch.randn(count, 2), torch.arange(count) % 2)

def loaders():
    return DataLoader(data(6), batch_size=4, shuffle=True), DataLoader(data(4), batch_size=4)

def three():
    return [torch.ones(8, 2)], *loaders()

def one():
    return DataLoader(data(4))

def batches():
    return [(torch.ones(2, 2), torch.tensor([0, 1]))] * 2

def empty():
    return [], [(torch.ones(2, 2), torch.tensor([0, 1]))]

def whole():
    return tiny(), *loaders()
"""


@pytest.fixture
def own(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(LOADER)
    return lambda name: f"{file}:{name}"


def test_a_loader_brings_the_batches_of_a_model(own):
    found, again = (load_workload(own("tiny"), loader=own("loaders"), seed=3) for _ in range(2))
    assert [len(labels) for _, labels in found.validation] == [4, 2]
    assert [len(labels) for _, labels in found.evaluation] == [4]
    assert found.calibration is not found.evaluation
    assert all(
        torch.equal(x, y[0]) for (x, _), y in zip(found.calibration, found.validation, strict=True)
    )
    assert found.digests == again.digests
    three = load_workload(own("tiny"), loader=own("three"), seed=3, validation=True)
    assert [len(batch) for batch in three.calibration] == [8]
    assert three.digests["validation data, SHA-256"] == found.digests["validation data, SHA-256"]


@pytest.mark.parametrize(
    ("source", "loader", "error", "message"),
    [
        ("whole", "loaders", TypeError, "own.py:whole must return a model alone, .* a tuple of 3"),
        ("tiny", "one", TypeError, "own.py:one must return two or three .*got DataLoader"),
        ("tiny", "batches", TypeError, "pairs of an input and a tensor of labels, .*got Tensor"),
        ("tiny", "empty", ValueError, "own.py:empty must return at least one batch to choose by"),
        ("tiny", "absent", LookupError, "there is no function 'absent'"),
        ("tiny", None, TypeError, "got Sequential alone; a loader can return the batches"),
    ],
)
def test_models_and_loaders_that_do_not_fit_are_refused(own, source, loader, error, message):
    with pytest.raises(error, match=message):
        load_workload(own(source), loader=None if loader is None else own(loader))


def test_the_digits_bring_their_own_batches(own):
    with pytest.raises(ValueError, match="CNN brings its own batches; a loader goes with your own"):
        load_workload("CNN", loader=own("loaders"))
