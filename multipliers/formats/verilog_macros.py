r"""How long a Verilog text gets when its macros are expanded, before anything expands them.

Each macro may use the one before it twice, so that forty lines stand for a terabyte, and an
``include`` reads whichever file it names. Structural netlists need neither, so that these are
refused before a parser sees them:

    length(macro) = characters of its body + sum of length(used macro)
    length(text) = characters of the text + sum of length(used macro)

An upper bound: several definitions of one name count together.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from multipliers.bounded_file import MOST_BYTES
from multipliers.netlists.netlist_error import NetlistError

# Every alternative matches whatever follows its beginning, so that no text is scanned twice.
_STRING_OR_COMMENT = re.compile(
    r'"(?:\\.|[^"\\\n])*"?|//[^\n]*|/\*(?:.*?\*/|.*\Z)', flags=re.DOTALL
)
DEFINITION = re.compile(r"`define[ \t]+(\w+)(\(?)((?:\\\r?\n|[^\n])*)")
"""A macro: name, an opening parenthesis where it has arguments, and body."""

_USE = re.compile(r"`(\w+)")


def check_macros(text: str, file: str) -> None:
    r"""Raise an error for a text that includes files, or that macros would make too long.

    Args:
        text: Verilog.
        file: What errors call it.

    Raises:
        NetlistError: If it has an include, a macro with arguments, or more than 16 MiB once its
            macros are expanded.

    Examples:
        >>> check_macros("`define W 8\nmodule m(input [`W-1:0] a); endmodule", "m.v")
        >>> check_macros('`include "cells.v"', "m.v")
        Traceback (most recent call last):
        multipliers.netlists.netlist_error.NetlistError: m.v:1: other files are not included; put
        their modules into this one
    """
    if "`" not in text:
        return
    bare = bare_text(text)
    for definition in DEFINITION.finditer(bare):
        name, parenthesis, body = definition.groups()
        if parenthesis or "``" in body or "`define" in body:
            what = "has arguments" if parenthesis else "makes names or macros"
            message = f"macro '{name}' {what}; expand it with a preprocessor first"
            raise NetlistError(message, file=file, line=_line(bare, definition))
    if include := re.search(r"`include\b", bare):
        message = "other files are not included; put their modules into this one"
        raise NetlistError(message, file=file, line=_line(bare, include))
    lengths = macro_sums(bare, len)
    length = len(bare)
    for use in _USE.finditer(DEFINITION.sub("", bare)):
        length += lengths.get(use[1], 0)
    if length > MOST_BYTES:
        raise NetlistError(
            f"the text must have at most {MOST_BYTES} characters once its macros are expanded; "
            "expand them with a preprocessor to see what they make",
            file=file,
        )


def bare_text(text: str) -> str:
    """Return Verilog without strings and comments; lines stay the same lines.

    Args:
        text: Verilog.

    Returns:
        The rest.

    Examples:
        >>> bare_text("wire a; // (")
        'wire a;  '
    """
    return _STRING_OR_COMMENT.sub(lambda match: "\n" * match[0].count("\n") or " ", text)


def macro_sums(bare: str, measure: Callable[[str], int]) -> dict[str, int]:
    r"""Return the measure of every macro once it is expanded, no more than is of interest.

    A macro that uses itself counts once; the parser refuses it.

    Args:
        bare: Verilog without strings and comments.
        measure: Takes a macro's body, and adds up over what the body uses.

    Returns:
        Sums by the names of the macros.

    Examples:
        >>> macro_sums("`define A 1+1\n`define B `A+`A", lambda body: body.count("+"))
        {'A': 1, 'B': 3}
    """
    bodies: dict[str, str] = {}
    for definition in DEFINITION.finditer(bare):
        name, _, body = definition.groups()
        bodies[name] = f"{bodies.get(name, '')}{body}"
    sums: dict[str, int] = {}
    begun: set[str] = set()
    pending = list(bodies)[::-1]
    while pending:
        name = pending.pop()
        if name in sums:
            continue
        used = [use for use in _USE.findall(bodies[name]) if use in bodies]
        if name in begun:  # and what it uses is done
            total = measure(bodies[name]) + sum(sums.get(use, 0) for use in used)
            sums[name] = min(total, MOST_BYTES + 1)
            continue
        begun.add(name)
        pending += [name, *(use for use in used if use not in begun)]
    return sums


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1
