"""Checking arguments of public functions: numbers within bounds, flags, paths, kinds of objects."""

from __future__ import annotations

import math
import operator
import os
from numbers import Real
from pathlib import Path
from typing import Any, get_args

import numpy as np


def check_parameter(name: str, value: Any, least: int, greatest: int | None = None) -> int:
    """Return a parameter as an int, and refuse one that is no integer or out of range.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed: an int, or what Python takes for an index, as integers of
            NumPy are.
        least: Least value that is allowed.
        greatest: Greatest value that is allowed, None if there is no bound.

    Raises:
        TypeError: If `value` is no integer, or a bool.
        ValueError: If it is out of range.

    Examples:
        >>> import numpy as np
        >>> check_parameter("k", np.int64(3), 0, 8)
        3
        >>> check_parameter("k", 9, 0, 8)
        Traceback (most recent call last):
        ValueError: 'k' must be from 0 to 8, got 9
    """
    number = integer(value)
    if number is None:
        raise TypeError(f"'{name}' must be an int, got {shown(value)}")
    if greatest is None and number < least:
        raise ValueError(f"'{name}' must be at least {least}, got {number}")
    if greatest is not None and not least <= number <= greatest:
        raise ValueError(f"'{name}' must be from {least} to {greatest}, got {number}")
    return number


def integer(value: Any) -> int | None:
    """Return what Python takes for an index as an int; None for a bool and all else.

    Examples:
        >>> import numpy as np
        >>> integer(np.uint8(3)), integer(3.0), integer(True), integer(np.True_)
        (3, None, None, None)
    """
    if type(value) is int:  # all that the compiler of PyTorch meets
        return value
    if isinstance(value, bool | np.bool_):  # NumPy 1 takes its own for an index
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def check_number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
) -> float:
    """Return a parameter as a float, and refuse one that is no number or out of range.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed.
        least: Least value that is allowed, None if there is none.
        above: Value that it must be greater than, None if there is none.
        most: Greatest value that is allowed; None for any that is finite, infinity for any.

    Raises:
        TypeError: If `value` is no int, float or scalar of NumPy, or a bool.
        ValueError: If it is out of range, also of floats, or NaN.

    Examples:
        >>> import numpy as np
        >>> check_number("percentile", np.float32(99.5), above=0, most=100)
        99.5
        >>> check_number("percentile", 0.0, above=0, most=100)
        Traceback (most recent call last):
        ValueError: 'percentile' must be above 0 and at most 100, got 0.0
        >>> check_number("peak", float("inf"), least=0)
        Traceback (most recent call last):
        ValueError: 'peak' must be finite and at least 0, got inf
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"'{name}' must be a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:  # an int beyond all floats
        number = math.nan
    if not (
        (math.isfinite(number) if most is None else number <= most)
        and (least is None or number >= least)
        and (above is None or number > above)
    ):
        bounds = {"at least": least, "above": above, "at most": most}
        words = ["finite"] if most is None else []
        words += [
            f"{word} {bound}" for word, bound in bounds.items() if bound not in (None, math.inf)
        ]
        wanted = " and ".join(words) or "a number"
        raise ValueError(f"'{name}' must be {wanted}, got {value}")
    return number


def check_flag(name: str, value: bool) -> None:
    """Refuse what is no bool, such as the text "unsigned", which counts as true.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed.

    Raises:
        TypeError: If `value` is not a bool.

    Examples:
        >>> check_flag("signed", "unsigned")
        Traceback (most recent call last):
        TypeError: 'signed' must be a bool, got 'unsigned'
    """
    if not isinstance(value, bool):
        raise TypeError(f"'{name}' must be a bool, got {shown(value)}")


def check_path(name: str, value: Any) -> Path:
    """Return the path of a file or folder as a Path, and refuse what is none.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed.

    Raises:
        TypeError: If `value` is neither a str nor a path.

    Examples:
        >>> check_path("path", "tables/drum4.npz").name
        'drum4.npz'
        >>> check_path("path", None)
        Traceback (most recent call last):
        TypeError: 'path' must be a str or a Path, got None
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"'{name}' must be a str or a Path, got {shown(value)}")
    return Path(value)


def check_kind(name: str, value: object, kind: Any, *, advice: str = "") -> None:
    """Refuse an object of another class.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed.
        kind: The class that it must have, or several.
        advice: What to do, appended to the error.

    Raises:
        TypeError: If `value` is not of the class.

    Examples:
        >>> check_kind("port", 8, str, advice="write it out")
        Traceback (most recent call last):
        TypeError: 'port' must be a str, got 8; write it out
    """
    if not isinstance(value, kind):
        advice = f"; {advice}" if advice else ""
        kinds = ["None" if each is type(None) else each.__name__ for each in get_args(kind)]
        wanted = " or ".join(kinds or [kind.__name__])
        raise TypeError(f"'{name}' must be {_article(wanted)}{wanted}, got {shown(value)}{advice}")


def _article(kind: str) -> str:
    """Return what stands before the name of a class; bytes are several."""
    if kind == "bytes":
        return ""
    return "an " if kind[0] in "AEIOUaeiou" or kind.startswith(("Htp", "nd")) else "a "


def shown(value: object) -> str:
    """Return a text or number as it is written, and the class of anything else.

    Examples:
        >>> shown("drum4"), shown([1])
        ("'drum4'", 'list')
    """
    simple = value is None or type(value) in (str, int, float, bool)
    return repr(value)[:80] if simple else type(value).__name__
