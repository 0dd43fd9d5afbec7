"""A hook of the build: the help of every command, in the place of a marker on its page."""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, _SubParsersAction
from unittest.mock import patch

from mkdocs.structure.pages import Page

MARKER = "<!-- help of every command -->"
COLUMNS = "80"


def sections(parser: ArgumentParser) -> str:
    """Return a section for the program and for each command, with its help as text.

    Examples:
        >>> from analysis.cli import parser
        >>> text = sections(parser())
        >>> "## torchapprox lut" in text, "usage: torchapprox lut [-h]" in text
        (True, True)
    """
    with patch.dict(os.environ, COLUMNS=COLUMNS, NO_COLOR="1"):
        parts = [_section(parser)]
        for action in parser._actions:
            if isinstance(action, _SubParsersAction):
                parts += [_section(command) for command in action.choices.values()]
    return "\n".join(parts)


def _section(parser: ArgumentParser) -> str:
    return f"## {parser.prog}\n\n```text\n{parser.format_help()}```\n"


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Put the help of today into the page."""
    if page.file.src_uri != "command-line.md":
        return markdown
    from analysis.cli import parser

    if MARKER not in markdown:
        raise ValueError(f"{page.file.src_uri} must contain {MARKER}")
    return re.sub(re.escape(MARKER), lambda _: sections(parser()), markdown)
