"""Compilation of CPU kernels."""

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any

from torchapprox.kernels.compiling.cpu_kernel import compiles


class CpuKernel:
    """A function that is compiled at its first call, without the global interpreter lock.

    Numba is loaded then, too, which takes a quarter of a second. The machine code is cached on disk
    (`kernel_cache`). Where that cannot be, the kernel is compiled anew in every process.

    Args:
        function: What to compile; it may call other kernels of its file.
        inner: Whether only other kernels call it, whose machine code includes its own.

    Examples:
        >>> twice = CpuKernel(lambda x: 2 * x)
        >>> twice(3)
        6
    """

    def __init__(self, function: Callable[..., Any], *, inner: bool = False) -> None:
        self._function, self._inner = function, inner
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns."""
        return self.dispatcher(*arguments)

    @cached_property
    def dispatcher(self) -> Any:
        """Numba's compiler of the function, and what it has compiled."""
        import numba  # noqa: PLC0415  which takes a while to load

        njit: Any = numba.njit
        # Each way to call a kernel takes time to compile; Numba makes three unless told otherwise.
        options = {"nogil": True, "no_cfunc_wrapper": True, "no_cpython_wrapper": self._inner}
        dispatcher = njit(**options)(self._function)
        if not self._inner and compiles():
            from torchapprox.kernels.compiling.kernel_cache import enable_cache  # noqa: PLC0415  as above

            enable_cache(dispatcher)
        return dispatcher

    def __reduce__(self) -> tuple[Any, ...]:
        """What stands for a kernel in the key of Numba's cache where another one calls it."""
        function: Any = self._function
        cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
        return tuple, ((function.__module__, function.__qualname__, *cells),)

    @property
    def _numba_type_(self) -> Any:
        """What a kernel is to Numba where another one calls it."""
        return self.dispatcher._numba_type_


def jit_cpu(function: Callable[..., Any]) -> CpuKernel:
    """Make a function a `CpuKernel`, as a decorator."""
    return CpuKernel(function)
