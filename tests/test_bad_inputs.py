"""The page of bad inputs and the tests name each other, row by row."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| .+? \| (?P<behaviour>.+?) \| `(?P<name>[\w-]+)` \|$", re.MULTILINE)
PAGE = (ROOT / "docs/bad-inputs.md").read_text()
ROWS = {match["name"]: match["behaviour"] for match in ROW.finditer(PAGE)}


def marked_tests():
    """Yield a row's name and the source of a test that is marked with it."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if "mark.bad_input(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            for decorator in getattr(node, "decorator_list", ()):
                if ast.unparse(decorator).startswith("pytest.mark.bad_input("):
                    name = ast.literal_eval(decorator.args[0])
                    first = min(each.lineno for each in node.decorator_list)
                    yield name, "\n".join(text.splitlines()[first - 1 : node.end_lineno])


TESTS = list(marked_tests())


def test_every_row_has_a_test_and_every_test_a_row():
    assert len(ROWS) > 50
    assert set(ROWS) == {name for name, _ in TESTS}


def test_every_line_of_the_tables_is_a_row_with_a_name_of_its_own():
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    headers = [line for line in lines if line == "| input | what happens | test |"]
    assert len(ROWS) == len(lines) - len(headers)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_promises_an_error_has_a_test_that_gets_it(name):
    sources = "".join(source for row, source in TESTS if row == name)
    for error in re.findall(r"`(\w+Error)`", ROWS[name]):
        assert error in sources, f"no test of {name!r} names {error}"
