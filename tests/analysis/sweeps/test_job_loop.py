"""The loop of jobs: each exactly once, whatever dies in between."""

import threading
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.sweeps import JobError, LostJobError, process_pool, run_jobs
from tests.analysis.sweeps.jobs import (
    Killing,
    calls,
    fail_at_three,
    forked_pool,
    square,
    threads_here,
)


class DyingError(Exception):
    """What a job raises that kills the worker of the pool below."""


class MortalThreads(Executor):
    """A pool of threads that breaks as a pool of processes does: with all that is in flight."""

    def __init__(self, workers=2):
        self.threads = ThreadPoolExecutor(workers)
        self.lock, self.futures, self.broken = threading.Lock(), [], None

    def submit(self, function, /, *args, **kwargs):
        with self.lock:
            if self.broken:
                raise BrokenExecutor("broken before")
            future = Future()
            self.futures.append(future)
        self.threads.submit(self.run, future, function, args, kwargs)
        return future

    def run(self, future, function, args, kwargs):
        with self.lock:
            if future.done() or not future.set_running_or_notify_cancel():
                return
        try:
            value, error = function(*args, **kwargs), None
        except BaseException as raised:
            value, error = None, raised
        with self.lock:
            if isinstance(error, DyingError):
                self.broken = BrokenExecutor("a worker died")
                for each in self.futures:
                    if not each.done():
                        each.set_exception(self.broken)
            elif not future.done():  # set by another one's death
                future.set_exception(error) if error else future.set_result(value)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.threads.shutdown(wait=wait, cancel_futures=cancel_futures)


def test_this_thread_does_them_in_order():
    assert [*run_jobs(square, [3, 4, 5])] == [(0, 9), (1, 16), (2, 25)]
    assert [*run_jobs(square, [])] == []


def test_an_error_belongs_to_its_job_alone():
    found = dict(run_jobs(fail_at_three, [2, 3, 4]))
    assert (found[0], found[2]) == (4, 16)
    assert isinstance(found[1], JobError)
    assert str(found[1]) == "ValueError: three is not for squaring"
    assert isinstance(found[1].__cause__, ValueError)


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(0, 12),
    always=st.sets(st.integers(0, 11), max_size=2),
    once=st.sets(st.integers(0, 11), max_size=3),
    workers=st.integers(1, 3),
    in_flight=st.integers(1, 6),
    retries=st.integers(1, 2),
)
def test_each_job_is_yielded_once_and_only_culprits_are_blamed(
    count, always, once, workers, in_flight, retries
):
    seen, lock = set(), threading.Lock()

    def job(number):
        with lock:
            first = number not in seen
            seen.add(number)
        if number in always or (number in once and first):
            raise DyingError
        return number * number

    found = [
        *run_jobs(
            job, range(count), executor=lambda: MortalThreads(workers), in_flight=in_flight,
            retries=retries,
        )
    ]  # fmt: skip
    assert sorted(number for number, _ in found) == [*range(count)]
    for number, value in found:
        if number in always:
            assert isinstance(value, LostJobError)
            assert f" {retries + 1} of them with no other job in flight" in str(value)
        else:
            assert value == number * number


@pytest.mark.bad_input("killed-worker")
def test_processes_do_them_and_a_killed_one_loses_nothing(tmp_path):
    job = Killing(tmp_path, once=[3], seconds=0.05)
    found = [*run_jobs(job, range(8), executor=forked_pool(), in_flight=4)]
    assert sorted(found) == [(number, number**2) for number in range(8)]
    assert calls(tmp_path, 3) == 2


@pytest.mark.bad_input("killed-worker")
def test_a_job_that_kills_every_worker_is_named_and_the_others_are_done(tmp_path):
    job = Killing(tmp_path, always=[2])
    found = dict(run_jobs(job, range(5), executor=forked_pool(), in_flight=4))
    assert isinstance(found.pop(2), LostJobError)
    assert found == {number: number**2 for number in (0, 1, 3, 4)}
    assert 2 <= calls(tmp_path, 2) <= 4  # twice alone, and before that at most twice in company


def test_a_given_executor_is_used_and_stays_open(tmp_path):
    with ThreadPoolExecutor(2) as threads:
        assert sorted(run_jobs(square, range(4), executor=threads, in_flight=4)) == [
            (0, 0), (1, 1), (2, 4), (3, 9)
        ]  # fmt: skip
        assert threads.submit(square, 3).result() == 9
    with forked_pool()() as pool, pytest.raises(RuntimeError, match="give a function that makes"):
        [*run_jobs(Killing(tmp_path, once=[0]), range(2), executor=pool)]


def test_workers_that_never_start_end_the_loop():
    broken = MortalThreads()
    broken.broken = True
    with pytest.raises(RuntimeError, match="died 11 times in a row without finishing a job"):
        [*run_jobs(square, range(3), executor=lambda: broken)]


@pytest.mark.bad_input("interrupt")
def test_an_interrupt_cancels_what_has_not_started():
    started = []
    hold = threading.Event()

    def job(number):
        started.append(number)
        if number:
            hold.wait(10)
        return number

    with ThreadPoolExecutor(1) as threads:
        results = run_jobs(job, range(8), executor=threads, in_flight=8)
        assert next(results) == (0, 0)
        with pytest.raises(KeyboardInterrupt):
            results.throw(KeyboardInterrupt())
        hold.set()
    assert len(started) <= 2


def test_workers_share_the_cores(monkeypatch):
    monkeypatch.setattr("analysis.sweeps.executors.usable_cores", lambda: 8)
    assert process_pool(3).keywords["initargs"] == (2,)
    assert process_pool(16).keywords["initargs"] == (1,)
    assert process_pool(3, threads=5).keywords["initargs"] == (5,)


def test_the_threads_of_a_worker_are_pytorch_s_and_numpy_s():
    with forked_pool(1)() as pool:
        assert pool.submit(threads_here).result() == {1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: [*run_jobs(square, [1], in_flight=0)], "'in_flight' must be at least 1, got 0"),
        (lambda: [*run_jobs(square, [1], retries=-1)], "'retries' must be at least 0, got -1"),
        (lambda: process_pool(0), "'workers' must be at least 1, got 0"),
        (lambda: process_pool(1, threads=0), "'threads' must be at least 1, got 0"),
    ],
)
def test_numbers_below_one_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_something_else_than_an_executor_is_refused():
    with pytest.raises(TypeError, match=r"'executor' must be .* got int"):
        [*run_jobs(square, [1], executor=4)]
