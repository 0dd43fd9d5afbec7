"""Several devices and streams in one process: what is asked of PyTorch and Numba; no device needed.

PyTorch and Numba are replaced by what notes how it was called.
"""

import sys
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from numba.cuda.simulator.kernel import FakeCUDAKernel

from multipliers import get
from tests.torchapprox.builders import random_table
from tests.torchapprox.operators.lookup.test_lut_conv import codes
from tests.torchapprox.simulated_cuda import needs_simulator, simulated_cuda
from torchapprox import lut_matmul
from torchapprox.operators import cuda_arrays
from torchapprox.operators.affine.affine_quantiser import AffineQuantiser
from torchapprox.operators.affine.rescale import rescale
from torchapprox.operators.cuda_arrays import cuda_device, device_array
from torchapprox.operators.factors.device_factors import device_factors
from torchapprox.operators.factors.factor_tables import table_factors
from torchapprox.operators.gradients import table_gradient
from torchapprox.operators.lookup.device_table import device_table
from torchapprox.operators.lookup.lut_conv import lut_conv
from torchapprox.operators.lookup.saturating_matmul import saturating_matmul


class Machine:
    """Some devices as PyTorch and Numba show them: a current device for each thread and library."""

    def __init__(self):
        self.current = threading.local()
        self.streams = {}

    @contextmanager
    def torch_device(self, device):
        before = self.torch_index()
        self.current.torch = device.index
        yield
        self.current.torch = before

    def torch_index(self):
        return getattr(self.current, "torch", 0)

    def stream(self, device):
        assert device.index == self.torch_index()
        number = self.streams.get((threading.get_ident(), device.index), 0)
        return SimpleNamespace(cuda_stream=(device.index, number))

    def __getitem__(self, index):
        return self._numba_device(index)

    @contextmanager
    def _numba_device(self, index):
        before = getattr(self.current, "numba", 0)
        self.current.numba = index
        yield
        self.current.numba = before


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()
    numba = SimpleNamespace(
        gpus=machine,
        external_stream=lambda pointer: ("stream", pointer),
        as_cuda_array=lambda tensor, sync: ("array", tensor.data_ptr(), sync),
    )
    monkeypatch.setattr(cuda_arrays, "in_simulator", lambda: False)
    monkeypatch.setattr(cuda_arrays, "_numba_cuda", lambda: numba)
    monkeypatch.setattr(torch.cuda, "device", machine.torch_device)
    monkeypatch.setattr(torch.cuda, "current_device", machine.torch_index)
    monkeypatch.setattr(torch.cuda, "current_stream", machine.stream)
    return machine


def test_both_libraries_are_on_the_operands_device_and_stream(machine):
    machine.streams[threading.get_ident(), 1] = 7
    for index, stream in ((0, 0), (1, 7), (0, 0)):
        with cuda_device(torch.device("cuda", index)) as launched_on:
            assert launched_on == ("stream", (index, stream))
            assert machine.current.torch == machine.current.numba == index
    # A device within another one's, as a copy between them may need.
    with cuda_device(torch.device("cuda", 2)), cuda_device(torch.device("cuda", 1)):
        assert machine.current.numba == 1
    assert (machine.current.torch, machine.current.numba) == (0, 0)


