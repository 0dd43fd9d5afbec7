"""What the benchmark of choices keeps in a file: tensors and numbers, and the same case again."""

import pytest
import torch

from benchmarks import selection_case
from benchmarks.selection_case import open_case
from multipliers import get_netlist

NAMES = ("mul8s_array", "mul8s_tm_k3", "mul8s_tm_k4")


@pytest.fixture
def quick(monkeypatch):
    """Train nothing, and choose from three circuits."""
    monkeypatch.setattr(
        "analysis.workloads.digits_models.DigitsModel.trained",
        lambda self, _, *, seed: self.build(seed).eval(),
    )
    monkeypatch.setattr(
        selection_case, "circuits", lambda: {name: get_netlist(name) for name in NAMES}
    )
    learn = selection_case.learn_tolerances
    monkeypatch.setattr(
        selection_case,
        "learn_tolerances",
        lambda model, data, *, weight: learn(model, data[:1], weight=weight, epochs=1),
    )


@pytest.mark.parametrize("network", ["CNN", pytest.param("ViT", marks=pytest.mark.nightly)])
def test_a_case_comes_back_from_its_file_without_code(quick, network, tmp_path, monkeypatch):
    made = open_case(tmp_path, network, 0)
    content = torch.load(tmp_path / f"{network}0.pt", weights_only=True)
    assert set(content["tables_sha256"]) == set(NAMES)
    monkeypatch.setattr(selection_case, "new_case", None)
    again = open_case(tmp_path, network, 0)
    assert again.tolerances == made.tolerances
    assert again.sensitivities == made.sensitivities
    for folded in (False, True):
        one, other = made.table(folded), again.table(folded)
        assert (one.loss == other.loss).all()
        assert (one.energy == other.energy).all()
        assert one.layers == other.layers
    coarse = dict.fromkeys(made.table(True).layers, "mul8s_tm_k4")
    assert again.evaluator(True, "test")(coarse) == made.evaluator(True, "test")(coarse)
    chosen = made.evaluator(True, "test")._evaluator.assignment(coarse)
    assert again.retrained_accuracy(chosen, folded=True, epochs=1) == made.retrained_accuracy(
        chosen, folded=True, epochs=1
    )


def test_a_file_of_other_multipliers_is_refused(quick, tmp_path, monkeypatch):
    open_case(tmp_path, "CNN", 1)
    monkeypatch.setattr(
        selection_case, "circuits", lambda: {name: get_netlist(name) for name in NAMES[:2]}
    )
    with pytest.raises(ValueError, match="the file of CNN 1 is of other multipliers; remove it"):
        open_case(tmp_path, "CNN", 1)
