"""Executors: one that is given, made when needed, or this thread; and pools of processes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context, parent_process
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from multipliers.parameters import check_parameter


class Pool:
    """An executor that is replaced when it breaks, if whoever gave it said how.

    Several sweeps may share a pool, whose processes then start once.

    Args:
        source: An executor, a function that makes one, or this thread if None.
    """

    def __init__(self, source: Executor | Callable[[], Executor] | None) -> None:
        self._make: Callable[[], Executor] | None
        self._executor: Executor | None = None
        if source is None:
            self._make = _ThisThread
        elif isinstance(source, Executor):
            self._make, self._executor = None, source
        elif callable(source):
            self._make = source
        else:
            raise TypeError(
                "'executor' must be a concurrent.futures.Executor or a function that makes one, "
                f"got {type(source).__name__}"
            )

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Submit a call, to a new executor if there is none."""
        if self._executor is None:
            if self._make is None:
                raise RuntimeError("the executor is closed")
            self._executor = self._make()
        return self._executor.submit(function, *arguments)

    def replace(self, broken: BrokenExecutor) -> None:
        """Give the executor up; the next call gets another one.

        Raises:
            RuntimeError: If it was given as it is.
        """
        if self._make is None:
            raise RuntimeError(
                "a worker died and broke the executor; give a function that makes one, such as "
                "analysis.process_pool(2), and it will be replaced"
            ) from broken
        self.close(wait=False)

    def close(self, *, wait: bool) -> None:
        """Shut down an executor that was made here."""
        if self._make is not None and self._executor is not None:
            self._executor.shutdown(wait=wait)
            self._executor = None


ExecutorSource = Executor | Pool | Callable[[], Executor]
"""An executor, or a function that makes one, such as `process_pool(4)` or Dask's
`Client.get_executor`; or a pool that is open."""


@contextmanager
def open_pool(source: ExecutorSource | None) -> Iterator[Pool]:
    """Make a pool and close it in the end, or pass on one that is open, which stays so."""
    if isinstance(source, Pool):
        yield source
        return
    pool = Pool(source)
    try:
        yield pool
    except BaseException:
        pool.close(wait=False)
        raise
    pool.close(wait=True)


def process_pool(workers: int, *, threads: int | None = None) -> Callable[[], ProcessPoolExecutor]:
    """Return a function that makes a pool of processes, for the argument ``executor`` of a sweep.

    The processes start anew (`spawn`): one that is forked from a process with PyTorch's threads may
    hang. They import `__main__`, so that a script needs the usual ``if __name__ == "__main__":``.

    Args:
        workers: Number of processes.
        threads: Threads of PyTorch, the kernels and NumPy in each; if None, the cores of this
            machine are shared out, one at least.

    Raises:
        ValueError: If there is less than one worker or thread.

    Examples:
        >>> pool = process_pool(2)  # as in analysis.sweep(..., executor=process_pool(2))
    """
    workers = check_parameter("workers", workers, 1)
    threads = max(1, usable_cores() // workers) if threads is None else threads
    threads = check_parameter("threads", threads, 1)
    return partial(
        ProcessPoolExecutor,
        max_workers=workers,
        mp_context=get_context("spawn"),
        initializer=start_worker,
        initargs=(threads,),
    )


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _ThisThread(Executor):
    """Runs a call when it is submitted; interrupts from the keyboard pass through."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def start_worker(threads: int) -> None:
    """Prepare a worker process: the initializer of `process_pool`.

    NumPy's linear algebra has as many threads as PyTorch then, instead of one for each core in each
    worker: they wait busily for one another, and two workers with two threads each on two cores
    took four times as long. Interrupts from the keyboard are left to the parent, and the worker
    ends when the parent dies, which a worker of the standard library's pool does not.

    Args:
        threads: Of PyTorch, of the kernels and of NumPy's linear algebra.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    threadpool_limits(threads, user_api="blas")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
