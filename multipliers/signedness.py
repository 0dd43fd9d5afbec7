"""Which operands of a circuit are signed: stated by the caller or by the file, never guessed."""

from __future__ import annotations

import re
from pathlib import Path

Signedness = bool | tuple[bool, bool] | None
"""One answer for both operands, one for each, or None: take it from the file."""

_NAME = re.compile(r"mul\d+(?:x\d+)?([su])_")
_FOLDER = re.compile(r"(?:mul_)?\d+x\d+_(un)?signed")


def resolve_signedness(
    signed: Signedness,
    *names: str,
    declared: tuple[bool, ...] | None = None,
    folder: Path | None = None,
) -> tuple[bool, bool]:
    """Return whether the first and the second operand are signed.

    Args:
        signed: The caller's statement, None to take it from the others.
        names: Names of circuit and file, of which one may begin with ``mul8s_`` (signed) or
            ``mul8u_`` (unsigned) as in EvoApproxLib; any width will do.
        declared: Signedness of both ports where the circuit's file declares it, as Verilog's
            ``input signed [7:0] a`` does.
        folder: The file's folder; it or one above it may be named as in EvoApproxLib,
            ``8x8_signed`` or ``8x8_unsigned``.

    Returns:
        Signedness of the first and of the second operand.

    Raises:
        TypeError: If `signed` is not a bool, a pair of them or None.
        ValueError: If it is None and the others state nothing or contradict each other.

    Examples:
        >>> resolve_signedness(None, "mul8s_1KV8")
        (True, True)
        >>> resolve_signedness((False, True), "mul8s_1KV8")
        (False, True)
        >>> resolve_signedness(None, "top", declared=(False, True))
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
    stated = {
        repr(name): (match[1] == "s",) * 2 for name in names if (match := _NAME.match(name))
    } | {f"folder {name!r}": (flag,) * 2 for name, flag in folder_signedness(folder)}
    if declared is not None and len(declared) == 2:
        stated["the ports' declarations"] = (declared[0], declared[1])
    if len(set(stated.values())) == 1:
        return next(iter(stated.values()))
    problem = "contradict each other about" if stated else "does not state"
    shown = " and ".join(stated or dict.fromkeys(map(repr, names)))
    if not stated and len(set(names)) > 1:
        problem = "do not state"
    raise ValueError(
        f"{shown} {problem} whether the operands are signed (mul8s_..., mul8u_...); "
        "pass signed=True, signed=False or a pair such as signed=(False, True) "
        "(--signed, --unsigned or --signs us on the command line)"
    )


def folder_signedness(folder: Path | None) -> list[tuple[str, bool]]:
    """Return the folders on a path that state a signedness, and which.

    Examples:
        >>> folder_signedness(Path("multiplers/8x8_unsigned/pareto_pwr_mae"))
        [('8x8_unsigned', False)]
    """
    names = () if folder is None else folder.parts
    return [(name, not match[1]) for name in names if (match := _FOLDER.fullmatch(name))]
