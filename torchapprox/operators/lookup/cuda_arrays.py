"""Torch CUDA tensors, devices and streams as Numba sees them, without a copy.

In Numba's simulator (environment variable ``NUMBA_ENABLE_CUDASIM=1``) kernels run on CPU tensors.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from numba.core import config
from torch import Tensor


@contextmanager
def cuda_device(device: torch.device) -> Iterator[Any]:
    """Have Numba launch on a device, and give torch's current stream there as a Numba stream.

    Torch's CUDA array interface carries no stream, so that a kernel must be launched on it
    explicitly to run after the work that made its operands.

    Raises:
        ImportError: `numba.cuda` cannot be imported.
    """
    try:
        cuda: Any = importlib.import_module("numba.cuda")
    except ImportError as error:
        raise ImportError(
            "CUDA tensors need numba.cuda: install the extra with pip install 'torchapprox[cuda]'"
        ) from error
    if in_simulator():
        yield 0
        return
    # Numba remembers a device by thread, and would not notice that torch has switched.
    with torch.cuda.device(device), cuda.gpus[torch.cuda.current_device()]:
        yield cuda.external_stream(torch.cuda.current_stream(device).cuda_stream)


def device_array(tensor: Tensor) -> Any:
    """View a contiguous tensor as a Numba device array, within `cuda_device`."""
    if in_simulator():
        return tensor.detach().numpy()
    cuda: Any = importlib.import_module("numba.cuda")
    return cuda.as_cuda_array(tensor.detach(), sync=False)


def in_simulator() -> bool:
    """Whether CUDA kernels run in Numba's simulator."""
    return bool(getattr(config, "ENABLE_CUDASIM"))  # noqa: B009  set at run time
