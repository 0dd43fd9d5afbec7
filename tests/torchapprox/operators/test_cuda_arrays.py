"""What a user reads where a device cannot be used; no device is needed."""

import sys

import pytest
import torch

from torchapprox import lut_matmul
from torchapprox.operators import cuda_arrays
from torchapprox.operators.cuda_arrays import cuda_device, on_cuda, simulated_device

CUDA = torch.device("cuda", 1)


def raised(name, text):
    return type(name, (Exception,), {})(text)


@pytest.mark.parametrize(
    ("error", "expected", "match"),
    [
        (
            raised("CudaSupportError", "no libcuda.so"), RuntimeError,
            r"Numba cannot use cuda:1: no libcuda\.so; .*torchapprox\[cuda\].* move the model",
        ),
        (
            raised("NvvmSupportError", "no libNVVM"), RuntimeError,
            r"cuda:1: no libNVVM; it needs NVIDIA's driver and the compiler",
        ),
        (
            raised("CudaAPIError", "[2] CUDA_ERROR_OUT_OF_MEMORY"), torch.OutOfMemoryError,
            r"cuda:1 has no memory left .* smaller batches, .*empty_cache",
        ),
        (
            raised("CudaAPIError", "[700] illegal address"), RuntimeError,
            r"cuda:1 refused a kernel of torchapprox: \[700\] illegal address",
        ),
        (ZeroDivisionError("as it is"), ZeroDivisionError, "^as it is$"),
    ],
)  # fmt: skip
def test_errors_of_numba_say_what_to_do(error, expected, match):
    with pytest.raises(expected, match=match), cuda_arrays._clear_errors(CUDA):
        raise error


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba.cuda", None)
    with pytest.raises(ImportError, match=r"pip install 'torchapprox\[cuda\]'"), cuda_device(CUDA):
        pass


@pytest.mark.bad_input("several-devices")
def test_operands_on_several_devices_are_named():
    x, lut = torch.zeros(1, 1, dtype=torch.uint8), torch.zeros(256, 256, dtype=torch.int32)
    with pytest.raises(ValueError, match="on one device, got meta, cpu and cpu"):
        lut_matmul(x.to("meta"), x, lut, lut_range=(0, 0))


def test_a_simulated_device_needs_the_simulator(monkeypatch):
    monkeypatch.setattr(cuda_arrays, "in_simulator", lambda: False)
    with pytest.raises(RuntimeError, match="NUMBA_ENABLE_CUDASIM=1"), simulated_device():
        pass
    assert not on_cuda(torch.zeros(1))
