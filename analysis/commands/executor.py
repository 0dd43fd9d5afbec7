"""Where the jobs of a command run, as its words say."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from analysis.commands.arguments import positive

if TYPE_CHECKING:
    from analysis.sweeps.executors import ExecutorSource


def add_executor(command: argparse.ArgumentParser) -> None:
    """Add the choice between this process, several processes and a cluster."""
    command.add_argument(
        "--workers", metavar="N", type=positive, help="processes (default: this one alone)"
    )
    command.add_argument(
        "--dask", metavar="ADDRESS", help="a Dask scheduler whose workers see the folder"
    )


def chosen_executor(workers: int | None, dask: str | None) -> tuple[ExecutorSource | None, int]:
    """Return the executor that the command line asks for, and how many jobs keep it busy.

    Args:
        workers: Number of processes; this thread if None.
        dask: Address of a Dask scheduler.

    Raises:
        ImportError: If Dask is not installed.
        OSError: If there is no scheduler.
        ValueError: If both are given.
    """
    from analysis.sweeps import process_pool

    if dask is None:
        return (None, 1) if workers is None else (process_pool(workers), 2 * workers)
    if workers is not None:
        raise ValueError("--workers and --dask exclude each other")
    try:
        from distributed import Client  # an extra
    except ImportError as error:
        raise ImportError("--dask needs Dask: pip install 'torchapprox[distributed]'") from error
    client: Any = Client(dask)  # type: ignore[no-untyped-call]
    return client.get_executor, 2 * max(1, sum(client.nthreads().values()))
