"""A small thread pool for kernels that release the global interpreter lock.

Numba's own threading layers are not safe here: ``omp`` kills forked children and ``workqueue``
aborts the process when two Python threads enter. This pool is rebuilt after a fork and accepts
calls from any number of threads.
"""

import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_lock = threading.Lock()
_pool: tuple[int, int, ThreadPoolExecutor] | None = None


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
    workers = min(threads, blocks)
    numbers = itertools.count()

    def work() -> None:
        # next() on a count is atomic under the interpreter lock, so no block is taken twice.
        while (number := next(numbers)) < blocks:
            task(number * block, min(length, (number + 1) * block))

    if workers <= 1:
        work()
        return
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


os.register_at_fork(
    after_in_child=_lock.release, before=_lock.acquire, after_in_parent=_lock.release
)
