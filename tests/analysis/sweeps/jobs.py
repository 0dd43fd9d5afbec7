"""Jobs that worker processes import: they work, fail, or kill the process that runs them."""

import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from threadpoolctl import threadpool_info

from analysis.selection import Assignment
from analysis.sweeps import ResultsStore, search
from analysis.sweeps.executors import start_worker
from multipliers import Multiplier, exact_products


def forked_pool(workers=2, *, method="forkserver"):
    """Make a pool that starts quickly: copies of a process that has imported all."""
    context = get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([__name__])
    return partial(
        ProcessPoolExecutor, max_workers=workers, mp_context=context, initializer=start_worker,
        initargs=(1,),
    )  # fmt: skip


def threads_here():
    """Return how many threads PyTorch and NumPy have in this process."""
    blas = [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
    return {torch.get_num_threads(), *blas}


def square(number):
    return number * number


def fail_at_three(number):
    if number == 3:
        raise ValueError("three is not for squaring")
    return number * number


def note_call(folder, name):
    """Leave a trace of a call that no kill can take back."""
    with Path(folder, f"{name}.calls").open("a") as file:
        file.write(f"{os.getpid()}\n")


def calls(folder, name):
    file = Path(folder, f"{name}.calls")
    return len(file.read_text().splitlines()) if file.exists() else 0


class Killing:
    """Squares numbers; some of them kill the process, the first time or every time."""

    def __init__(self, folder, *, once=(), always=(), seconds=0.0):
        self.folder, self.once, self.always, self.seconds = str(folder), once, always, seconds

    def __call__(self, number):
        first = calls(self.folder, number) == 0
        note_call(self.folder, number)
        time.sleep(self.seconds)
        if number in self.always or (number in self.once and first):
            os.kill(os.getpid(), signal.SIGKILL)
        return number * number


def fill(path, name, count):
    """Write results into a store and return how many were new."""
    store = ResultsStore(path)
    return sum(store.add({"x": number}, {"by": name}) for number in range(count))


def uniform_assignments(count, layers=("conv", "linear")):
    """Make as many assignments, by label, of multipliers m0, m1 and so on."""
    exact = exact_products(True, True)
    return {
        f"all m{number}": Assignment.uniform(
            layers, Multiplier.from_lut(exact + number, name=f"m{number}")
        )
        for number in range(count)
    }


class Rated:
    """Rates an assignment by the number of its first multiplier, through another function."""

    def __init__(self, function=square):
        self.function = function

    def __call__(self, names):
        number = int(names["conv"].removeprefix("m"))
        return {"accuracy": 1 / (1 + self.function(number)), "loss": float(number)}


LAYERS = ("conv", "linear")


def candidates():
    """Multipliers m0 to m3, each worse and cheaper than the one before."""
    exact = exact_products(True, True)
    return [Multiplier.from_lut(exact + 3 * n, name=f"m{n}") for n in range(4)]


class Additive:
    """Rates assignments by the numbers of the multipliers of both layers."""

    def __init__(self, refused=None):
        self.refused = refused

    def __call__(self, names):
        if self.refused in names.values():
            raise ValueError(f"no {self.refused} today")
        first, second = (int(names[layer].removeprefix("m")) for layer in LAYERS)
        return {"accuracy": 1 - 0.1 * first - 0.05 * second**2, "loss": float(first + second)}


def additive_search(storage, store, **changes):
    """Search among the assignments that `Additive` rates."""
    costs = changes.pop("costs", {f"m{number}": 1 / (1 + number) for number in range(4)})
    arguments = {
        "evaluate": Additive(), "layers": LAYERS, "multipliers": candidates(), "energies": costs,
        "macs": {"conv": 10, "linear": 20}, "context": {"model": "abc"}, "trials": 6,
        "population": 6, "storage": storage, "store": store,
    }  # fmt: skip
    return search(**{**arguments, **changes})


def search_in_process(folder, **changes):
    """Search on files in a folder and return the number of trials in the end."""
    store = ResultsStore(Path(folder, "a.jsonl"))
    return len(additive_search(Path(folder, "a.journal"), store, **changes).frame)
