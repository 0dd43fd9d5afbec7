"""A page's examples as its reader goes through them: files are saved, commands and Python are run.

Fenced blocks are taken in the order of the page, in one folder and one Python session:

- a block with a title is a file of that name,
- `pycon` holds Python with the results that are printed,
- `console` holds commands after `$` with what they print; only `torchapprox` is run.
"""

import contextlib
import doctest
import io
import re
import shlex
from pathlib import Path

from analysis.cli import main

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
BLOCK = re.compile(
    r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.M | re.S
)


def walk(page: Path) -> int:
    """Go through a page in the current folder and return the number of examples.

    Raises:
        AssertionError: With expected and got where they differ.
    """
    session: dict[str, object] = {}
    count = 0
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        kind, title, text = block["kind"], block["title"], block["text"]
        where = (
            f"{page.name}:{page.read_text(encoding='utf-8')[: block.start()].count(chr(10)) + 1}"
        )
        if title is not None:
            Path(title).write_text(text, encoding="utf-8")
        elif kind == "pycon":
            count += run_python(text, session, where)
        elif kind == "console":
            count += run_commands(text, where)
    return count


def run_python(text: str, session: dict[str, object], where: str) -> int:
    """Run one block of Python and compare what it prints."""
    test = doctest.DocTestParser().get_doctest(text, session, where, where, 0)
    test.globs = session  # the parser copies them
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    failed, tried = runner.run(test, out=report.write, clear_globs=False)
    assert not failed, report.getvalue()
    return tried


def run_commands(text: str, where: str) -> int:
    """Run the commands of one block and compare what they print; `...` stands for anything."""
    commands = re.split(r"^\$ ", text, flags=re.M)[1:]
    for command in commands:
        line, _, expected = command.partition("\n")
        words = shlex.split(line)
        assert words[0] == "torchapprox", f"{where}: only torchapprox is run, got {line}"
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = main(words[1:])
        got = printed.getvalue()
        same = doctest.OutputChecker().check_output(expected, got, FLAGS)
        assert code == 0, f"{where}: {line} exits with {code}"
        assert same or not expected, f"{where}: {line}\nexpected\n{expected}\ngot\n{got}"
    return len(commands)
