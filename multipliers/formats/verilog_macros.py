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

from multipliers.formats.text import MOST_BYTES
from multipliers.netlists.netlist_error import NetlistError

# Every alternative matches whatever follows its beginning, so that no text is scanned twice.
_STRING_OR_COMMENT = re.compile(
    r'"(?:\\.|[^"\\\n])*"?|//[^\n]*|/\*(?:.*?\*/|.*\Z)', flags=re.DOTALL
)
_DEFINITION = re.compile(r"`define[ \t]+(\w+)(\(?)((?:\\\r?\n|[^\n])*)")
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
    bare = _STRING_OR_COMMENT.sub(lambda match: "\n" * match[0].count("\n") or " ", text)
    bodies: dict[str, str] = {}
    for definition in _DEFINITION.finditer(bare):
        name, parenthesis, body = definition.groups()
        if parenthesis or "``" in body or "`define" in body:
            what = "has arguments" if parenthesis else "makes names or macros"
            message = f"macro '{name}' {what}; expand it with a preprocessor first"
            raise NetlistError(message, file=file, line=_line(bare, definition))
        bodies[name] = f"{bodies.get(name, '')}{body}"
    if include := re.search(r"`include\b", bare):
        message = "other files are not included; put their modules into this one"
        raise NetlistError(message, file=file, line=_line(bare, include))
    lengths = _lengths(bodies)
    length = len(bare)
    for use in _USE.finditer(_DEFINITION.sub("", bare)):
        length += lengths.get(use[1], 0)
    if length > MOST_BYTES:
        raise NetlistError(
            f"the text must have at most {MOST_BYTES} characters once its macros are expanded; "
            "expand them with a preprocessor to see what they make",
            file=file,
        )


def _lengths(bodies: dict[str, str]) -> dict[str, int]:
    """Return the length of every macro once it is expanded, no more than is of interest.

    A macro that uses itself counts once; the parser refuses it.
    """
    lengths: dict[str, int] = {}
    begun: set[str] = set()
    pending = list(bodies)
    while pending:
        name = pending.pop()
        if name in lengths:
            continue
        used = [use for use in _USE.findall(bodies[name]) if use in bodies]
        if name in begun:  # and what it uses is done
            length = len(bodies[name]) + sum(lengths.get(use, 0) for use in used)
            lengths[name] = min(length, MOST_BYTES + 1)
            continue
        begun.add(name)
        pending += [name, *(use for use in used if use not in begun)]
    return lengths


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1
