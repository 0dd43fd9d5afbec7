"""CPU kernels whose items are computed in blocks, on several threads.

The threads are those of the OpenMP runtime that the process has loaded for all to see, which is
PyTorch's. Its threads keep a core busy for some milliseconds after each parallel operation, waiting
for the next; a pool of one's own would share the cores with them, and a kernel between two of
PyTorch's operations ran at half its speed. They run compiled code only (`block_loop`): a thread
that enters Python waits for the interpreter lock, 40 microseconds where this takes 2.

A small pool of our own takes over where there is no such runtime, and after a fork, which OpenMP's
threads do not survive. Numba's own threading layers are not safe here: ``omp`` kills forked
children and ``workqueue`` aborts the process when two Python threads enter.
"""

import ctypes
import inspect
import itertools
import struct
from collections.abc import Callable
from functools import cache, cached_property, update_wrapper
from typing import Any

from torchapprox.kernels.compiling.cpu_kernel import compiles
from torchapprox.kernels.compiling.jit import CpuKernel
from torchapprox.kernels.compiling.piece import Piece
from torchapprox.kernels.compiling.record import integers_of, layout_of
from torchapprox.kernels.threads import own_pool


class BlockKernel:
    """A function of the items ``start`` to ``stop``, its last two arguments.

    It may return whether something was found, such as a value that is not finite. Where it has an
    argument ``worker`` before ``start``, that is a number below that of the threads, which no two
    threads share while they work.

    Each array has one layout at all calls. Numba 0.60 runs the code of another layout once its
    types have been collected as garbage, which misreads the array.

    Args:
        function: What to compile; what it computes of an item does not depend on its other items.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._numbered = "worker" in inspect.signature(function).parameters
        update_wrapper(self, function)

    def __call__(self, *arguments: Any, length: int, block: int, threads: int) -> bool:
        """Compute all items, and return whether something was found.

        Blocks are handed out as workers become free. The calling thread works too.

        Args:
            *arguments: All but the last two or three.
            length: Number of items.
            block: Items in one block, at least 1.
            threads: Largest number of threads that work at once.

        Raises:
            RuntimeError: The function failed on a thread.
        """
        if not compiles():
            worker = (0,) if self._numbered else ()
            return bool(self._function(*arguments, *worker, 0, length))
        if length <= block or threads == 1:
            return bool(length and self._run((0, 1, 0, 0, length, length), *arguments))
        found = []

        def run(*plan: int) -> None:
            found.append(self._run(plan, *arguments))

        _run_in_blocks(run, length, block, threads)
        return any(found)

    @cached_property
    def _run(self) -> Any:
        """Numba's compiler of the loop over blocks."""
        from torchapprox.kernels.threads.kernel_blocks import in_blocks  # noqa: PLC0415  which loads Numba

        kernel = CpuKernel(self._function, inner=True)
        return in_blocks(kernel, self._function, numbered=self._numbered).dispatcher


class BlockPiece:
    """A `Piece` of the items ``start`` to ``stop`` of a record.

    It takes the record's address, a worker's number, and start and stop, and compiles in half of
    the time that a kernel of arrays takes.

    Args:
        piece: The piece.

    Attributes:
        piece: The piece.
    """

    def __init__(self, piece: Piece) -> None:
        self.piece = piece

    def __call__(self, record: tuple[Any, ...], *, length: int, block: int, threads: int) -> None:
        """Compute all items.

        Args:
            record: Integers and arrays, of the named tuple that the piece takes.
            length: Number of items.
            block: Items in one block, at least 1.
            threads: Largest number of threads that work at once.
        """
        run, pack, piece = self._compiled
        packed = pack(*integers_of(record))
        _run_in_blocks(lambda *plan: run(*plan, piece, packed), length, block, threads)

    @cached_property
    def _compiled(self) -> tuple[Callable[..., None], Callable[..., bytes], int]:
        """What runs a loop over blocks, what packs a record for it, and the piece's address."""
        from torchapprox.kernels.threads.piece_blocks import run_blocks  # noqa: PLC0415  which loads Numba

        # The plan, the piece and where its record is.
        kinds = [ctypes.c_int64] * 7 + [ctypes.c_char_p]
        loop = ctypes.CFUNCTYPE(None, *kinds)(run_blocks.address)
        record: Any = next(iter(self.piece.pointers.values()))
        count = layout_of(record).itemsize // 8
        return loop, struct.Struct(f"{count}q").pack, self.piece.address


def block_piece_cpu(record: type[Any]) -> Callable[[Callable[..., None]], BlockPiece]:
    """Return a decorator that makes a function a `BlockPiece` of a named tuple."""

    def decorate(function: Callable[..., None]) -> BlockPiece:
        first = next(iter(inspect.signature(function).parameters))
        return BlockPiece(Piece(function, {first: record}))

    return decorate


def _run_in_blocks(run: Callable[..., None], length: int, block: int, threads: int) -> None:
    """Call ``run`` with the integers of a plan (`block_loop`), once or on threads of our own."""
    blocks = -(-length // block)
    if min(threads, blocks) <= 1:
        if length:
            run(0, 1, 0, 0, length, length)
        return
    parallel = 0 if own_pool.is_needed() else _openmp()
    if parallel:
        # As many threads as PyTorch uses, though there may be fewer blocks: a runtime whose
        # teams change in size ends threads and starts them anew.
        run(parallel, threads, 0, 0, length, block)
        return
    numbers = itertools.count()

    def work(worker: int) -> None:
        # next() on a count is atomic under the interpreter lock, so no block is taken twice.
        while (number := next(numbers)) < blocks:
            start, stop = number * block, min(length, (number + 1) * block)
            run(0, 1, worker, start, stop, block)

    own_pool.work_together(work, min(threads, blocks))


def division(items: int, size: int, threads: int, *, most: int, least: int = 1) -> dict[str, int]:
    """Return how a `BlockKernel` divides its items, as its arguments: few in equal shares.

    Args:
        items: Number of items.
        size: Elements of one item, such as look-ups.
        threads: Largest number of threads.
        most: Elements of a block, short enough to balance.
        least: Elements of a block, long enough to hide the hand-out to a thread.

    Examples:
        >>> division(100, 2, 4, most=20), division(100, 2, 4, most=1000)["block"]
        ({'length': 100, 'block': 10, 'threads': 4}, 25)
    """
    size = max(1, size)
    block = max(1, -(-least // size), min(most // size, -(-items // threads)))
    return {"length": items, "block": block, "threads": threads}


def blocks_cpu(function: Callable[..., Any]) -> BlockKernel:
    """Make a function a `BlockKernel`, as a decorator."""
    return BlockKernel(function)


@cache
def _openmp() -> int:
    """Return the address of the OpenMP runtime's entry for GCC's code, or 0 where there is none."""
    try:
        entry = ctypes.CDLL(None).GOMP_parallel
    except (AttributeError, OSError, TypeError):  # no symbol; no such look-up on this system
        return 0
    return ctypes.cast(entry, ctypes.c_void_p).value or 0
