"""Values that eager calls find once."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Generic, ParamSpec, TypeVar

import torch
from torch import Tensor

Owner = TypeVar("Owner")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def writes(tensor: Tensor) -> int | None:
    """Return how often a tensor was written in place; None where it does not count.

    What was found of a tensor holds while it is the same one and this number stays. A tensor made
    in inference mode does not count, and writing to ``tensor.data`` is not counted.

    Examples:
        >>> tensor = torch.zeros(2)
        >>> before = writes(tensor)
        >>> writes(tensor.fill_(1)) == before
        False
    """
    return None if tensor.is_inference() else tensor._version  # noqa: SLF001


def remembered(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Keep what a pure function returned for its last thousand arguments.

    A compiled graph computes it anew while it is traced: Dynamo warns of `functools.lru_cache`.

    Examples:
        >>> make = remembered(lambda number: [number])
        >>> make(1) is make(1)
        True
    """
    cached = lru_cache(maxsize=1024)(function)

    @wraps(function)
    def call(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        if torch.compiler.is_compiling():
            return function(*arguments, **named)
        return cached(*arguments, **named)  # type: ignore[arg-type]

    return call


class Derived(Generic[Owner, Result]):
    """A property that an object without slots finds once, as a decorator.

    `functools.cached_property` takes a lock in Python 3.11, which Dynamo does not trace; here a
    compiled graph computes the value anew.

    Examples:
        >>> class Square:
        ...     side = 3
        ...     area = Derived(lambda square: [square.side**2])
        >>> square = Square()
        >>> square.area, square.area is square.area
        ([9], True)
    """

    def __init__(self, function: Callable[[Owner], Result]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type[Owner], name: str) -> None:
        self._name = name

    def __get__(self, instance: Owner, owner: type[Owner] | None = None) -> Result:
        value = self._function(instance)
        if not torch.compiler.is_compiling():
            vars(instance)[self._name] = value
        return value
