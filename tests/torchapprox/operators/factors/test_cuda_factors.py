"""Products by factors on a CUDA device, on CPU tensors in Numba's simulator."""

from dataclasses import replace

import pytest
import torch

from htp import ARITHMETICS, Factorisation
from multipliers import Multiplier
from tests.torchapprox.operators.engine.test_choice import FACTORS, FULL_RANK, LUTS
from tests.torchapprox.operators.lookup.test_lut_conv import codes
from tests.torchapprox.simulated_cuda import launches, needs_simulator, simulated_cuda
from torchapprox import lut_matmul
from torchapprox.kernels.features import factors_cuda
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.engine import cuda_choice
from torchapprox.operators.factors import cuda_factors
from torchapprox.operators.factors.cuda_factors import cuda_factor_conv, cuda_factor_matmul
from torchapprox.operators.factors.device_factors import DeviceFactors
from torchapprox.operators.factors.factor_tables import TableFactors
from torchapprox.operators.lookup.lut_conv import lut_conv

pytestmark = [pytest.mark.cuda, needs_simulator]
CPU = torch.device("cpu")
# Rank 1; int8 parts of several weights; shifts of both sides.
NAMES = ("mul8s_tm_k3", "mul8s_drum4", "mul8u_bam_h0_v4")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """The simulator starts a thread for each of a block's."""
    monkeypatch.setattr(factors_cuda, "WARPS", 2)


def resident(name, arithmetic, **changes):
    """Return factors whose tables for one arithmetic have been brought to the device."""
    factors = DeviceFactors(replace(FACTORS[name], **changes), CPU)
    factors.parts(arithmetic)
    return factors


def layouts(groups, m, n, dtype=torch.int32):
    """Return an empty result as the operator makes it: the longer operand runs."""
    if m >= n:
        return torch.full((groups, n, m), 7, dtype=dtype).mT
    return torch.full((groups, m, n), 7, dtype=dtype)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("name", NAMES)
