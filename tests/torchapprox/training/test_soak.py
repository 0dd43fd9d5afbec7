"""Memory stays flat over many training steps."""

import gc
import os
import statistics
from pathlib import Path

import pytest
import torch

from tests.torchapprox.builders import converted_cnn, images, random_multiplier
from torchapprox import InferenceMode, get_approx_modules
from torchapprox.gradients import StraightThrough, WindowDifference

STATM = Path("/proc/self/statm")
MOST_GROWTH = 4 << 20  # bytes; one 256 x 256 table of int32 left behind a step is 25 MiB in 100

pytestmark = [
    pytest.mark.skipif(not STATM.exists(), reason="needs /proc"),
    pytest.mark.usefixtures("one_thread", "frozen"),
]


@pytest.fixture
def one_thread():
    """Layers as small as these gain nothing from a second one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def frozen():
    """Leave the half million objects of before out of every collection."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def resident_bytes():
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def live_tensors():
    """Return how many tensors there are beside those of before `frozen`."""
    return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())


def memory_while_training(model, steps, *, looks=30):
    """Train on batches of changing size; return resident bytes and tensors at so many moments."""
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9)
    bytes_, tensors = [], []
    for step in range(steps):
        optimiser.zero_grad()
        model(images(2 + step % 5, seed=step)).square().mean().backward()
        optimiser.step()
        if step % (steps // looks) == 0:
            gc.collect()
            bytes_.append(resident_bytes())
            tensors.append(live_tensors())
    return bytes_, tensors


def check_flat(bytes_, tensors):
    """The last third holds what the second third held; the first one fills caches."""
    third = len(bytes_) // 3
    growth = statistics.median(bytes_[-third:]) - statistics.median(bytes_[third : 2 * third])
    assert growth < MOST_GROWTH, f"{growth / 2**20:.1f} MiB more"
    assert max(tensors[-third:]) <= max(tensors[third : 2 * third])


@pytest.mark.parametrize(
    "steps", [120, pytest.param(1000, marks=pytest.mark.nightly)]
)  # fmt: skip
@pytest.mark.parametrize("estimator", [StraightThrough(), WindowDifference(8)], ids=["ste", "diff"])
def test_training_on_the_multiplier(steps, estimator):
    model = converted_cnn(random_multiplier(limit=2**8))
    for _, layer in get_approx_modules(model):
        layer.gradient = estimator
    check_flat(*memory_while_training(model, steps))


@pytest.mark.nightly
def test_training_with_changing_modes_and_tables():
    model, leaves = converted_cnn(random_multiplier()), iter(range(10**6))

    def change(module, _):
        step = next(leaves)
        for _, layer in get_approx_modules(module):
            layer.inference_mode = list(InferenceMode)[step % 3]
            layer.multiplier = random_multiplier(step)

    model.register_forward_pre_hook(change)
    check_flat(*memory_while_training(model, 1000))


def test_the_check_finds_a_leak():
    model, kept = converted_cnn(random_multiplier()), []
    model.register_forward_hook(lambda *_: kept.append(torch.ones(1 << 20, dtype=torch.int32)))
    bytes_, tensors = memory_while_training(model, 60)
    with pytest.raises(AssertionError, match="MiB more"):
        check_flat(bytes_, tensors)
    with pytest.raises(AssertionError, match="assert"):
        check_flat([0] * len(tensors), tensors)
