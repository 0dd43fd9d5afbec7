"""Memory that kernels write to while they work, and that the next call uses again."""

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from torchapprox.kernels.compiling.record import address_of

Arrays = tuple[NDArray[Any], ...]


class Taken(NamedTuple):
    """Arrays that a call uses.

    Attributes:
        sizes: What they were made for.
        arrays: The arrays.
        addresses: Where their elements begin.
    """

    sizes: tuple[int, ...]
    arrays: Arrays
    addresses: tuple[int, ...]


class Scratch:
    """Arrays that nobody uses at present; a call takes some and gives them back.

    Several Python threads may call at once, so that they are not a kernel's own.

    Args:
        make: Makes them, for sizes; those for larger sizes serve smaller ones, too.
    """

    def __init__(self, make: Callable[..., Arrays]) -> None:
        self._make = make
        self._idle: list[Taken] = []

    def take(self, *sizes: int) -> Taken:
        """Return arrays for these sizes or larger ones."""
        try:
            found = self._idle.pop()
        except IndexError:
            return self._new(sizes)
        if all(made >= size for made, size in zip(found.sizes, sizes, strict=True)):
            return found
        return self._new(tuple(map(max, found.sizes, sizes)))

    def give_back(self, taken: Taken) -> None:
        """Let the next call use what `take` returned."""
        self._idle.append(taken)

    def _new(self, sizes: tuple[int, ...]) -> Taken:
        arrays = self._make(*sizes)
        return Taken(sizes, arrays, tuple(map(address_of, arrays)))
