"""Files written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, or leave an older one as it was.

    Args:
        path: The file.
        content: What to write.

    Raises:
        FileNotFoundError: If the file's folder does not exist.
        IsADirectoryError: If it is a folder.
        OSError: If the file cannot be written; an older one is still as it was.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_whole(Path(folder) / "a.txt", b"whole")
        ...     [path.name for path in Path(folder).iterdir()]
        ['a.txt']
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent} to write into")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: it is a folder; name a file in it")
    # Beside the target, so that the last step is one rename within a file system.
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
