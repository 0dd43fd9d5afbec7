"""Float arithmetic that rounds nothing where sums fit the significand, on any device."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def exact_floats(device: torch.device) -> Iterator[None]:
    """Have products and convolutions of integer-valued floats give exact sums.

    Autocast is off. On a CUDA device, float32 operands are not rounded to TensorFloat-32, and
    convolutions are not left to cuDNN, whose algorithms by transforms (Winograd, Fourier) round.
    These are settings of the whole process, as PyTorch has them: another thread's operations in
    the meantime are more exact, too. What was set before comes back.

    Args:
        device: Where the operands are.

    Examples:
        >>> with exact_floats(torch.device("cpu")):
        ...     torch.ones(2) @ torch.ones(2)
        tensor(2.)
    """
    with torch.autocast(device.type, enabled=False):
        if device.type != "cuda":
            yield
            return
        matmul: Any = torch.backends.cuda.matmul
        cudnn: Any = torch.backends.cudnn
        name: str = "allow_tf32"
        exact: Any = False
        if hasattr(matmul, "fp32_precision"):  # reading the older one may then be an error
            name, exact = "fp32_precision", "ieee"
        before = getattr(matmul, name), cudnn.enabled
        setattr(matmul, name, exact)
        cudnn.enabled = False
        try:
            yield
        finally:
            setattr(matmul, name, before[0])
            cudnn.enabled = before[1]
