"""Sensitivities against their definition, true evaluations, and choices checked by them."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import torchapprox
from analysis import (
    Assignment,
    Candidate,
    Evaluation,
    Evaluator,
    bounded_candidates,
    energy_front,
    measure_choices,
    measure_quality,
    measure_sensitivities,
    own_predictions,
    select_validated,
    uniform_candidates,
    within,
)
from multipliers import get
from torchapprox import InferenceMode, get_approx_modules

NAMES = ("mul8s_array", "mul8s_tm_k2", "mul8s_tm_k4")
ENERGIES = {"mul8s_array": 1.0, "mul8s_tm_k2": 0.5, "mul8s_tm_k4": 0.2}


@pytest.fixture(scope="module")
def evaluator(converted):
    model, x = converted
    with torch.no_grad():
        labels = model(x).argmax(dim=1)
    return Evaluator(
        model, [(x, labels)], multipliers=[get(name) for name in NAMES], energies=ENERGIES
    )


def test_slope_is_that_of_a_loss_which_is_the_variance_itself():
    torch.manual_seed(0)
    x = torch.randn(4096, 4)
    model = nn.Sequential(nn.Linear(4, 4))
    torchapprox.approximate(model, calibration=[x], mode=InferenceMode.QUANTIZED)
    with torch.no_grad():
        y = model(x)
        spread = (y - model[0].wrapped.bias).var()
    before = model[0].wrapped.stdev
    found = measure_sensitivities(
        model, [(x, y)], loss=lambda output, target: (output - target).square().mean()
    )["0"]
    assert found.slope == pytest.approx(spread.item(), rel=0.05)
    assert found.r_squared == pytest.approx(1, abs=1e-3)
    assert model[0].wrapped.stdev == before
    assert found.loss_rise(torch.tensor([0.5]).numpy()) == pytest.approx(found.slope / 2)


def test_own_predictions_make_every_rise_a_divergence(converted):
    model, x = converted
    targets = own_predictions(model, [x])
    assert measure_quality(model, targets).accuracy == 1
    for found in measure_sensitivities(model, targets).values():
        assert min(found.loss_rises) >= 0


def test_sensitivities_take_forward_passes_only(converted):
    model, x = copy.deepcopy(converted[0]), converted[1]
    passes = []

    def loss(output, target):
        passes.append(torch.is_grad_enabled() or output.requires_grad)
        return nn.functional.cross_entropy(output, target)

    before = copy.deepcopy(model.state_dict())
    measure_sensitivities(model, own_predictions(model, [x]), loss=loss, draws=3)
    # Each of three layers at three levels, thrice, and the exact model once.
    assert passes == [False] * (3 * 3 * 3 + 1)
    assert all(parameter.grad is None for parameter in model.parameters())
    after = model.state_dict()
    assert all(
        torch.equal(value, after[name])
        for name, value in before.items()
        if isinstance(value, torch.Tensor)
    )


def test_levels_are_checked(converted):
    model, x = converted
    with pytest.raises(ValueError, match="'variances' must be positive and ascending"):
        measure_sensitivities(model, own_predictions(model, [x]), variances=(0.2, 0.1))
    with pytest.raises(ValueError, match="'draws' must be at least 1, got 0"):
        measure_sensitivities(model, own_predictions(model, [x]), draws=0)


def test_evaluation_is_that_of_a_model_converted_by_hand(converted, evaluator):
    model, x = copy.deepcopy(converted[0]), converted[1]
    names = {"0": "mul8s_tm_k4", "2": "mul8s_array", "5": "mul8s_tm_k2"}
    with torch.no_grad():
        labels = model(x).argmax(dim=1)
        torchapprox.approximate(model, names)
        right = (model(x).argmax(dim=1) == labels).float().mean().item()
    found = evaluator(names)
    assert found.accuracy == pytest.approx(right)
    assert found.relative_energy == pytest.approx(
        evaluator.assignment(names).relative_energy(ENERGIES, evaluator.macs)
    )
    assert evaluator(evaluator.assignment(names)) == found
    assert pickle.loads(pickle.dumps(evaluator))(names) == found
    assert [layer.inference_mode.name for _, layer in get_approx_modules(converted[0])] == [
        "QUANTIZED"
    ] * 3


def test_folding_is_taken_back_before_the_next_evaluation(converted, evaluator):
    model, x = converted
    names = dict.fromkeys(evaluator.layers, "mul8s_tm_k4")
    labels = model(x).argmax(dim=1)
    folding = Evaluator(
        model, [(x, labels)], multipliers=[get(name) for name in NAMES], energies=ENERGIES,
        fold=[x],
    )  # fmt: skip
    first = folding(names)
    assert first.loss != evaluator(names).loss
    folding(dict.fromkeys(evaluator.layers, "mul8s_tm_k2"))
    assert folding(names) == first


def test_unknown_names_and_missing_layers(evaluator):
    with pytest.raises(LookupError, match="no multiplier 'mul8s_drum4' is known; there are mul8s_"):
        evaluator(dict.fromkeys(evaluator.layers, "mul8s_drum4"))
    with pytest.raises(LookupError, match="no multiplier for layer '2'; it has '0'"):
        evaluator({"0": "mul8s_tm_k2"})


def test_validated_choice_is_the_cheapest_accepted_one(random_table, additive):
    table = random_table(1, 4)
    evaluate, most = additive(table, 1.0), float(table.loss.mean())
    accept = within(Evaluation(1.0, 0.0, 1.0, 1.0), loss_rise=most)
    found = select_validated(table, evaluate, accept, refined=False)
    accepted = [
        candidate.assignment
        for candidate in bounded_candidates(table)
        if table.predicted_loss(candidate.assignment) <= most
    ]
    assert table.relative_energy(found) == min(map(table.relative_energy, accepted))
    with pytest.raises(ValueError, match="choices by milp is accepted"):
        select_validated(table, evaluate, lambda _: False)


def test_certainty_is_bounded_as_the_accuracy_is_unless_it_has_a_bound_of_its_own():
    exact = Evaluation(0.97, 0.1, 0.95, 1.0)
    lucky = Evaluation(0.98, 0.1, 0.93, 0.5)
    assert not within(exact, accuracy_drop=0.01)(lucky)
    assert within(exact, accuracy_drop=0.01, certainty_drop=0.03)(lucky)
    assert within(exact, loss_rise=0.1)(lucky)
    unlabelled = Evaluation(float("nan"), 0.15, float("nan"), 0.5)
    assert within(exact, loss_rise=0.1)(unlabelled)
    assert not within(exact, accuracy_drop=0.5)(unlabelled)


def test_certainty_is_the_mean_probability_of_the_right_class(converted):
    model, x = converted
    with torch.no_grad():
        probabilities = model(x).softmax(dim=1)
    labels = torch.arange(len(x)) % 3
    expected = sum(probabilities[i, int(label)].item() for i, label in enumerate(labels)) / len(x)
    found = measure_quality(model, [(x[:20], labels[:20]), (x[20:], labels[20:])])
    assert found.certainty == pytest.approx(expected, abs=1e-6)
    targets = own_predictions(model, [x])
    best = probabilities.max(dim=1).values.mean().item()
    assert measure_quality(model, targets).certainty == pytest.approx(best, abs=1e-6)


def test_energies_that_are_not_known_are_nan(converted):
    model, x = converted
    evaluate = Evaluator(
        model, [(x, model(x).argmax(dim=1))], multipliers=[get(name) for name in NAMES]
    )
    found = evaluate(dict.fromkeys(evaluate.layers, "mul8s_tm_k2"))
    assert math.isnan(found.relative_energy)
    assert found.accuracy > 0.5


def test_measured_losses_are_those_of_each_choice_alone(random_table):
    table = random_table(3, 3)
    rng = np.random.default_rng(0)
    truth = np.sort(rng.random(table.loss.shape), axis=1)
    column = {multiplier.name: c for c, multiplier in enumerate(table.multipliers)}
    best = table.loss.argmin(axis=1)

    def evaluate(one):
        loss = sum(truth[row, column[one[layer].name]] for row, layer in enumerate(table.layers))
        return Evaluation(0.9, float(loss), 0.9, 0.5)

    found = measure_choices(table, evaluate)
    for row in range(3):
        for c in range(len(table.multipliers)):
            rise = max(truth[row, c] - truth[row, best[row]], 0)
            assert found.loss[row, c] == pytest.approx(table.loss[row, best[row]] + rise)
    assert (found.energy == table.energy).all()
    least = measure_choices(table, evaluate, within=-1.0)
    assert (least.loss == table.loss).all()
    with pytest.raises(ValueError, match="must have a finite loss, got nan"):
        measure_choices(
            table,
            lambda one: Evaluation(0.9, 0.0 if one == table.assignment(best) else np.nan, 0.9, 1),
        )


def test_front_is_chosen_on_validation_and_only_its_members_are_verified(random_table, additive):
    table = random_table(2, 3)
    verified = []

    def verify(assignment):
        verified.append(assignment)
        return Evaluation(0.5, 9.0, 0.5, 1.0)

    candidates = [
        *bounded_candidates(table, methods=("milp", "greedy")),
        *uniform_candidates(table),
    ]
    frame = energy_front(candidates, additive(table, 100.0), verify=verify)
    assert len(frame) == len(candidates)
    assert frame["relative_energy"].is_monotonic_increasing
    assert len(verified) == frame["on_front"].sum()
    assert (frame["test_accuracy"].notna() == frame["on_front"]).all()
    chosen = frame[(frame["method"] != "uniform") & frame["on_front"]]
    for _, other in frame[frame["method"] != "uniform"].iterrows():
        no_worse = (chosen["relative_energy"] <= other["relative_energy"]) & (
            chosen["validation_accuracy"] >= other["validation_accuracy"]
        )
        assert no_worse.any()
    with pytest.raises(ValueError, match="at least one candidate"):
        energy_front([], verify)
    assert isinstance(candidates[0], Candidate)
    assert isinstance(frame["assignment"][0], Assignment)


def test_batches_must_be_labelled(converted):
    model, x = converted
    with pytest.raises(TypeError, match="must be a pair of an input and a tensor of targets"):
        measure_quality(model, [x])
    with pytest.raises(ValueError, match="at least one sample"):
        measure_quality(model, [])
