"""What a run needs to be repeated exactly: one order of summation, and the versions it ran on."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from analysis.version import package_version


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let torch sum in one order whatever the number of cores, so that runs repeat exactly.

    Examples:
        >>> with single_threaded():
        ...     torch.get_num_threads()
        1
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def software_versions() -> dict[str, str]:
    """Versions of the software that the figures of a run depend on.

    Examples:
        >>> list(software_versions())
        ['torchapprox', 'torch', 'numpy', 'python']
    """
    return {
        "torchapprox": package_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
