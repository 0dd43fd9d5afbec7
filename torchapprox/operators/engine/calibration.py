"""The costs of `EngineCosts`, measured once per machine and kept in a file."""

import contextlib
import hashlib
import json
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from multipliers.bounded_json import json_bytes, read_json
from multipliers.whole_file import write_whole
from torchapprox.kernels.compiling.cpu_kernel import available_kernels, cpu_features
from torchapprox.operators.engine.costs import EngineCosts, looked_up
from torchapprox.operators.engine.cuda_costs import CudaCosts

Costs = TypeVar("Costs", EngineCosts, CudaCosts)
_FORMAT = 8  # raised where the meaning of a cost or the code that it measures changes
_ROUNDS = 15


@cache
def engine_costs(threads: int) -> EngineCosts:
    """Return this machine's costs for a number of threads, the current one.

    They are measured at the first call, in some tenths of a second, and kept in `costs_path`; a
    file that cannot be read or is another machine's is measured anew, and where none can be
    written, each process measures for itself.
    """
    path = None
    # No home, no permission, no space: the costs are then measured by each process.
    with contextlib.suppress(OSError, RuntimeError):
        path = costs_path(threads)
        found = read_costs(path, EngineCosts)
        if found is not None:
            return found
    costs = measure_costs()
    if path is not None:
        with contextlib.suppress(OSError):
            write_costs(path, costs)
    return costs


def costs_path(threads: int) -> Path:
    """Return the file that keeps the costs.

    It lies in ``$XDG_CACHE_HOME/torchapprox``, or ``~/.cache/torchapprox``; its name holds a digest
    of what they depend on: processor and its features, kernels, number of threads, and the versions
    of torchapprox, PyTorch and Numba.
    """
    kernels = list(available_kernels())
    return costs_file("engine", [processor(), sorted(cpu_features()), kernels, threads])


def costs_file(engines: str, conditions: list[Any]) -> Path:
    """Return the file that keeps costs which depend on some conditions and on versions.

    Args:
        engines: What the costs are of.
        conditions: What else they depend on, as JSON takes it.
    """
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    versions = [_version(name) for name in ("torchapprox", "torch", "numba")]
    text = json.dumps([_FORMAT, *conditions, *versions])
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Path(base).expanduser() / "torchapprox" / f"{engines}-costs-{digest}.json"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # a source tree
        return ""


def processor() -> str:
    """Return the processor's name as the operating system states it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def read_costs(path: Path, kind: type[Costs]) -> Costs | None:
    """Return what a file holds; None where it is missing or holds something else.

    Args:
        path: The file.
        kind: A dataclass of floats and booleans.
    """
    try:
        values = read_json(json_bytes(path))
    except (FileNotFoundError, ValueError):
        return None
    wanted = {field.name: field.type for field in fields(kind)}
    if not isinstance(values, dict) or values.keys() != wanted.keys():
        return None
    if not all(type(value) is wanted[name] and value >= 0 for name, value in values.items()):
        return None
    return kind(**values)


def write_costs(path: Path, costs: EngineCosts | CudaCosts) -> None:
    """Write a file as a whole, so that no other process reads a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(asdict(costs), indent=2).encode())


def measure_costs() -> EngineCosts:
    """Measure every cost on this machine, with the current number of threads."""
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        seconds = _shortest_seconds(_probes())
    lookup, halves, alone, depthwise = (
        max(0.0, seconds[name] - seconds["lookup call"])
        for name in ("lookup", "lookup two halves", "lookup alone", "lookup depthwise")
    )
    (term, feature), (term_in_bytes, feature_in_bytes) = (
        _by_term_and_feature(
            *(max(0.0, seconds[name + of] - seconds["factors call"]) for name in ("thick", "slim"))
        )
        for of in ("", " in bytes")
    )
    m, n, depth = _RUNS
    look_ups = looked_up(m, n) * depth
    return EngineCosts(
        lookup=lookup / look_ups,
        lookup_two_halves=halves / look_ups,
        lookup_alone=alone / _products(_ALONE),
        lookup_depthwise=depthwise / _DEPTHWISE,
        lookup_call=seconds["lookup call"],
        term=term,
        term_in_bytes=term_in_bytes,
        term_depthwise=max(0.0, seconds["factors depthwise"] - seconds["factors call"])
        / (_TERMS * _DEPTHWISE),
        feature=feature,
        feature_in_bytes=feature_in_bytes,
        factors_call=seconds["factors call"],
    )


