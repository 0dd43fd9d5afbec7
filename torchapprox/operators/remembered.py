"""Values that eager calls find once."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Generic, ParamSpec, TypeVar

import torch

Owner = TypeVar("Owner")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


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
