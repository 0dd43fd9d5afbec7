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
from torch.nn import functional as F

from htp import factorise
from multipliers import exact_products
from multipliers.bounded_json import json_bytes, read_json
from multipliers.whole_file import write_whole
from torchapprox.kernels import lay_out_cpu
from torchapprox.kernels.cpu_kernel import available_kernels, cpu_features
from torchapprox.kernels.lookup_table import lookup_table
from torchapprox.operators.engine.costs import EngineCosts
from torchapprox.operators.engine.cuda_costs import CudaCosts
from torchapprox.operators.engine.factor_tables import TableFactors
from torchapprox.operators.engine.features import features
from torchapprox.operators.lookup.cpu_lookup import cpu_lookup

Costs = TypeVar("Costs", EngineCosts, CudaCosts)
_FORMAT = 2  # raised where the meaning of a cost or the code that it measures changes
_ROUNDS = 15
_EXTREMES = (-128, -127, 127)


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
    int8, float32, float64 = (
        _by_product_and_element(seconds[f"{name} thick"], seconds[f"{name} slim"])
        for name in ("int8", "float32", "float64")
    )
    return EngineCosts(
        lookup=lookup / _products(_RUNS),
        lookup_two_halves=halves / _products(_RUNS),
        lookup_alone=alone / _products(_ALONE),
        lookup_depthwise=depthwise / _DEPTHWISE,
        lookup_call=seconds["kernel call"],
        int8_product=int8[0],
        int8_element=int8[1],
        float32_product=float32[0],
        float32_element=float32[1],
        float32_depthwise=seconds["float32 depthwise"] / _DEPTHWISE,
        float64_ratio=max(1.0, float64[0] / float32[0]),
        map_byte=seconds["map bytes"] / (2 * _CODES),
        map_float=seconds["map floats"] / (2 * _CODES),
        lay_out_byte=seconds["lay out"] / _CODES,
        pass_element=seconds["pass"] / _CODES,
        product_call=seconds["product call"],
        factors_call=seconds["factors call"],
        int8_exact=_int8_is_exact(),
    )


Matrices = tuple[int, int, int]
_RUNS: Matrices = (1024, 64, 576)
_ALONE: Matrices = (1, 512, 512)
_THICK: Matrices = (256, 256, 576)
_SLIM: Matrices = (16, 2048, 96)
_DEPTHWISE = 2 * 64 * 24 * 24 * 9
_CODES = 1 << 18


def _probes() -> dict[str, Callable[[], object]]:
    """Return what is timed, by name."""
    from torchapprox.operators.engine.factor_matmul import factor_matmul  # noqa: PLC0415
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
    maps, mapped = np.zeros((1, _CODES + 64), np.int8), codes(256, _CODES // 256)
    starts, whole = np.arange(256, dtype=np.int64), np.zeros(1, np.int64)
    fields_of = np.empty((256, 1, _CODES // 256), np.int8)
    one, result = codes(1, 1, 1), torch.empty(1, 1, 1, dtype=torch.int32)
    sums = torch.zeros(_CODES, dtype=torch.int32)
    factors = TableFactors.of(factorise(exact_products(True, True)))
    tiny = torch.zeros(4, 16, dtype=torch.int8)
    probes: dict[str, Callable[[], object]] = {
        "lookup": lookups(_RUNS, 128),
        "lookup two halves": lookups(_RUNS, 256),
        "lookup alone": lookups(_ALONE, 128),
        "lookup call": lookups((1, 1, 1), 128),
        "kernel call": partial(cpu_lookup, one, one, lookup_table(table.numpy()), result, None),
        "lookup depthwise": partial(lut_conv, image, kernels, table, **steps, **look_up),
        "float32 depthwise": partial(F.conv2d, image.float(), kernels.float(), groups=64),
        "map bytes": partial(features, mapped, np.zeros((2, 256), np.int8)),
        "map floats": partial(features, mapped, np.zeros((2, 256), np.float32)),
        "lay out": partial(
            lay_out_cpu, maps, starts, whole, fields_of, threads=torch.get_num_threads()
        ),
        "pass": partial(sums.add_, 1),
        "product call": partial(torch._int_mm, tiny, tiny.mT),  # noqa: SLF001
        "factors call": partial(factor_matmul, one, one, factors, result, "int8"),
    }
    for dtype in (torch.int8, torch.float32, torch.float64):
        name = str(dtype).removeprefix("torch.")
        for shape, (m, n, k) in {"thick": _THICK, "slim": _SLIM}.items():
            a, b = torch.ones(m, k, dtype=dtype), torch.ones(k, n, dtype=dtype)
            product = torch._int_mm if dtype == torch.int8 else torch.mm  # noqa: SLF001
            probes[f"{name} {shape}"] = partial(product, a, b)
    return probes


def _by_product_and_element(thick: float, slim: float) -> tuple[float, float]:
    """Return seconds for a product and for an element, from those of two matrix products."""
    equations = [[m * n * k, m * k + k * n + m * n] for m, n, k in (_THICK, _SLIM)]
    by_product, by_element = np.linalg.solve(equations, [thick, slim])
    if by_product > 0 and by_element > 0:
        return float(by_product), float(by_element)
    return thick / _products(_THICK), 0.0


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


def _int8_is_exact() -> bool:
    """Whether sums of extreme operands are right: old processors saturate between the products."""
    for a in _EXTREMES:
        for b in _EXTREMES:
            rows = torch.full((32, 256), a, dtype=torch.int8)
            columns = torch.full((256, 32), b, dtype=torch.int8)
            if not (torch._int_mm(rows, columns) == 256 * a * b).all():  # noqa: SLF001
                return False
    return True
