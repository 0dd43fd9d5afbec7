"""A file of results that grows record by record, and survives the processes that write it.

JSON lines: a header, then one record a line, which any text tool and `pandas.read_json` can read
while a sweep goes on. A record is appended under a lock between processes and forced to the disk
before `ResultsStore.add` returns. Whoever is killed in the middle of a record leaves a line without
an end, which the next one to hold the lock cuts off; nothing else can be lost or torn. The lock
also lets every writer see the records of the others first, so that none is written twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import pandas as pd

from multipliers.bounded_json import read_json
from multipliers.parameters import check_kind, check_path

FORMAT = "torchapprox results"
VERSION = 1

_HEADER = json.dumps({"format": FORMAT, "version": VERSION}).encode() + b"\n"


def content_key(inputs: Mapping[str, Any]) -> str:
    """Return the SHA-256 of everything that a result depends on, 64 hexadecimal digits.

    Args:
        inputs: What JSON can say; the order of keys does not matter.

    Raises:
        TypeError: If something is not for JSON.
        ValueError: If a number is not finite.

    Examples:
        >>> content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
        True
    """
    return hashlib.sha256(_json(dict(inputs)).encode()).hexdigest()


def check_context(context: Mapping[str, Any]) -> None:
    """Refuse what else results depend on if a store cannot hold it.

    Args:
        context: As `analysis.sweep` takes it.

    Raises:
        TypeError: If it is no mapping, or something in it is not for JSON.
        ValueError: If a number is not finite, or something contains itself.

    Examples:
        >>> check_context({"model": {1, 2}})
        Traceback (most recent call last):
        TypeError: 'context' must be what JSON can say, texts, numbers, lists and dicts with texts
        as keys: Object of type set is not JSON serializable
    """
    check_kind("context", context, Mapping)
    try:
        content_key(context)
    except (TypeError, ValueError) as error:
        raise type(error)(
            "'context' must be what JSON can say, texts, numbers, lists and dicts with texts as "
            f"keys: {error}"
        ) from None


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One line of a store.

    Attributes:
        inputs: What the result depends on; `content_key` of it is the record's key.
        result: What came out.
    """

    inputs: Mapping[str, Any]
    result: Mapping[str, Any]


class ResultsStore:
    """Results on disk by what they depend on; several processes may write into one file.

    A file whose last record was cut off, by a kill or a full disk, is repaired with a warning.

    Args:
        path: The file; made with its folder if absent. A lock file appears beside it.

    Raises:
        OSError: If the file cannot be read or written.
        ValueError: If the file is something else, of another version or damaged.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = ResultsStore(Path(folder, "results.jsonl"))
        ...     store.add({"x": 2}, {"square": 4}), store.add({"x": 2}, {"square": 4})
        ...     ResultsStore(store.path).get({"x": 2})
        (True, False)
        {'square': 4}
    """

    path: Path

    def __init__(self, path: str | Path) -> None:
        self.path = check_path("path", path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = filelock.FileLock(f"{self.path}.lock")
        self._records: dict[str, Record] = {}
        self._bytes_read = 0
        self._lines_read = 0
        with self._lock:
            self._read_others()

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def get(self, inputs: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the result that depends on `inputs`, None if there is none yet."""
        record = self._records.get(content_key(inputs))
        return None if record is None else record.result

    def add(self, inputs: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
        """Append a result; it is on the disk when this returns.

        Args:
            inputs: What the result depends on, as JSON can say it.
            result: Likewise; `None` where a number is not finite.

        Returns:
            Whether it was new. Of several results of the same inputs the first one counts.

        Raises:
            OSError: If it cannot be written; the file is then as it was.
            TypeError: If something is not for JSON.
            ValueError: If a number is not finite, or the file was damaged meanwhile.
        """
        key = content_key(inputs)
        line = _json({"key": key, "inputs": inputs, "result": result}).encode() + b"\n"
        with self._lock:
            self._read_others()
            if key in self._records:
                return False
            self._append(line)
        self._records[key] = Record(json.loads(_json(inputs)), json.loads(_json(result)))
        self._lines_read += 1
        return True

    def refresh(self) -> int:
        """Read what other processes have added; return the number of their records."""
        before = len(self)
        with self._lock:
            self._read_others()
        return len(self) - before

    def frame(self) -> pd.DataFrame:
        """Return one row per record, in the order of the file, with all inputs and results.

        Nested values get columns with dots, such as `assignment.conv`.
        """
        rows = [{**record.inputs, **record.result} for record in self]
        return pd.json_normalize(rows) if rows else pd.DataFrame()

    def _append(self, line: bytes) -> None:
        try:
            with self.path.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            os.truncate(self.path, self._bytes_read)
            raise
        self._bytes_read += len(line)

    def _read_others(self) -> None:
        """Read on to the end of the file; the caller holds the lock."""
        if not self.path.exists() and self._bytes_read == 0:
            self.path.touch()
        with self.path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size < self._bytes_read:
                raise ValueError(
                    f"{self.path}: must only grow, got {size} bytes after {self._bytes_read}"
                )
            file.seek(self._bytes_read)
            added = file.read(size - self._bytes_read)
            whole, tail = _split_tail(added)
            if self._bytes_read == 0 and not whole:
                if not _HEADER.startswith(tail):
                    raise self._foreign()
                # Absent, empty, or cut off in its header.
                file.seek(0)
                file.write(_HEADER)
                file.truncate()
                os.fsync(file.fileno())
                whole, tail = _HEADER, b""
            for line in whole.splitlines(keepends=True):
                self._read_line(line)
                self._bytes_read += len(line)
                self._lines_read += 1
            if tail:
                file.truncate(self._bytes_read)
                warnings.warn(
                    f"{self.path}: the last record was cut off after {len(tail)} bytes, by a kill "
                    f"or a full disk, and is dropped; the {len(self)} records before it are whole",
                    stacklevel=4,
                )

    def _read_line(self, line: bytes) -> None:
        if self._lines_read == 0:
            self._check_header(line)
            return
        try:
            content = read_json(line)
            record = Record(content["inputs"], content["result"])
            key = content_key(record.inputs)
            if content["key"] != key:
                raise ValueError(f"its key must be {key}, got {content['key']}")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{self.path}:{self._lines_read + 1}: the record is damaged: {error}; remove the "
                "line to have its job run again"
            ) from error
        self._records.setdefault(key, record)

    def _check_header(self, line: bytes) -> None:
        try:
            header = read_json(line)
        except ValueError:
            header = None
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise self._foreign()
        if header.get("version") != VERSION:
            raise ValueError(
                f"{self.path}: the store is of version {header.get('version')}, this program reads "
                f"version {VERSION}; name another file"
            )

    def _foreign(self) -> ValueError:
        return ValueError(
            f"{self.path}: not a store of results, which starts with the line "
            f"{_HEADER.decode().strip()}; name another file"
        )


def _split_tail(content: bytes) -> tuple[bytes, bytes]:
    r"""Return whole lines, and what follows the last end of a line.

    Examples:
        >>> _split_tail(b"whole\nalso\ncut o")
        (b'whole\nalso\n', b'cut o')
    """
    end = content.rfind(b"\n") + 1
    return content[:end], content[end:]


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
