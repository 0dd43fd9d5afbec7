"""Files read into memory, of bounded size, and as text."""

from __future__ import annotations

from pathlib import Path

from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_path

MOST_BYTES = 1 << 24
"""Size above which a file is no netlist of a multiplier (16 MiB)."""


def read_bytes(path: str | Path, *, most: int = MOST_BYTES) -> bytes:
    """Return the content of a file of bounded size.

    Args:
        path: The file.
        most: Greatest size in bytes.

    Returns:
        Its content.

    Raises:
        OSError: If the file cannot be read.
        NetlistError: If the file is larger than `most`.

    Examples:
        >>> from multipliers import demo_netlist
        >>> read_bytes(demo_netlist())[:2]
        b'//'
    """
    with check_path("path", path).open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise NetlistError(f"the file must have at most {most} bytes", file=str(path))
    return content


def read_text(path: str | Path, *, most: int = MOST_BYTES) -> str:
    """Return the content of a UTF-8 file, with or without a byte order mark.

    Args:
        path: The file.
        most: Greatest size in bytes.

    Returns:
        Its text.

    Raises:
        OSError: If the file cannot be read.
        NetlistError: If the file is larger than `most`, or not UTF-8.

    Examples:
        >>> from multipliers import demo_netlist
        >>> read_text(demo_netlist()).splitlines()[-1]
        'endmodule'
    """
    content = read_bytes(path, most=most)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        message = f"byte 0x{byte:02x} is not UTF-8 text"
        raise NetlistError(message, file=str(path), line=line) from None
