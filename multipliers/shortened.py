"""What messages of errors quote of files and of other errors, short enough to be read."""

from __future__ import annotations

_LONGEST = 500


def shortened(text: str) -> str:
    """Return a text, of one that is longer than 500 characters its beginning and its end.

    Args:
        text: The text.

    Returns:
        At most 505 characters.

    Examples:
        >>> shortened("net 's' has no driver")
        "net 's' has no driver"
        >>> len(shortened("s" * 1_000_000))
        505
    """
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"


def reason(error: BaseException) -> str:
    """Return what an error says, shortened, or its type where it says nothing.

    Examples:
        >>> reason(ValueError("it is empty")), reason(MemoryError())
        ('it is empty', 'MemoryError')
    """
    return shortened(str(error)) or type(error).__name__
