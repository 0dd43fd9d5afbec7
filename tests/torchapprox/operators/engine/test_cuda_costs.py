"""Which engine is estimated to be the faster one on a CUDA device, and where the costs are from."""

import time
from dataclasses import replace

import pytest
import torch

from tests.torchapprox.operators.engine.test_choice import FACTORS
from tests.torchapprox.simulated_cuda import needs_simulator, simulated_cuda
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.engine import cuda_calibration as module
from torchapprox.operators.engine.cuda_choice import cheapest
from torchapprox.operators.engine.cuda_costs import published_costs

CPU = torch.device("cpu")
HOPPER = published_costs((9, 0))
RANK_1, RANK_5 = FACTORS["mul8s_tm_k3"], FACTORS["mul8u_bam_h0_v4"]


def conv(channels, size, out_channels, kernel, groups=1):
    axes = (size + kernel - 1,) * 2, (kernel,) * 2
    return ConvShape(32, channels, axes[0], out_channels, axes[1], (1, 1), (1, 1), groups)


@pytest.mark.parametrize("factors", [RANK_1, RANK_5])
@pytest.mark.parametrize(
    ("shape", "taken"),
    [
        (conv(64, 56, 64, 3), ("int8",)),
        (conv(2048, 7, 512, 1), ("int8",)),
        ((1, 3152, 3072, 768), ("int8",)),
        ((192, 197, 197, 64), (None, "float32")),  # attention: not 192 int8 products
        ((1, 1, 1000, 16), (None,)),  # the calls take longer than the look-ups
    ],
)
def test_what_a_hopper_takes(shape, taken, factors):
    estimate = HOPPER.conv if isinstance(shape, ConvShape) else HOPPER.matmul
    assert cheapest(estimate(shape, factors, paired=True), "auto") in taken


def test_what_changes_the_estimates():
    shape = conv(64, 56, 64, 3)
    found = HOPPER.conv(shape, RANK_1, paired=True)
    # One word of shared memory for each product, or for two.
    assert HOPPER.conv(shape, RANK_1, paired=False)["lookup"] > 1.9 * found["lookup"]
    assert "int8" not in replace(HOPPER, int8=False).conv(shape, RANK_1, paired=True)
    no_floats = replace(RANK_1, depths={"int8": 100, "float32": 0, "float64": 10**9})
    fewer = HOPPER.conv(shape, no_floats, paired=True)
    assert fewer.keys() == {"lookup", "int8", "float64"}
    assert fewer["int8"] > found["int8"]  # six blocks of 100
    # A batch of groups is one product of floats, and one int8 product each.
    many = HOPPER.matmul((500, 20, 20, 16), RANK_1, paired=True)
    assert many["float32"] < many["int8"]


def test_published_rates():
    assert published_costs((7, 0)).int8 is False
    assert published_costs((9, 0)).int8 is True
    assert published_costs((9, 9)) == published_costs((9, 0))
    assert published_costs((3, 5)) == published_costs((7, 0))
    half = published_costs((9, 0), 66)
    assert half.lookup == pytest.approx(2 * HOPPER.lookup)
    assert half.call == HOPPER.call
    assert HOPPER.most_useful_terms() > 64
    assert 1 <= published_costs((7, 0)).most_useful_terms() < 64


@needs_simulator
@pytest.mark.cuda
@pytest.mark.parametrize("int8", [True, False])
def test_measuring(int8):
    """Every cost is measured by what it stands for, on CPU tensors."""

    def seconds(call):
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    probes = module.Probes((3, 2, 2), 5, (32, 32, 32), 1000, 2)
    with simulated_cuda():
        costs = module.measure_cuda_costs(CPU, replace(HOPPER, int8=int8), seconds, probes)
    assert costs.int8 is int8
    assert (costs.int8_product > 0) is int8
    assert min(costs.lookup, costs.float32_product, costs.float64_product, costs.byte) > 0
    assert costs.lookup > 100 * costs.float32_product  # the simulator's kernels are slow
    assert costs.call > 0 <= costs.lookup_step


class Card:
    multi_processor_count = 66


@pytest.fixture
def card(tmp_path, monkeypatch):
    """A device of half a Hopper, whose costs are kept in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device.index}")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Card)
    module.cuda_costs.cache_clear()
    yield torch.device("cuda", 0)
    module.cuda_costs.cache_clear()


def test_published_until_measured(card, monkeypatch):
    other = torch.device("cuda", 1)
    assert module.cuda_costs(card) == published_costs((9, 0), 66)
    measured = replace(HOPPER, lookup=3.0)
    entered = []
    monkeypatch.setattr(module, "measure_cuda_costs", lambda *_: measured)
    monkeypatch.setattr(torch.cuda, "device", lambda device: entered.append(device) or Nothing())
    assert module.calibrate_cuda(card) == measured
    assert entered == [card]
    assert module.cuda_costs_path(card).exists()
    assert module.cuda_costs(card) == measured  # from the file
    assert module.cuda_costs(other) == published_costs((9, 0), 66)  # another card
    module.cuda_costs_path(card).write_text("{}")
    module.cuda_costs.cache_clear()
    assert module.cuda_costs(card) == published_costs((9, 0), 66)


class Nothing:
    """A context."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None
