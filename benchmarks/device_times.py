"""Times on a CUDA device, and the rows of the table that states them."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

ROUNDS = 7


class Row(NamedTuple):
    """One line of the table."""

    what: str
    case: str
    figure: str

    def __str__(self) -> str:
        return f"| {self.what} | {self.case} | {self.figure} |"


def median_seconds(
    candidates: Mapping[str, Callable[[], object]], device: torch.device
) -> dict[str, float]:
    """Return each candidate's median time, after one call to warm up; they take turns."""
    seconds = _device_seconds if device.type == "cuda" else _host_seconds
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    for _ in range(ROUNDS):
        for name, call in candidates.items():
            times[name].append(seconds(call))
    return {name: statistics.median(values) for name, values in times.items()}


def _device_seconds(call: Callable[[], object]) -> float:
    event: Any = torch.cuda.Event
    start, stop = (event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    stop.record()
    stop.synchronize()
    return 1e-3 * float(start.elapsed_time(stop))


def _host_seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