def test_threads_keep_their_own_devices(machine):
    seen, both_inside = {}, threading.Barrier(2, timeout=30)

    def work(index):
        machine.streams[threading.get_ident(), index] = 10 + index
        with cuda_device(torch.device("cuda", index)) as stream:
            both_inside.wait()
            seen[index] = stream, machine.current.torch, machine.current.numba

    threads = [threading.Thread(target=work, args=(index,)) for index in (1, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {index: (("stream", (index, 10 + index)), index, index) for index in (1, 3)}


def test_arrays_are_views_that_wait_for_nothing(machine):
    tensor = torch.zeros(3, requires_grad=True)
    assert device_array(tensor) == ("array", tensor.data_ptr(), False)


class Elsewhere(torch.Tensor):
    """A tensor that says that it is on another device."""

    device = torch.device("meta")


def test_every_device_has_its_own_tables():
    here = torch.from_numpy(random_table())
    there = here.clone().as_subclass(Elsewhere)
    tables = [device_table(lut) for lut in (here, there, here, there)]
    assert tables[0] is tables[2]
    assert tables[1] is tables[3]
    assert tables[0].host is tables[1].host
    for by_x in (True, False):
        for form in ("rows", "image"):
            found = [getattr(table, form)(by_x=by_x).device.type for table in tables[:2]]
            assert found == ["cpu", "meta"]


def test_every_device_has_its_own_factors():
    factors = table_factors(device_table(torch.tensor(get("mul8u_bam_h0_v4").lut)).host)
    resident = [device_factors(factors, torch.device(name)) for name in ("cpu", "meta", "cpu")]
    assert resident[0] is resident[2]
    for arithmetic in ("int8", "float32"):
        for each, kind in zip(resident, ("cpu", "meta"), strict=False):
            (part,) = each.parts(arithmetic)
            tensors = part.left, part.right, *each.shifts
            assert {tensor.device.type for tensor in tensors} == {kind}


X, W = codes(2, 3, 4), codes(2, 2, 4, seed=1)
IMAGE, KERNEL = codes(1, 2, 3, 3), codes(2, 2, 2, 2, seed=1)
LUT = torch.tensor(get("mul8s_tm_k3").lut)
STEPS = {"stride": (1, 1), "dilation": (1, 1)}
REALS = torch.randn(1, 2, 3, 3)
QUANTISER = AffineQuantiser(torch.tensor(0.1), torch.tensor(3), (0, 127))
CHANNELS = torch.ones(3, dtype=torch.int64), torch.ones(3)
OPERATORS = {  # and how many kernels they launch
    "look-ups": (lambda: lut_matmul(X, W, LUT, engine="lookup"), 1),
    "look-ups of a convolution": (lambda: lut_conv(IMAGE, KERNEL, LUT, **STEPS), 1),
    "factors": (lambda: lut_matmul(X, W, LUT, engine="factors"), 3),
    "factors of a convolution": (
        lambda: lut_conv(IMAGE, KERNEL, LUT, **STEPS, engine="factors"), 3,
    ),
    "saturating": (lambda: saturating_matmul(X, W, LUT, bits=12), 1),
    "quantise": (lambda: QUANTISER.codes_and_fault(REALS), 1),
    "quantise with padding": (
        lambda: QUANTISER.codes_and_fault(REALS, [(1, 1), (1, 1)]), 1,
    ),
    "fake-quantise": (lambda: QUANTISER.reals(REALS), 1),
    "clip gradient": (lambda: QUANTISER.clip_gradient(REALS, REALS), 1),
    "rescale": (
        lambda: rescale(X.int(), *CHANNELS, channel_axis=1, dtype=torch.float32), 1,
    ),
    "table gradient": (
        lambda: table_gradient(torch.ones(2, 3, 2), X, W, torch.randn(256, 256)), 1,
    ),
}  # fmt: skip


@needs_simulator
@pytest.mark.cuda
@pytest.mark.parametrize(("operator", "launches"), OPERATORS.values(), ids=OPERATORS)
def test_every_kernel_is_launched_on_the_current_stream(operator, launches, monkeypatch):
    configurations, entered = [], []

    @contextmanager
    def current(device):
        entered.append(device)
        yield "current stream"

    for module in list(sys.modules.values()):
        if getattr(module, "cuda_device", None) is cuda_device and "tests" not in module.__name__:
            monkeypatch.setattr(module, "cuda_device", current)
    prepare = FakeCUDAKernel.__getitem__
    monkeypatch.setattr(
        FakeCUDAKernel,
        "__getitem__",
        lambda kernel, given: configurations.append(given) or prepare(kernel, given),
    )
    with simulated_cuda():
        operator()
    assert [given[2] for given in configurations] == ["current stream"] * launches
    assert set(entered) == {torch.device("cpu")}
