"""The CUDA kernels of all operators: on CPU tensors, in Numba's simulator."""

import sys
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from torchapprox.operators.cuda_arrays import in_simulator, simulated_device
from torchapprox.operators.library_op import OPERATORS

needs_simulator = pytest.mark.skipif(
    not in_simulator(), reason="needs Numba's CUDA simulator, which takes CPU tensors"
)

launches = []
"""The operators that ran, in order; for tests that ask whether any did."""

_aten = torch.ops.aten
_WAITS = {
    _aten._local_scalar_dense, _aten.item, _aten.is_nonzero, _aten.equal, _aten.nonzero,
    _aten.masked_select, _aten.lift_fresh, _aten._unique2, _aten.unique_dim,
}  # fmt: skip
_COPIES = {
    Tensor.cpu, Tensor.numpy, Tensor.tolist, Tensor.item, Tensor.__bool__, Tensor.__int__,
    Tensor.__float__, Tensor.__index__, Tensor.__array__, torch.from_numpy, torch.tensor,
}  # fmt: skip
_ZERO_COPY = ("device_array",)


class HostAccessError(AssertionError):
    """A CUDA device would be waited for, or data would pass from host to device or back."""


class _Kernels(TorchDispatchMode):
    """Sends operators to their CUDA kernels, and refuses what waits for a device."""

    def __init__(self, may_wait):
        super().__init__()
        self._may_wait = may_wait

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func.namespace == "torchapprox":
            kernels = OPERATORS[func._schema.name].kernels
            launches.append(func._schema.name.partition("::")[2])
            with self, torch.no_grad():
                return (kernels.get("cuda") or kernels["default"])(*args, **kwargs)
        if func.overloadpacket is _aten._int_mm:
            _check_int8_operands(*args)
        if not self._may_wait and _waits(func, args):
            raise HostAccessError(f"{func} waits for the device")
        return func(*args, **kwargs)


def _check_int8_operands(a, b):
    """Refuse what PyTorch's product of int8 matrices does not take on CUDA: (M, K) by (N, K).T."""
    assert a.is_contiguous()
    assert b.mT.is_contiguous()
    assert len(a) > 16, f"{len(a)} rows"
    assert a.shape[1] % 8 == b.shape[1] % 8 == 0, f"K = {a.shape[1]}, N = {b.shape[1]}"


def _waits(func, args):
    if func.overloadpacket in _WAITS:
        return True
    if func is _aten.repeat_interleave.Tensor:
        return True
    masks = args[1] if func.overloadpacket in (_aten.index, _aten.index_put) else ()
    return any(index is not None and index.dtype == torch.bool for index in masks)


class _Copies(TorchFunctionMode):
    """Refuses what looks at a tensor from the host or brings one to the device."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in _COPIES and sys._getframe(1).f_code.co_name not in _ZERO_COPY:
            raise HostAccessError(f"{getattr(func, '__name__', func)} waits for the device")
        return func(*args, **(kwargs or {}))


@contextmanager
def simulated_cuda(*, may_wait=True):
    """Have CPU tensors count as a device's and every operator run its CUDA kernel on them."""
    with simulated_device(), _Kernels(may_wait):
        if may_wait:
            yield
            return
        with _Copies():
            yield
