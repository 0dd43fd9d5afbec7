"""Values that eager calls find once."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

import torch

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
