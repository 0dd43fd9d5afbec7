import pytest
import torch

import torchapprox
from analysis.reproduction import NETWORKS, build_network
from multipliers import get


@pytest.mark.parametrize("name", NETWORKS)
def test_every_product_of_a_network_goes_through_the_multiplier(name):
    model = build_network(name, channels=3, size=16, classes=7, seed=1).eval()
    images = torch.randn(4, 3, 16, 16)
    torchapprox.approximate(
        model, get("mul8u_tm_k3"), calibration=[images], fold_batchnorm=name != "vit"
    )
    assert model(images).shape == (4, 7)
    report = torchapprox.coverage(model, images)
    assert report.approximate
    assert not report.exact


def test_seeds_choose_the_weights_and_leave_the_global_generator_alone():
    state = torch.get_rng_state()
    first, again, other = (
        build_network("resnet8", channels=1, size=8, classes=10, seed=seed)[0].weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_what_cannot_be_built_is_told():
    with pytest.raises(LookupError, match="one of resnet8, mobilenet, vit, got 'lenet'"):
        build_network("lenet", channels=1, size=8, classes=10, seed=0)
    with pytest.raises(ValueError, match="a multiple of 3, got 25"):
        build_network("vit", channels=1, size=25, classes=10, seed=0)
