"""Functions of the user's: where they are found, with what numbers they run, and their errors."""

import sys

import pytest
import torch

from analysis.workloads.named_function import call_named


def called(word, seed=0):
    return call_named(word, seed=seed, read=lambda made: made)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Hold files that import one another, in the current folder."""
    (tmp_path / "beside_mine.py").write_text("VALUE = 7\n")
    (tmp_path / "module_mine.py").write_text(
        "import torch\n"
        "def value():\n    from beside_mine import VALUE\n    return VALUE\n"
        "def drawn():\n    return torch.rand(3)\n"
        "def lazy():\n    return (torch.rand(1) for _ in range(2))\n"
        "def wrong():\n    return 1 / 0\n"
        "number = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("module_mine", "beside_mine"):
        sys.modules.pop(name, None)


def test_modules_of_the_current_folder_and_files_with_what_lies_beside_them(folder, monkeypatch):
    path = list(sys.path)
    assert called("module_mine:value") == 7
    monkeypatch.chdir("/")
    assert called(f"{folder}/module_mine.py:value") == 7
    assert sys.path == path


def test_draws_are_the_seeds_and_the_global_generator_stays(folder):
    state = torch.get_rng_state()
    first, again, other = (called("module_mine:drawn", seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    lazy = [call_named("module_mine:lazy", seed=1, read=list) for _ in range(2)]
    assert torch.equal(torch.cat(lazy[0]), torch.cat(lazy[1]))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("word", "error", "message"),
    [
        ("module_mine", LookupError, "'module_mine' must be file.py:function or module:function"),
        ("module_mine:", LookupError, "'module_mine:' must be"),
        ("module_mine:absent", LookupError, "module_mine: there is no function 'absent'"),
        ("module_mine:number", LookupError, "there is no function 'number'"),
        ("no_such_module:f", ImportError, "no module 'no_such_module', neither installed nor in"),
        ("no_such.module:f", ImportError, "no module 'no_such.module', neither installed"),
        ("absent.py:f", ImportError, r"absent.py: there is no such Python file"),
        (
            "module_mine:wrong",
            ValueError,
            r"module_mine:wrong raised ZeroDivisionError: division by zero \(module_mine.py, "
            r"line 10\)",
        ),
    ],
)
def test_what_cannot_be_called_is_told(folder, word, error, message):
    with pytest.raises(error, match=message):
        called(word)


def test_a_module_that_fails_itself_is_not_called_absent(folder):
    (folder / "broken_mine.py").write_text("import no_such_library\n")
    with pytest.raises(ImportError, match="No module named 'no_such_library'"):
        called("broken_mine:make")
