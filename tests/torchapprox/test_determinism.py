"""One evaluation, whatever computes it: equal logits, bit for bit.

Sums of products are integers, so that neither threads nor blocks nor engines can change them. What
lies between the layers is floating point and computed sample by sample: batch normalisation,
activations, pooling, softmax.
"""

import itertools

import pytest
import torch
from torch import nn

from multipliers import get
from tests.torchapprox.builders import minmax_qconfig, random_multiplier
from tests.torchapprox.networks import VisionTransformer, settled
from torchapprox import Accumulator, approximate, get_approx_modules
from torchapprox.kernels.compiling.cpu_kernel import available_kernels

SAMPLES = 7
THREADS = (1, 2)
PARTS = (1, 3, SAMPLES)
# Environment variables; the table below has a low rank, so that every engine can compute it.
ENGINES = {
    "auto": {},
    "factors": {"TORCHAPPROX_ENGINE": "factors"},
    **{kernel: {"TORCHAPPROX_KERNEL": kernel} for kernel in available_kernels()},
}
LOW_RANK = get("mul8s_bam_h0_v8")


def convolutions():
    """Every kind of convolution that has a path of its own, and a long sum at the end."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, stride=2, padding=1, groups=16),
        nn.BatchNorm2d(16),
        nn.ReLU6(),
        nn.Conv2d(16, 8, 1, bias=False),
        nn.ConvTranspose2d(8, 8, 2, stride=2, groups=2),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * 64, 10),
    )


NETWORKS = {"convolutions": convolutions, "transformer": VisionTransformer}


def network(name, multiplier):
    torch.manual_seed(0)
    model = settled(NETWORKS[name]())
    approximate(model, multiplier, calibration=[inputs(16, seed=1)], qconfig=minmax_qconfig())
    return model.eval()


def inputs(count, seed=0):
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def logits(model, x, part, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return torch.cat([model(piece) for piece in x.split(part)])
    finally:
        torch.set_num_threads(before)


@pytest.fixture(params=NETWORKS)
def model(request):
    return network(request.param, LOW_RANK)


def test_neither_threads_nor_parts_nor_engines_change_a_bit(model, monkeypatch):
    x = inputs(SAMPLES)
    monkeypatch.setenv("TORCHAPPROX_KERNEL", "portable")
    expected = logits(model, x, SAMPLES, 1)
    assert len(expected.unique()) > 10 * SAMPLES // 2
    for engine, threads, part in itertools.product(ENGINES, THREADS, PARTS):
        with monkeypatch.context() as environment:
            environment.delenv("TORCHAPPROX_KERNEL")
            for name, value in ENGINES[engine].items():
                environment.setenv(name, value)
            y = logits(model, x, part, threads)
        assert torch.equal(y, expected), f"{engine}, {threads} threads, parts of {part}"


def test_tables_without_factors_and_narrow_accumulators(monkeypatch):
    x = inputs(SAMPLES)
    for accumulator in (None, Accumulator(20, "saturate", height=16, partial_bits=18)):
        model = network("convolutions", random_multiplier(3))
        for _, layer in get_approx_modules(model):
            layer.accumulator = accumulator
        monkeypatch.setenv("TORCHAPPROX_KERNEL", "portable")
        expected = logits(model, x, SAMPLES, 1)
        monkeypatch.delenv("TORCHAPPROX_KERNEL")
        for threads, part in itertools.product(THREADS, PARTS):
            assert torch.equal(logits(model, x, part, threads), expected)


def test_neither_gradients_nor_inference_mode_change_a_bit(model):
    x = inputs(SAMPLES)
    expected = logits(model, x, SAMPLES, 2)
    assert torch.equal(model(x).detach(), expected)
    with torch.inference_mode():
        assert torch.equal(model(x), expected)
