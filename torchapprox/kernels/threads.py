"""Blocks of work for kernels that release the global interpreter lock, on several threads.

The threads are those of the OpenMP runtime that the process has loaded for all to see, which is
PyTorch's. Its threads keep a core busy for some milliseconds after each parallel operation, waiting
for the next; a pool of one's own would share the cores with them, and a kernel between two of
PyTorch's operations ran at half its speed.

A small pool of our own takes over where there is no such runtime, and after a fork, which OpenMP's
threads do not survive. Numba's own threading layers are not safe here: ``omp`` kills forked
children and ``workqueue`` aborts the process when two Python threads enter.
"""

import ctypes
import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

_lock = threading.Lock()
_pool: tuple[int, int, ThreadPoolExecutor] | None = None
_forked = False


def for_each_block(
    task: Callable[[int, int], object], length: int, block: int, threads: int
) -> None:
    """Call ``task(start, stop)`` for consecutive blocks that cover ``range(length)``.

    Blocks are handed out as workers become free. The calling thread works too.

    Args:
        task: Releases the interpreter lock while it works; blocks do not depend on each other.
        length: Number of items.
        block: Items in one block, at least 1.
        threads: Largest number of threads that work at once.
    """
    blocks = -(-length // block)
    if min(threads, blocks) <= 1:
        if length:
            task(0, length)
        return
    numbers = itertools.count()

    def work() -> None:
        # next() on a count is atomic under the interpreter lock, so no block is taken twice.
        while (number := next(numbers)) < blocks:
            task(number * block, min(length, (number + 1) * block))

    if _forked or (parallel := _openmp()) is None:
        _on_own_pool(work, min(threads, blocks))
    else:
        _on_openmp(parallel, work, threads)


def _on_openmp(parallel: Any, work: Callable[[], None], threads: int) -> None:
    errors: list[BaseException] = []

    def run(_: object) -> None:
        try:
            work()
        except BaseException as error:  # nothing may leave a C callback
            errors.append(error)

    # As many threads as PyTorch uses, though there may be fewer blocks: a runtime whose teams
    # change in size ends threads and starts them anew.
    parallel(_CALLBACK(run), None, threads, 0)
    if errors:
        raise errors[0]


_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@cache
def _openmp() -> Any:
    """Return the entry of the OpenMP runtime's interface for GCC, or None where there is none."""
    try:
        parallel = ctypes.CDLL(None).GOMP_parallel
    except (AttributeError, OSError, TypeError):  # no symbol; no such look-up on this system
        return None
    parallel.argtypes = [_CALLBACK, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    return parallel


def _on_own_pool(work: Callable[[], None], workers: int) -> None:
    helpers = [_executor(workers - 1).submit(work) for _ in range(workers - 1)]
    try:
        work()
    finally:
        for helper in helpers:
            helper.result()


def _executor(size: int) -> ThreadPoolExecutor:
    """Return this process's pool, made anew after a fork or when more threads are wanted."""
    global _pool  # noqa: PLW0603  one pool a process
    with _lock:
        if _pool is None or _pool[0] != os.getpid() or _pool[1] < size:
            _pool = (os.getpid(), size, ThreadPoolExecutor(size, "torchapprox"))
        return _pool[2]


def _after_in_child() -> None:
    global _forked  # noqa: PLW0603  a fact about this process
    _forked = True
    _lock.release()


os.register_at_fork(
    after_in_child=_after_in_child, before=_lock.acquire, after_in_parent=_lock.release
)
