"""The script that measures a CUDA device runs, on CPU tensors in Numba's simulator."""

import pytest
import torch
from torch import nn

from benchmarks import cuda_device, cuda_networks, cuda_products
from tests.torchapprox.simulated_cuda import needs_simulator, simulated_cuda
from torchapprox.operators.cuda_arrays import in_simulator
from torchapprox.operators.engine.cuda_costs import published_costs

CPU = torch.device("cpu")
TINY = cuda_products.Sizes(
    checked=((1, 2, 3, 4),), products=((2, 3, 4),), convolutions=((1, 2, 2, 2, 2, 1),),
    images=(1, 2, 3), gradient=(2, 3, 2),
)  # fmt: skip


def tiny():
    model = nn.Sequential(nn.Conv2d(2, 2, 2), nn.ReLU())
    return model, torch.randn(1, 2, 3, 3)


@pytest.fixture(autouse=True)
def one_round(monkeypatch):
    monkeypatch.setattr("benchmarks.device_times.ROUNDS", 1)
    if in_simulator():  # which starts a thread for each of a block's
        monkeypatch.setattr("torchapprox.kernels.features.factors_cuda.WARPS", 2)


@needs_simulator
@pytest.mark.cuda
def test_every_section_of_products_has_its_rows():
    with simulated_cuda():
        rows = [*cuda_products.products(CPU, TINY), *cuda_products.convolutions(CPU, TINY)]
        rows += [*cuda_products.passes(CPU, TINY)]
    names = [row.what for row in rows]
    engines = ["look-up", "factors, rank 1", "factors, rank 4"]
    passes = [
        "quantise", "quantise with padding", "fake-quantise", "clip gradient", "rescale",
        "table gradient", "saturating sums",
    ]  # fmt: skip
    plain = ["thread an output", "float32 matmul", "float16 matmul"]
    assert names == [*engines, *plain, *engines, *passes]
    assert all(row.figure.endswith("/s") for row in rows)
    assert str(rows[0]).startswith("| look-up | M=2 N=3 K=4 | ")


@needs_simulator
@pytest.mark.cuda
def test_networks_have_their_rows():
    with simulated_cuda():
        rows = [*cuda_networks.networks(CPU, "tiny", tiny)]
    forms = ["float32", "float16", "quantised", "full rank", "rank 1", "rank 4"]
    assert [row.what for row in rows] == [
        *(f"forward, {form}" for form in forms),
        *(f"training step, {form}" for form in forms if form != "float16"),
    ]
    assert "1.00 x float32" in rows[0].figure
    assert "x float16" in rows[3].figure


def test_a_wrong_integer_is_noticed(monkeypatch):
    def wrong(x, w, lut, *, engine="auto"):
        return torch.matmul(x.int(), w.int().mT) + (engine == "factors")

    monkeypatch.setattr(cuda_products, "lut_matmul", wrong)
    monkeypatch.setattr(cuda_products, "lut_conv", lambda *_, **__: torch.zeros(1))
    with pytest.raises(AssertionError, match="rank 1"):
        list(cuda_products.check(CPU, TINY))


def test_a_section_that_fails_leaves_the_others_alone(capsys):
    def broken():
        yield cuda_device.Row("first", "case", "1")
        raise RuntimeError("an illegal\naddress | was met")

    def sound():
        yield cuda_device.Row("second", "case", "2")

    found = {"broken": broken, "sound": sound, "again": sound}
    assert cuda_device.run(found, lambda: True) == ["broken"]
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == [
        "| first | case | 1 |",
        "| broken | FAILED | RuntimeError: an illegal address / was met |",
    ]
    assert printed.count("| second | case | 2 |") == 2
    # A process whose device is lost leaves the rest to another one.
    assert cuda_device.run(found, lambda: False) == ["broken", "", "sound", "again"]


def test_sections_and_costs(monkeypatch):
    found = cuda_device.sections(CPU, quick=False)
    assert {"integers", "graphs", "ResNet-50", "MobileNetV2", "ViT-B/16", "tests"} < set(found)
    monkeypatch.setattr(cuda_device, "calibrate_cuda", lambda _: published_costs((7, 0)))
    rows = {row.what: row.figure for row in cuda_device.costs(CPU)}
    assert rows["costs: int8_product"] == "-"
    assert rows["costs: call"] == "10 us"


def test_without_a_device(monkeypatch):
    monkeypatch.setattr("sys.argv", ["cuda_device"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="needs a CUDA device"):
        cuda_device.main()
