"""Numba's simulator without what takes it most of its time.

It starts a thread of the system for each of a block's, and asks each in turn, without a pause,
whether it has come to a barrier; meanwhile they wait for the interpreter lock, which the asking
takes. Here they are coroutines: one runs until its next barrier or its end, then the next one. The
order turns at each barrier, so that a thread that reads what another one has not yet written is
noticed whichever comes first.

It also looks at the whole stack where shared memory is asked for, replaces a module's ``cuda`` for
each call of a device function, and passes each access to an array through two classes, which only
structured arrays need.
"""

import sys
from types import SimpleNamespace

import numpy as np
from greenlet import greenlet
from numba.core import types
from numba.cuda.simulator import kernel, kernelapi
from numba.np import numpy_support


class Thread(kernel.BlockThread):
    """A thread of a block that runs when it is told to, up to its next barrier or its end."""

    running = None

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.waits = False  # at a barrier
        self._switch = greenlet(self.run)

    def proceed(self):
        """Let it run."""
        Thread.running, self.waits = self, False
        self._switch.switch()

    def syncthreads(self):
        self.waits = True
        self._switch.parent.switch()
        if self.abort:
            raise RuntimeError("another thread of the block failed")


class Block(kernel.BlockManager):
    """Runs the threads of a block."""

    def run(self, grid_point, *arguments):
        def target():
            self._f(*arguments)

        places = np.ndindex(*self._block_dim)
        threads = [Thread(target, self, grid_point, place, self._debug) for place in places]
        while threads:
            for thread in threads:
                thread.proceed()
                if thread.exception:
                    _give_up(threads)
                    raise thread.exception[0].with_traceback(thread.exception[1])
            threads = [thread for thread in reversed(threads) if thread.waits]


def _give_up(threads):
    for thread in threads:
        if thread.waits:
            thread.abort = True
            thread.proceed()


class Shared(kernelapi.FakeCUDAShared):
    """Shared memory, by the line that asks for it."""

    def array(self, shape, dtype):
        if shape == 0:
            return super().array(shape, dtype)
        dtype = numpy_support.as_dtype(dtype) if isinstance(dtype, types.Type) else dtype
        frame = sys._getframe(1)
        line = frame.f_code.co_filename, frame.f_lineno
        if line not in self._allocations:
            self._allocations[line] = np.empty(shape, dtype)
        return self._allocations[line]


def install():
    """Have the simulator use these."""
    call = kernel.FakeCUDAKernel.__call__

    def call_at_once(self, *arguments):
        function = self.fn
        if self._device and (
            "cuda" not in function.__code__.co_names
            or function.__globals__["cuda"] is kernel._get_kernel_context()
        ):
            return function(*arguments)
        return call(self, *arguments)

    kernel.FakeCUDAKernel.__call__ = call_at_once
    kernel.FakeWithinKernelCUDAArray = lambda array: array._ary
    kernel.BlockManager, kernelapi.FakeCUDAShared = Block, Shared
    # Asked by the kernels who they are.
    kernelapi.threading = SimpleNamespace(current_thread=lambda: Thread.running)
