"""Pieces of CPU kernels that are compiled by themselves and called by their address.

A kernel that took its pieces' code into itself would compile all of them again for each shape of a
table and each type of a result, in seconds. A piece is compiled and cached once, when a kernel that
calls it (`call` of `vector_memory`) first needs it. Integers and addresses are passed alike by the
conventions of 64-bit CPUs, so that any piece is called with integers.

What many pieces need is a record (`compiling/record.py`), of which they take the address.
"""

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from torchapprox.kernels.compiling.record import is_record, layout_of

_OPTIONS = {"error_model": "numpy"}


class Piece:
    """A function without a result of 64-bit integers, some of which are addresses.

    A division by 0 is not noticed.

    Args:
        function: What to compile.
        pointers: By argument, what is at the address that it is: the type of the elements, or the
            named tuple of a record.

    Attributes:
        function: The function.
        pointers: What is at its addresses.
    """

    def __init__(self, function: Callable[..., None], pointers: dict[str, type[Any]]) -> None:
        self.function, self.pointers = function, pointers

    @property
    def address(self) -> int:
        """Where the machine code begins; compiles it."""
        return self._code[1]

    @cached_property
    def _code(self) -> tuple[Any, int]:
        """Numba's object, which holds the machine code, and its address."""
        import numba  # noqa: PLC0415  which takes a while to load
        from numba import types  # noqa: PLC0415
        from numba.core.ccallback import CFunc  # noqa: PLC0415

        from torchapprox.kernels.compiling.kernel_cache import enable_cache  # noqa: PLC0415

        def kind_of(target: Any) -> Any:
            if is_record(target):
                record: Any = layout_of(target)
                return numba.from_dtype(record)
            return types.CPointer(numba.from_dtype(np.dtype(target)))

        kinds = {name: kind_of(target) for name, target in self.pointers.items()}
        names = inspect.signature(self.function).parameters
        signature = types.void(*[kinds.get(name, types.int64) for name in names])
        # What `numba.cfunc` does, but for the cache.
        code = CFunc(self.function, (signature.args, signature.return_type), {}, _OPTIONS)
        enable_cache(code)
        code.compile()
        address: Any = code.address
        return code, int(address)


def piece_cpu(**pointers: type[Any]) -> Callable[[Callable[..., None]], Piece]:
    """Return a decorator that makes a function a `Piece`; arguments as its ``pointers``."""
    return lambda function: Piece(function, pointers)
