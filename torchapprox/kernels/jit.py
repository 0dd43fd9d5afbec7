"""Compilation of CPU kernels."""

from collections.abc import Callable
from typing import Any

import numba


def jit_cpu(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel at its first call, without the global interpreter lock.

    The machine code is cached on disk beside the source or in the user's cache directory. Where
    neither can be written, Numba refuses to cache when the decorator runs; the kernel is then
    compiled anew in every process. Numba's cache notices edits in the kernel's own file only, so a
    kernel calls no compiled function of another file.
    """
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)
