"""What methods train on, and the state in which they leave a network."""

import numpy as np
import pytest
import torch
from torch import nn

import htp
import multipliers
import torchapprox
from analysis.reproduction import METHODS, Retraining
from analysis.workloads.labelled import Labelled
from torchapprox import InferenceMode, get_approx_modules

MULTIPLIER = multipliers.get("mul8s_bam_h0_v8")
IMAGES = torch.randn(40, 1, 6, 6, generator=torch.Generator().manual_seed(5))


class Recorded(Retraining):
    """Notes the models of all layers in place of training."""

    def run(self, model):
        seen.append({name: layer.htp_model for name, layer in get_approx_modules(model)})


seen = []


@pytest.fixture
def network():
    torch.manual_seed(6)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10))
    torchapprox.approximate(model, MULTIPLIER, calibration=[IMAGES])
    return model


def test_affine_models_are_those_of_each_layers_operands(network):
    seen.clear()
    data = Labelled(IMAGES, torch.zeros(40, dtype=torch.int64))
    METHODS["linear"](network, MULTIPLIER, Recorded(data, epochs=1, learning_rate=0.1))
    (models,) = seen
    layers = dict(get_approx_modules(network))
    assert all(layer.htp_model is None for layer in layers.values())
    assert all(layer.inference_mode is InferenceMode.APPROXIMATE for layer in layers.values())
    for layer in layers.values():
        layer.inference_mode = InferenceMode.QUANTIZED
    with torch.no_grad(), torchapprox.trace(network) as traced:
        network(IMAGES)
    fitted = {
        name: htp.fit_affine(MULTIPLIER, weights=traced[name].joint_counts) for name in layers
    }
    first, last = layers
    for name in layers:
        assert np.array_equal(products(models[name]), products(fitted[name]))
    assert not np.allclose(products(models[first]), products(models[last]))


def products(model):
    values = np.arange(-3.0, 4.0)
    return model(lambda a, b: a[:, None] * b[None], values, values, {})
