r"""How deep a Verilog text is nested, before a parser sees it.

A parser in C++ calls itself once for every level, also for every operator of a chain such as
``a & b & c``, and where the stack ends the process ends, without an exception. Netlists are flat,
so that far less than that is admitted.

Counted are words of the text, not its meaning: brackets and blocks that are open at one place, and
words, operators and brackets between two separators of one level.
"""

from __future__ import annotations

import re

from multipliers.formats.verilog_macros import DEFINITION, bare_text, macro_sums
from multipliers.netlists.netlist_error import NetlistError

DEEPEST = 1 << 10
"""Most levels of brackets, and of blocks and modules."""

LONGEST = 1 << 13
"""Most words and operators in a row on one level."""

MOST_ALTERNATIVES = 1 << 12
"""Most ``else`` and ``extends`` of a file, each of which may stand in the one before it."""

_CLOSING = {"(": ")", "[": "]", "{": "}"}
# A keyword before a name opens a block; elsewhere plain Verilog may call a wire so.
_TOKEN = re.compile(
    r"`(?P<macro>\w+)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<cut>[;,])"
    r"|\b(?:(?P<block>begin|generate|fork|(?:module|macromodule|class|interface|program|package|"
    r"checker)(?=\s+[\\A-Za-z_]))|(?P<end>end|join\w*|end(?:generate|module|class|interface|"
    r"program|package|checker))|(?P<alternative>else|extends))\b"
    r"|(?P<word>\\\S+|[\w$]+|[^\s\w])"
)


def check_depth(text: str, file: str) -> None:
    r"""Raise an error for a text that is nested so deeply that a parser may not return.

    Args:
        text: Verilog whose macros `check_macros` admits.
        file: What errors call it.

    Raises:
        NetlistError: If more than 1024 brackets or blocks are open at once, if more than 8192
            words and operators stand in a row, or if there are more than 4096 ``else`` or
            ``extends``. What a macro expands to counts as if all of it were nested.

    Examples:
        >>> check_depth("assign y = " + "(a) & " * 1000 + "b;", "m.v")
        >>> check_depth("assign y = " + "(" * 2000, "m.v")
        Traceback (most recent call last):
        multipliers.netlists.netlist_error.NetlistError: m.v:1: the text is too deeply nested, it
        must have at most 1024 brackets or blocks within each other
    """
    text = bare_text(text)
    sizes: dict[str, int] = {}
    excess: dict[str, int] = {}
    branches: dict[str, int] = {}
    if "`" in text:
        sizes = macro_sums(text, lambda body: len(_kinds(body)))
        excess = macro_sums(text, _unclosed)
        branches = macro_sums(text, lambda body: _kinds(body).count("alternative"))
        text = DEFINITION.sub(lambda match: "\n" * match[0].count("\n"), text)
    expected: list[str] = []  # closing brackets of those that are open
    runs = [0]  # words in a row, on each level
    blocks = alternatives = unclosed = 0
    for token in _TOKEN.finditer(text):
        kind, size = token.lastgroup, 0
        if kind == "macro":
            size = sizes.get(token[1], 0)
            unclosed += excess.get(token[1], 0)
            alternatives += branches.get(token[1], 0)
            runs[-1] += size
        elif kind == "word":
            runs[-1] += 1
        elif kind == "open":
            runs[-1] += 1
            runs.append(0)
            expected.append(_CLOSING[token[0]])
        elif kind == "close":
            if expected and expected[-1] == token[0]:
                expected.pop()
                runs.pop()
        elif kind == "cut":
            runs[-1] = 0
        elif kind == "block":
            blocks += 1
        elif kind == "end":
            blocks = max(0, blocks - 1)
            runs[-1] = 0
        elif kind == "alternative":
            alternatives += 1
        if max(len(expected), blocks) + unclosed + size > DEEPEST:
            message = f"at most {DEEPEST} brackets or blocks within each other"
        elif runs[-1] > LONGEST:
            message = f"at most {LONGEST} words and operators in a row"
        elif alternatives > MOST_ALTERNATIVES:
            message = f"at most {MOST_ALTERNATIVES} 'else' or 'extends'"
        else:
            continue
        line = text.count("\n", 0, token.start()) + 1
        message = f"the text is too deeply nested, it must have {message}"
        raise NetlistError(message, file=file, line=line)


def _kinds(body: str) -> list[str | None]:
    return [token.lastgroup for token in _TOKEN.finditer(body)]


def _unclosed(body: str) -> int:
    kinds = _kinds(body)
    opened = kinds.count("open") + kinds.count("block")
    return max(0, opened - kinds.count("close") - kinds.count("end"))
