"""A pool of Python threads, for kernels where OpenMP's threads cannot work."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_lock = threading.Lock()
_pool: tuple[int, int, ThreadPoolExecutor] | None = None
_forked = False


def is_needed() -> bool:
    """Return whether this process was forked from one that may have used OpenMP."""
    return _forked


def work_together(work: Callable[[int], None], workers: int) -> None:
    """Call ``work`` with the numbers from 0 to ``workers``, each on a thread, one the caller's.

    Args:
        work: Releases the interpreter lock while it works.
        workers: How many calls.
    """
    helpers = [_executor(workers - 1).submit(work, number) for number in range(1, workers)]
    try:
        work(0)
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
