"""Checking arguments of public functions: numbers within bounds, flags, objects of a class."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, get_args


def check_parameter(name: str, value: int, least: int, greatest: int | None = None) -> None:
    """Refuse a parameter that is no integer or out of range.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed.
        least: Least value that is allowed.
        greatest: Greatest value that is allowed, None if there is no bound.

    Raises:
        TypeError: If `value` is not an int.
        ValueError: If it is out of range.

    Examples:
        >>> check_parameter("k", 9, 0, 8)
        Traceback (most recent call last):
        ValueError: 'k' must be from 0 to 8, got 9
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"'{name}' must be an int, got {shown(value)}")
    if greatest is None and value < least:
        raise ValueError(f"'{name}' must be at least {least}, got {value}")
    if greatest is not None and not least <= value <= greatest:
        raise ValueError(f"'{name}' must be from {least} to {greatest}, got {value}")


def check_number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
) -> None:
    """Refuse a parameter that is no number or out of range.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed.
        least: Least value that is allowed, None if there is none.
        above: Value that it must be greater than, None if there is none.
        most: Greatest value that is allowed; None for any that is finite, infinity for any.

    Raises:
        TypeError: If `value` is no int, float or scalar of NumPy, or a bool.
        ValueError: If it is out of range, or NaN.

    Examples:
        >>> check_number("percentile", 0.0, above=0, most=100)
        Traceback (most recent call last):
        ValueError: 'percentile' must be above 0 and at most 100, got 0.0
        >>> check_number("peak", float("inf"), least=0)
        Traceback (most recent call last):
        ValueError: 'peak' must be finite and at least 0, got inf
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"'{name}' must be a number, got {shown(value)}")
    number = float(value)
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
        article = "an" if wanted[0].lower() in "aeiou" else "a"
        raise TypeError(f"'{name}' must be {article} {wanted}, got {shown(value)}{advice}")


def shown(value: object) -> str:
    """Return a text or number as it is written, and the class of anything else.

    Examples:
        >>> shown("drum4"), shown([1])
        ("'drum4'", 'list')
    """
    simple = value is None or type(value) in (str, int, float, bool)
    return repr(value)[:80] if simple else type(value).__name__
