"""The function that a word such as `file.py:function` or `module:function` names."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import torch


def call_named(word: str, *, seed: int, read: Callable[[Any], Any]) -> Any:
    """Call a function of the user's, with random numbers of its own.

    Files and modules beside it can be imported: what lies beside the file, or in the current
    folder.

    Args:
        word: ``file.py:function`` or ``package.module:function``; called with nothing.
        seed: PyTorch's global seed meanwhile, which is as before afterwards.
        read: Takes up what the function returns, while iterables of it may still draw numbers or
            import modules.

    Returns:
        What ``read`` returns.

    Raises:
        ImportError: If the file or module cannot be imported.
        LookupError: If the word has no colon, or there is no such function.
        ValueError: If the function raises an error; tells its file and line.
    """
    place, colon, attribute = word.rpartition(":")
    if not (colon and place and attribute):
        raise LookupError(f"'{word}' must be file.py:function or module:function")
    folder = Path(place).resolve().parent if place.endswith(".py") else Path.cwd()
    with _importable(folder), torch.random.fork_rng(devices=[]):
        function = getattr(_module(place), attribute, None)
        if not callable(function):
            raise LookupError(f"{place}: there is no function '{attribute}'")
        torch.manual_seed(seed)
        try:
            return read(function())
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            raise ValueError(
                f"{word} raised {type(error).__name__}: {error} "
                f"({Path(frame.filename).name}, line {frame.lineno})"
            ) from error


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Have the modules of a folder found, behind all others."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        try:
            return import_module(place)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{place}.".startswith(f"{error.name}."):
                raise
            raise ImportError(
                f"there is no module '{place}', neither installed nor in the current folder; "
                "or name a file.py:function"
            ) from error
    spec = spec_from_file_location(Path(place).stem, place)
    if spec is None or spec.loader is None or not Path(place).is_file():
        raise ImportError(f"{place}: there is no such Python file")
    module = module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)
    spec.loader.exec_module(module)
    return module
