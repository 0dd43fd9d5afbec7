"""The error that a bad netlist file raises."""

from __future__ import annotations

from multipliers.shortened import shortened


class NetlistError(ValueError):
    """A netlist that cannot be read or built, with the place where it went wrong.

    The message starts with ``file:line: `` where these are known, so that editors can jump there.

    Args:
        message: What was wanted, what came and what to do; of what is longer than 500 characters,
            as names in files may be, the middle is left out.
        file: Path of the netlist file, None for a netlist that was built in memory.
        line: Line in `file`, counted from 1, None where the error concerns the file as a whole.

    Examples:
        >>> print(NetlistError("net 's' has no driver", file="mul.v", line=12))
        mul.v:12: net 's' has no driver
        >>> print(NetlistError("the file is empty", file="mul.v"))
        mul.v: the file is empty
    """

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(place + shortened(message))
        self.file = file
        self.line = line
