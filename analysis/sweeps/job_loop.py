"""Running jobs on any executor, again where a worker died with them.

A pool of processes breaks as a whole when one of its workers dies, and does not say which job that
worker had. So every job in flight is submitted again behind the others, and one that was lost twice
in company runs alone, so that no job is blamed for what another one did. Dask replaces its workers
itself and gives a job up after some deaths (`KilledWorker`), which counts as one loss here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Future,
    wait,
)
from typing import Any, Generic, TypeVar

from analysis.sweeps.executors import ExecutorSource, Pool, open_pool
from multipliers.parameters import check_kind, check_parameter
from multipliers.wording import counted

Job = TypeVar("Job")
Value = TypeVar("Value")

LOSSES_IN_COMPANY = 2
BREAKS_IN_A_ROW = 10


class JobError(RuntimeError):
    """A job that raised an error, which is the cause of this one."""


class LostJobError(JobError):
    """A job whose worker died each time, also with no other job in flight."""


def run_jobs(
    function: Callable[[Job], Value],
    jobs: Sequence[Job],
    *,
    executor: ExecutorSource | None = None,
    in_flight: int = 1,
    retries: int = 1,
) -> Generator[tuple[int, Value | JobError], None, None]:
    """Call a function for each job and yield what it returns, as it arrives.

    Each job is yielded exactly once. Whoever stops early, by an error or an interrupt from the
    keyboard, cancels the jobs that have not started.

    Args:
        function: Called in the workers; it and the jobs must be picklable where these are
            processes.
        jobs: Its arguments.
        executor: Where it runs: an executor or a pool, which is used and stays open; or a function
            that makes an executor, which is shut down at the end and replaced when it breaks. In
            this thread if None.
        in_flight: How many jobs are submitted and not yet done; twice the number of workers keeps
            them busy.
        retries: How often a job is submitted again after its worker died with no other job in
            flight.

    Yields:
        Position of the job, and the function's value or an error, which is not raised.

    Raises:
        RuntimeError: If an executor breaks that cannot be replaced, or workers die many times in a
            row without finishing any job.
        TypeError: If ``function`` cannot be called, ``jobs`` is no sequence, or a number no int.
        ValueError: If ``in_flight`` is less than 1 or ``retries`` less than 0.

    Examples:
        >>> [*run_jobs(abs, [-3, 4])]
        [(0, 3), (1, 4)]
    """
    check_kind("function", function, Callable)
    check_kind("jobs", jobs, Sequence, advice="put them into a list")
    in_flight = check_parameter("in_flight", in_flight, 1)
    retries = check_parameter("retries", retries, 0)
    return _run(function, jobs, executor, in_flight=in_flight, retries=retries)


def _run(
    function: Callable[[Job], Value],
    jobs: Sequence[Job],
    executor: ExecutorSource | None,
    *,
    in_flight: int,
    retries: int,
) -> Generator[tuple[int, Value | JobError], None, None]:
    with open_pool(executor) as pool:
        loop = _Loop(function, jobs, pool, in_flight=in_flight, retries=retries)
        try:
            yield from loop.run()
        finally:
            loop.cancel()


class _Loop(Generic[Job, Value]):
    """Which jobs wait, which must run alone and which are in flight; jobs go by their position."""

    def __init__(
        self,
        function: Callable[[Job], Value],
        jobs: Sequence[Job],
        pool: Pool,
        *,
        in_flight: int,
        retries: int,
    ) -> None:
        self._function, self._jobs, self._pool = function, jobs, pool
        self._most, self._retries = in_flight, retries
        self._waiting = deque(range(len(jobs)))
        self._suspects: deque[int] = deque()
        self._lost_in_company = [0] * len(jobs)
        self._lost_alone = [0] * len(jobs)
        self._running: dict[Future[Value], int] = {}

    def run(self) -> Iterator[tuple[int, Value | JobError]]:
        breaks, most_breaks = 0, BREAKS_IN_A_ROW + self._retries
        while self._waiting or self._suspects or self._running:
            broken = self._submit()
            if broken is None:
                wait(self._running, return_when=FIRST_COMPLETED)
            alone = len(self._running) == 1
            lost: list[int] = []
            for future in [future for future in self._running if future.done()]:
                number = self._running.pop(future)
                error = _error(future)
                if error is not None and _is_loss(error):
                    lost.append(number)
                    broken = broken or (error if isinstance(error, BrokenExecutor) else None)
                    continue
                breaks = 0
                yield number, future.result() if error is None else _raised(error)
            if broken is not None:
                # What has no result yet is lost as well: its workers are gone.
                lost += self._running.values()
                self._running.clear()
                self._pool.replace(broken)
                breaks += 1
                if breaks == most_breaks:
                    raise RuntimeError(
                        f"workers died {breaks} times in a row without finishing a job; do they "
                        "start at all, and is there enough memory?"
                    ) from broken
            yield from self._again(lost, alone=alone)

    def cancel(self) -> None:
        for future in self._running:
            future.cancel()

    def _submit(self) -> BrokenExecutor | None:
        """Keep enough jobs in flight; return what broke the executor in the meantime."""
        try:
            while self._waiting and len(self._running) < self._most:
                self._start(self._waiting)
            if self._suspects and not self._running:
                self._start(self._suspects)
        except BrokenExecutor as error:
            return error
        return None

    def _start(self, queue: deque[int]) -> None:
        number = queue[0]
        job, times = self._jobs[number], self._losses(number)
        self._running[self._pool.submit(_call, self._function, job, times)] = number
        queue.popleft()

    def _again(self, lost: Collection[int], *, alone: bool) -> Iterator[tuple[int, JobError]]:
        """Put lost jobs back, and yield those that have had their last chance."""
        for number in sorted(lost):
            (self._lost_alone if alone else self._lost_in_company)[number] += 1
            if self._lost_alone[number] > self._retries:
                times, lonely = self._losses(number), self._lost_alone[number]
                text = (
                    f"its worker died {counted(times, 'time')}, {lonely} of them with no other job "
                    "in flight"
                )
                yield number, LostJobError(text)
            elif self._lost_in_company[number] < LOSSES_IN_COMPANY:
                self._waiting.append(number)
            else:
                self._suspects.append(number)

    def _losses(self, number: int) -> int:
        return self._lost_in_company[number] + self._lost_alone[number]


def _call(function: Callable[[Job], Value], job: Job, times: int) -> Value:
    """Call the function; ``times`` keeps Dask from answering with what became of it before."""
    del times
    return function(job)


def _error(future: Future[Any]) -> BaseException | None:
    return CancelledError("cancelled by its executor") if future.cancelled() else future.exception()


def _raised(error: BaseException) -> JobError:
    found = JobError(f"{type(error).__name__}: {error}")
    found.__cause__ = error
    return found


def _is_loss(error: BaseException) -> bool:
    """Whether a job has no result because of its worker, by names where Dask is not installed."""
    from_dask = type(error).__module__.startswith("distributed")
    return isinstance(error, (BrokenExecutor, CancelledError)) or (
        from_dask and type(error).__name__ == "KilledWorker"
    )
