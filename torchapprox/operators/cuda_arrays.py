"""Torch CUDA tensors, devices and streams as Numba sees them, without a copy.

In Numba's simulator (environment variable ``NUMBA_ENABLE_CUDASIM=1``) kernels run on CPU tensors,
which count as a device's within `simulated_device`.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

_NO_SUPPORT = (
    "CudaSupportError",
    "NvrtcError",
    "NvrtcSupportError",
    "NvvmError",
    "NvvmSupportError",
    "CCSupportError",
)
_REFUSALS = ("CudaAPIError", "CudaDriverError", "CudaRuntimeAPIError", "CUDAError", "LinkerError")
_simulating = False


def on_cuda(tensor: Tensor) -> bool:
    """Whether a tensor is a CUDA device's, so that looking at its values waits for the device."""
    # Dynamo of PyTorch 2.6 does not trace is_cuda in a backward pass.
    return tensor.device.type == "cuda" or _simulating


@contextmanager
def simulated_device() -> Iterator[None]:
    """Have CPU tensors count as a device's.

    Operators still run their CPU kernels on them, unless a dispatch mode sends them elsewhere.

    Raises:
        RuntimeError: Numba's simulator is off.
    """
    global _simulating  # noqa: PLW0603
    if not in_simulator():
        raise RuntimeError(
            "Numba's simulator is off: set the environment variable NUMBA_ENABLE_CUDASIM=1 before "
            "numba is imported"
        )
    before, _simulating = _simulating, True
    try:
        yield
    finally:
        _simulating = before


@contextmanager
def cuda_device(device: torch.device) -> Iterator[Any]:
    """Have Numba launch on a device, and give torch's current stream there as a Numba stream.

    Torch's CUDA array interface carries no stream, so that a kernel must be launched on it
    explicitly to run after the work that made its operands.

    Raises:
        ImportError: `numba.cuda` cannot be imported.
        RuntimeError: Numba finds no driver or compiler, or the device refuses a kernel.
        torch.OutOfMemoryError: The device has no memory left for a kernel.
    """
    cuda = _numba_cuda()
    if in_simulator():
        yield 0
        return
    # Numba remembers a device by thread, and would not notice that torch has switched.
    with (
        _clear_errors(device),
        torch.cuda.device(device),
        cuda.gpus[torch.cuda.current_device()],
    ):
        yield cuda.external_stream(torch.cuda.current_stream(device).cuda_stream)


def device_array(tensor: Tensor) -> Any:
    """View a contiguous tensor as a Numba device array, within `cuda_device`."""
    if in_simulator():
        return tensor.detach().numpy()
    return _numba_cuda().as_cuda_array(tensor.detach(), sync=False)


def in_simulator() -> bool:
    """Whether CUDA kernels run in Numba's simulator."""
    import numba  # noqa: PLC0415  which takes a while to load

    config: Any = numba.config
    return bool(config.ENABLE_CUDASIM)


def _numba_cuda() -> Any:
    try:
        return importlib.import_module("numba.cuda")
    except ImportError as error:
        raise ImportError(
            "CUDA tensors need numba.cuda: install the extra with pip install 'torchapprox[cuda]'"
        ) from error


@contextmanager
def _clear_errors(device: torch.device) -> Iterator[None]:
    """Say what is missing where Numba cannot use a device that PyTorch can.

    Errors are told by name, since numba and the package numba-cuda have classes of their own.
    """
    try:
        yield
    except Exception as error:
        kind = type(error).__name__
        if kind in _NO_SUPPORT:
            raise RuntimeError(
                f"Numba cannot use {device}: {error}; it needs NVIDIA's driver and the compiler "
                "that pip install 'torchapprox[cuda]' brings; move the model to the CPU to go "
                "without"
            ) from error
        if kind not in _REFUSALS:
            raise
        if "OUT_OF_MEMORY" in str(error):
            raise torch.OutOfMemoryError(
                f"{device} has no memory left for a kernel of torchapprox: {error}; use smaller "
                "batches, or call torch.cuda.empty_cache() to give back what PyTorch keeps"
            ) from error
        raise RuntimeError(f"{device} refused a kernel of torchapprox: {error}") from error
