"""Numba's cache on disk, for programs that compile one kernel at the same time.

Numba numbers the files of a function's machine code by what its index holds. Two processes that
compile two versions of it at once, for other types or other constants, both find the same number
free, and later ones may run one version for the other. Files are named by what they hold here, and
the index names none that is not whole; of two indexes written at once one is lost, and its versions
are compiled anew.

Numba looks for edits in a kernel's own file only, and its machine code may hold that of functions
and emitters of other files. Here an edit of any file of kernels makes all machine code stale.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from numba.core.caching import IndexDataCacheFile

_KERNELS = Path(__file__).parents[1]


class KeyedCacheFile(IndexDataCacheFile):
    """Index and files of one function's machine code."""

    def save(self, key: Any, data: Any) -> None:
        """Write the machine code of one version, and then the index.

        Args:
            key: What distinguishes the version: types, CPU, code and constants.
            data: The machine code.
        """
        digest = hashlib.sha256(repr((self._version, self._source_stamp, key)).encode()).digest()
        name = self._data_name(int.from_bytes(digest[:8], "little"))
        self._save_data(name, data)
        self._save_index({**self._load_index(), key: name})


def enable_cache(compiler: Any) -> None:
    """Have machine code kept beside the source or in the user's cache directory, where it can be.

    Args:
        compiler: Numba's dispatcher of a function, or its `CFunc`, before it compiles.
    """
    try:
        compiler.enable_caching()
    except RuntimeError:  # no place for it: compiled anew in every process
        return
    cache = compiler._cache  # noqa: SLF001  there is no other way
    cache._cache_file = KeyedCacheFile(  # noqa: SLF001
        cache_path=cache.cache_path,
        filename_base=cache._impl.filename_base,  # noqa: SLF001
        source_stamp=(cache._impl.locator.get_source_stamp(), digest_of(_KERNELS)),  # noqa: SLF001
    )


@cache
def digest_of(folder: Path) -> str:
    """Return a digest of all Python files in a folder and below."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.py")}
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()
