import pytest
import torch
from torch import nn

from analysis import Labelled, accuracy, digits_network, load_digits, train
from analysis.workloads.training import correct


def test_training_learns_and_repeats():
    data = load_digits().train
    data = Labelled(data.images[:300], data.labels[:300])
    losses = [train(digits_network(), data, epochs=4, learning_rate=3e-3) for _ in range(2)]
    assert losses[0] == losses[1]
    assert losses[0][-1] < losses[0][0]


def test_accuracy_counts_in_evaluation_mode_and_restores_training():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(1.0), torch.nn.Identity())
    images = torch.full((3, 1, 1, 10), -1.0)
    images[[0, 1, 2], 0, 0, [4, 5, 6]] = 1.0
    data = Labelled(images, torch.tensor([4, 5, 9]))
    assert correct(model, data, batch_size=2) == 2
    assert accuracy(model, data) == pytest.approx(2 / 3)
    assert model.training


def test_equal_seeds_drop_equal_features_out_and_leave_the_global_generator_alone():
    data, weights, draws = load_digits().train, [], []
    for _ in range(2):
        torch.manual_seed(7)
        model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))
        torch.rand(len(weights) * 100)
        before = torch.get_rng_state()
        train(model, data, epochs=1, learning_rate=1e-2, seed=3)
        draws.append(torch.equal(before, torch.get_rng_state()))
        weights.append(model[2].weight.detach())
    assert all(draws)
    assert torch.equal(*weights)