def test_matrix_products(name, arithmetic):
    for groups, m, n, depth in ((1, 5, 3, 20), (2, 2, 6, 9)):
        x, w = codes(groups, m, depth), codes(groups, n, depth, seed=1)
        out = layouts(groups, m, n)
        factors = resident(name, arithmetic)
        with simulated_cuda(may_wait=False):
            cuda_factor_matmul(x, w, factors, out, arithmetic)
        assert torch.equal(out, lut_matmul(x, w, LUTS[name], engine="lookup"))


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize(
    ("batch", "channels", "size", "out_channels", "kernel", "stride", "dilation", "groups"),
    [
        (2, 3, (4, 4), 2, (3, 2), (1, 2), (1, 1), 1),
        (2, 4, (5,), 6, (2,), (1,), (2,), 2),
        (1, 3, (3, 3, 3), 3, (2, 2, 2), (1, 1, 1), (1, 1, 1), 3),
    ],
    ids=["strided", "grouped", "depthwise"],
)
def test_convolutions(
    batch, channels, size, out_channels, kernel, stride, dilation, groups, arithmetic
):
    name = "mul8u_bam_h0_v4"
    x, w = codes(batch, channels, *size), codes(out_channels, channels // groups, *kernel, seed=1)
    shape = ConvShape(batch, channels, size, out_channels, kernel, stride, dilation, groups)
    wanted = lut_conv(
        x, w, LUTS[name], stride=stride, dilation=dilation, groups=groups, engine="lookup"
    )
    out = torch.full(wanted.shape, 7, dtype=torch.int64)
    factors = resident(name, arithmetic)
    with simulated_cuda(may_wait=False):
        cuda_factor_conv(x, w, shape, factors, out, arithmetic)
    assert torch.equal(out, wanted.long())


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_blocks_of_k_and_parts_of_the_positions(arithmetic, monkeypatch):
    """Sums beyond an arithmetic's depth, and features beyond the memory that they may take."""
    monkeypatch.setattr(cuda_factors, "FIELD_BYTES", 500)
    x, w = codes(2, 2, 3, 5), codes(3, 2, 2, 2, seed=1)
    shape = ConvShape(2, 2, (3, 5), 3, (2, 2), (1, 1), (1, 1), 1)
    sizes, pieces = [], 0
    product = cuda_factors._products
    monkeypatch.setattr(
        cuda_factors, "_products", lambda *both: sizes.append(both) or product(*both)
    )
    for name in ("mul8s_drum4", "mul8u_bam_h0_v4"):
        wanted = lut_conv(x, w, LUTS[name], stride=(1, 1), dilation=(1, 1), engine="lookup")
        out = torch.empty_like(wanted)
        factors = resident(name, arithmetic, depths=dict.fromkeys(ARITHMETICS, 6))
        with simulated_cuda(may_wait=False):
            cuda_factor_conv(x, w, shape, factors, out, arithmetic)
        assert torch.equal(out, wanted)
        pieces += 2 * len(factors.parts(arithmetic))
    assert len(sizes) > pieces


def test_products_are_written_in_place_where_nothing_is_added(monkeypatch):
    joined = []
    join = factors_cuda.join_products_cuda
    monkeypatch.setattr(
        factors_cuda, "join_products_cuda", lambda *a, **k: joined.append(1) or join(*a, **k)
    )
    for name, m, n, joins in (
        ("mul8s_tm_k3", 40, 32, 0),
        ("mul8s_tm_k3", 40, 31, 1),
        ("mul8u_bam_h0_v4", 32, 40, 1),
    ):
        x, w = codes(1, m, 2), codes(1, n, 2, seed=1)
        out = layouts(1, m, n)
        joined.clear()
        factors = resident(name, "int8")
        with simulated_cuda(may_wait=False):
            cuda_factor_matmul(x, w, factors, out, "int8")
        assert torch.equal(out, lut_matmul(x, w, LUTS[name], engine="lookup"))
        assert len(joined) == joins


@pytest.mark.parametrize("arithmetic", ["int8", "float64"])
def test_terms_that_cancel_beyond_the_result(arithmetic):
    """Sums of one term need 40 bits, those of the table 24."""
    values = torch.arange(256).numpy()
    left = torch.stack([torch.arange(256) << 20, torch.arange(256) * (1 - 2**20)], 1).numpy()
    multiplier = Multiplier.from_lut(
        left @ torch.arange(256).expand(2, 256).numpy(), x_signed=False, w_signed=False
    )
    right = torch.from_numpy(values).expand(2, 256).contiguous().numpy()
    factors = TableFactors.of(Factorisation(multiplier, left, right, "table"))
    x, w = codes(1, 3, 4), codes(1, 2, 4, seed=1)
    out = layouts(1, 3, 2)
    with simulated_cuda():
        cuda_factor_matmul(x, w, DeviceFactors(factors, CPU), out, arithmetic)
    assert torch.equal(out, lut_matmul(x, w, torch.tensor(multiplier.lut), engine="lookup"))


def test_operators_take_the_named_engine(monkeypatch):
    lut, image = LUTS["mul8s_tm_k3"], codes(1, 2, 3, 3)
    x, w = codes(2, 3, 4), codes(2, 2, 4, seed=1)
    chosen = []
    for name in ("cuda_factor_matmul", "cuda_factor_conv"):
        fill = getattr(cuda_choice, name)

        def count(*arguments, fill=fill):
            chosen.append(arguments[-1])
            fill(*arguments)

        monkeypatch.setattr(cuda_choice, name, count)

    def both(engine):
        steps = {"stride": (1, 1), "dilation": (1, 1)}
        product = lut_matmul(x, w, lut, engine=engine)
        return product, lut_conv(image, image[..., :2, :2], lut, **steps, engine=engine)

    wanted = both("lookup")
    with simulated_cuda():
        for engine in ("factors", "lookup"):  # bring the tables to the device
            both(engine)
    for engine, calls in (("factors", 2), ("lookup", 0), ("auto", 0)):
        chosen.clear()
        with simulated_cuda(may_wait=False):
            found = both(engine)
        assert all(map(torch.equal, found, wanted))
        assert len(chosen) == calls
    with (
        pytest.raises(NotImplementedError, match="'factors' needs a table of a rank of at most 64"),
        simulated_cuda(),
    ):
        lut_matmul(x, w, FULL_RANK, engine="factors")
    with simulated_cuda():
        assert not lut_matmul(x[..., :0], w[..., :0], lut, engine="factors").any()
    assert launches
