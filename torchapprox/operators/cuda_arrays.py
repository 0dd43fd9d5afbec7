"""Torch CUDA tensors and streams as Numba sees them, without a copy."""

from typing import Any

import torch
from torch import Tensor


def device_array(tensor: Tensor) -> Any:
    """View a contiguous CUDA tensor as a Numba device array.

    Raises:
        ImportError: `numba.cuda` cannot be imported.
    """
    return _cuda().as_cuda_array(tensor.detach(), sync=False)


def numba_stream(device: torch.device) -> Any:
    """Return torch's current stream on a device as a Numba stream.

    Torch's CUDA array interface carries no stream, so that a kernel must be launched on it
    explicitly to run after the work that made its operands.
    """
    return _cuda().external_stream(torch.cuda.current_stream(device).cuda_stream)


def _cuda() -> Any:
    try:
        from numba import cuda  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "CUDA tensors need numba.cuda: install the extra with pip install 'torchapprox[cuda]'"
        ) from error
    return cuda
