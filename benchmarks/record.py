"""What a benchmark printed, as a file: figures, command, date, machine and versions.

Every script ends in ``recorded(main)``, which gives it three options more:

    --json     write what is printed to benchmarks/results/NAME.json as well
    --shared   say in it that other programs ran on the machine meanwhile
    --apart    write it to NAME-KERNEL.json, beside records of CPUs with other look-up kernels

`benchmarks.page` makes the page of measured results from these files.
"""

import contextlib
import io
import json
import platform
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import torch

from analysis.reports.reproducible import software_versions
from analysis.version import package_version
from multipliers.whole_file import write_whole
from torchapprox.kernels.compiling.cpu_kernel import available_kernels
from torchapprox.operators.engine.calibration import processor

RESULTS = Path(__file__).parent / "results"
OPTIONS = ("--json", "--shared", "--apart")

Part = dict[str, Any]


def recorded(main: Callable[[], None]) -> None:
    """Run a script's `main` with the words of the command line, and write what it printed."""
    name = Path(sys.argv[0]).stem
    asked = {option: option in sys.argv for option in OPTIONS}
    sys.argv = [word for word in sys.argv if word not in OPTIONS]
    command = shlex.join(["python", "-m", f"benchmarks.{name}", *sys.argv[1:]])
    printed = io.StringIO()
    with contextlib.redirect_stdout(_Both(sys.stdout, printed)):  # type: ignore[type-var]
        main()
    if asked["--json"]:
        content = record(name, command, printed.getvalue().splitlines(), shared=asked["--shared"])
        file = f"{name}-{available_kernels()[0]}" if asked["--apart"] else name
        write_whole(RESULTS / f"{file}.json", (json.dumps(content, indent=1) + "\n").encode())


def record(name: str, command: str, lines: Sequence[str], *, shared: bool) -> dict[str, Any]:
    """Return a record of printed lines and of the machine that printed them."""
    return {
        "benchmark": name,
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "shared": shared,
        "machine": {
            "processor": processor(),
            "threads": torch.get_num_threads(),
            "kernel": available_kernels()[0],
            "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {**software_versions(), "torchapprox": package_version()},
        "parts": list(parts(lines)),
    }


def parts(lines: Sequence[str]) -> Iterator[Part]:
    """Yield tables of Markdown as columns and rows, and what is between them as lines.

    Examples:
        >>> list(parts(["Two:", "", "| a | b |", "|---|---|", "| 1 | 2 |"]))
        [{'lines': ['Two:']}, {'columns': ['a', 'b'], 'rows': [['1', '2']]}]
    """
    waiting = list(lines)
    while waiting:
        is_table = waiting[0].startswith("|")
        taken = []
        while waiting and waiting[0].startswith("|") == is_table:
            taken.append(waiting.pop(0))
        if is_table:
            head, _, *rows = (_cells(line) for line in taken)
            yield {"columns": head, "rows": rows}
        elif any(line.strip() for line in taken):
            yield {"lines": "\n".join(taken).strip("\n").splitlines()}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


class _Both(io.TextIOBase):
    """Writes to two streams."""

    def __init__(self, *streams: TextIO) -> None:
        self._streams = streams

    def write(self, text: str) -> int:
        for stream in self._streams:
            stream.write(text)
        return len(text)

    def flush(self) -> None:
        for stream in self._streams:
            stream.flush()
