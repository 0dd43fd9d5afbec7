"""What the user of the command line can mend, told in one line instead of a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


class UserError(Exception):
    """A bad file, option or folder; the message is one line."""


def mendable(step: Callable[[], Value]) -> Value:
    """Run a step whose failure is the user's to mend.

    Args:
        step: Reads, writes or checks what the user named.

    Returns:
        The step's value.

    Raises:
        UserError: If the step raises what bad input raises; other errors pass as they are.

    Examples:
        >>> mendable(lambda: int("seven"))
        Traceback (most recent call last):
        analysis.user_error.UserError: invalid literal for int() with base 10: 'seven'
    """
    try:
        return step()
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        raise UserError(f"{where}{error.strerror or error}") from error
    except (
        ArithmeticError,
        ImportError,
        LookupError,
        NotImplementedError,
        TypeError,
        ValueError,
    ) as error:
        raise UserError("; ".join(str(error).splitlines())) from error
