"""JSON of strangers: of bounded size and depth, any fault one kind of error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from multipliers.parameters import check_kind, check_path

MOST_CHARACTERS = 1 << 24
"""Size above which a text is none of this package's files (16 Mi characters)."""


def read_json(text: str | bytes, *, most: int = MOST_CHARACTERS) -> Any:
    """Return what a JSON text says.

    Time and memory grow in proportion to the text, whose size is bounded.

    Args:
        text: The text; bytes are UTF-8. A byte order mark, as some editors write, may come first.
        most: Greatest number of characters, or bytes.

    Returns:
        Dictionaries, lists, texts, numbers, truth values and None.

    Raises:
        TypeError: If `text` is neither a str nor bytes.
        ValueError: If the text is too long, nested too deeply, not UTF-8 or not JSON.

    Examples:
        >>> read_json('{"layers": ["conv"]}')
        {'layers': ['conv']}
        >>> read_json("[" * 100_000)
        Traceback (most recent call last):
        ValueError: the JSON must not be nested as deeply as this
    """
    check_kind("text", text, str | bytes)
    if len(text) > most:
        raise ValueError(f"the JSON must have at most {most} characters, got {len(text)}")
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        return json.loads(decoded.removeprefix("\ufeff"))
    except RecursionError:
        raise ValueError("the JSON must not be nested as deeply as this") from None


def json_bytes(path: str | Path, *, most: int = MOST_CHARACTERS) -> bytes:
    """Return a file's content for `read_json`; of one that is too large, only what shows it.

    Args:
        path: The file.
        most: As `read_json` takes it.

    Raises:
        OSError: If the file cannot be read.

    Examples:
        >>> len(json_bytes("/dev/zero", most=10))
        11
    """
    with check_path("path", path).open("rb") as file:
        return file.read(most + 1)