Matrices = tuple[int, int, int]
_RUNS: Matrices = (1024, 64, 576)
_ALONE: Matrices = (1, 512, 512)
_THICK: Matrices = (252, 256, 576)
_SLIM: Matrices = (12, 2048, 768)
_DEPTHWISE = 2 * 64 * 24 * 24 * 9
_TERMS = 2


def _probes() -> dict[str, Callable[[], object]]:
    """Return what is timed, by name."""
    from torchapprox.operators.lookup.lut_conv import lut_conv  # noqa: PLC0415  which imports this file
    from torchapprox.operators.lookup.lut_matmul import lut_matmul  # noqa: PLC0415

    generator = torch.Generator().manual_seed(0)

    def codes(*shape: int, most: int = 256) -> Tensor:
        return torch.randint(0, most, shape, generator=generator).to(torch.uint8)

    # Entries of 16 bits, as most multipliers have.
    table = torch.randint(-(2**15), 2**15, (256, 256), generator=generator).to(torch.int32).T
    look_up: dict[str, Any] = {"lut_range": (-(2**15), 2**15), "engine": "lookup"}

    def lookups(sizes: Matrices, most: int) -> Callable[[], object]:
        m, n, k = sizes
        return partial(lut_matmul, codes(m, k, most=most), codes(n, k), table, **look_up)

    image, kernels = codes(2, 64, 26, 26, most=128), codes(64, 1, 3, 3)
    steps: dict[str, Any] = {"stride": (1, 1), "dilation": (1, 1), "groups": 64}
    values = torch.arange(256, dtype=torch.int32)
    of_two_terms = (values.outer(values) + (values & 3).outer(values & 4)).T
    # Small, so that AVX2 multiplies bytes, too.
    signed = ((values ^ 128) - 128) >> 1
    of_two_bytes = (signed.outer(signed) + (signed & 3).outer(signed & 4)).T
    multiply: dict[str, Any] = {"lut_range": (-(2**17), 2**17), "engine": "factors"}

    def products(sizes: Matrices, factorised: Tensor = of_two_terms) -> Callable[[], object]:
        m, n, k = sizes
        return partial(lut_matmul, codes(m, k), codes(n, k), factorised, **multiply)

    return {
        "lookup": lookups(_RUNS, 128),
        "lookup two halves": lookups(_RUNS, 256),
        "lookup alone": lookups(_ALONE, 128),
        "lookup call": lookups((1, 1, 1), 128),
        "lookup depthwise": partial(lut_conv, image, kernels, table, **steps, **look_up),
        "thick": products(_THICK),
        "slim": products(_SLIM),
        "thick in bytes": products(_THICK, of_two_bytes),
        "slim in bytes": products(_SLIM, of_two_bytes),
        "factors call": products((1, 1, 1)),
        "factors depthwise": partial(lut_conv, image, kernels, of_two_terms, **steps, **multiply),
    }


def _by_term_and_feature(thick: float, slim: float) -> tuple[float, float]:
    """Return seconds for a product of features and for a feature, from two matrix products."""
    equations = [[_TERMS * m * n * k, _TERMS * (m + n) * k] for m, n, k in (_THICK, _SLIM)]
    by_term, by_feature = np.linalg.solve(equations, [thick, slim])
    if by_term > 0 and by_feature > 0:
        return float(by_term), float(by_feature)
    return thick / (_TERMS * _products(_THICK)), 0.0


def _products(sizes: Matrices) -> int:
    return math.prod(sizes)


def _shortest_seconds(probes: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the shortest of several times of each call, which other processes lengthen least."""
    for call in probes.values():
        call()
    shortest = dict.fromkeys(probes, math.inf)
    for _ in range(_ROUNDS):
        for name, call in probes.items():
            start = time.perf_counter()
            call()
            shortest[name] = min(shortest[name], time.perf_counter() - start)
    return shortest
