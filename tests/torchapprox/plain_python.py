"""The portable CPU kernels as Python runs them where Numba is told not to compile."""

import importlib
import pkgutil
from contextlib import contextmanager

import numba
import numpy as np
import pytest

import torchapprox.kernels
from torchapprox.kernels.compiling.jit import CpuKernel
from torchapprox.kernels.threads.blocks import BlockKernel


def _attributes():
    for info in pkgutil.walk_packages(torchapprox.kernels.__path__, "torchapprox.kernels."):
        if "cuda" not in info.name:
            module = importlib.import_module(info.name)
            for name, value in list(vars(module).items()):
                yield module, name, value


def _forget():
    """Have everything that is made once made again: compiled functions, features of the CPU."""
    for _, _, value in _attributes():
        if hasattr(value, "cache_clear"):
            value.cache_clear()


@contextmanager
def plain_python():
    """Replace compiled functions by their sources, as ``NUMBA_DISABLE_JIT=1`` does from the start.

    The sources run in this process, so that a tracer sees their lines.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in _attributes():
            if isinstance(value, CpuKernel):
                patch.setattr(module, name, value.__wrapped__)
            if isinstance(value, BlockKernel):
                patch.setattr(module, name, BlockKernel(value.__wrapped__))
        patch.setattr(numba.config, "DISABLE_JIT", 1)
        if np.lib.NumpyVersion(np.__version__) < "2.0.0":
            # NumPy 1 makes a float of an unsigned and a Python integer, Numba an integer.
            patch.setattr(np, "uintp", int)
        _forget()
        try:
            yield
        finally:
            patch.undo()
            _forget()
