"""Every tutorial does what it says, from its first block to its last."""

from pathlib import Path

import pytest

from tests.documentation.walkthrough import run_commands, run_python, walk

ROOT = Path(__file__).parents[2]
TUTORIALS = sorted(ROOT.glob("docs/tutorials/*.md"))


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_tutorial(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert walk(page) > 0


def test_a_wrong_result_of_python_is_found():
    with pytest.raises(AssertionError, match="Expected"):
        run_python(">>> 1 + 1\n3\n", {}, "page")


def test_a_wrong_line_of_a_command_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError, match="expected\nanother multiplier"):
        run_commands("$ torchapprox characterise drum4\nanother multiplier\n", "page")


def test_a_failing_command_is_found():
    with pytest.raises(AssertionError, match="exits with 1"):
        run_commands("$ torchapprox lut absent.v -o absent.npz\n", "page")
