"""Which operands of a circuit are signed: stated by the caller or by its name, never guessed."""

from __future__ import annotations

import re

Signedness = bool | tuple[bool, bool] | None
"""One answer for both operands, one for each, or None: take it from the name."""

_NAME = re.compile(r"mul\d+(?:x\d+)?([su])_")


def resolve_signedness(signed: Signedness, *names: str) -> tuple[bool, bool]:
    """Return whether the first and the second operand are signed.

    Args:
        signed: The caller's statement, None to take it from the names.
        names: Names of circuit and file, of which one has to begin with ``mul8s_`` (signed) or
            ``mul8u_`` (unsigned) as in EvoApproxLib; any width will do.

    Returns:
        Signedness of the first and of the second operand.

    Raises:
        TypeError: If `signed` is not a bool, a pair of them or None.
        ValueError: If it is None and the names state nothing or contradict each other.

    Examples:
        >>> resolve_signedness(None, "mul8s_1KV8")
        (True, True)
        >>> resolve_signedness((False, True), "mul8s_1KV8")
        (False, True)
    """
    if isinstance(signed, bool):
        return signed, signed
    if isinstance(signed, tuple):
        if len(signed) == 2 and all(isinstance(flag, bool) for flag in signed):
            return signed
        raise TypeError(f"'signed' must be a bool, a pair of bools or None, got {signed!r}")
    if signed is not None:
        raise TypeError(f"'signed' must be a bool, a pair of bools or None, got {signed!r}")
    stated = {match[1] for name in names if (match := _NAME.match(name))}
    if len(stated) == 1:
        return (stated == {"s"},) * 2
    shown = " and ".join(repr(name) for name in dict.fromkeys(names))
    if stated:
        problem = "contradict each other about"
    else:
        problem = "do not state" if len(set(names)) > 1 else "does not state"
    raise ValueError(
        f"{shown} {problem} whether the operands are signed (mul8s_..., mul8u_...); "
        "pass signed=True, signed=False or a pair such as signed=(False, True)"
    )
