"""The costs of `CudaCosts`: published ones until somebody measures the device, then from a file."""

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torchapprox.operators.engine.calibration import costs_file, read_costs, write_costs
from torchapprox.operators.engine.cuda_costs import CudaCosts, published_costs
from torchapprox.operators.exact_floats import exact_floats

_ROUNDS = 5
_SIMULATED = (9, 0)  # the capability that a simulated device has


@cache
def cuda_costs(device: torch.device) -> CudaCosts:
    """Return a device's costs, without waiting for it.

    They are read from `cuda_costs_path`; where there is no such file, since nobody ran
    `calibrate_cuda` on such a device, they follow from published rates.
    """
    if device.type != "cuda":
        return published_costs(_SIMULATED)
    with contextlib.suppress(OSError, RuntimeError):
        found = read_costs(cuda_costs_path(device), CudaCosts)
        if found is not None:
            return found
    return _published(device)


def cuda_costs_path(device: torch.device) -> Path:
    """Return the file that keeps the costs of a device and all like it, beside the CPU's."""
    return costs_file("cuda", [torch.cuda.get_device_name(device)])


def calibrate_cuda(device: torch.device) -> CudaCosts:
    """Measure a device's costs, in a second or two, and keep them in `cuda_costs_path`.

    Products that already ran in this process keep the engine that was chosen for them.
    """
    with torch.cuda.device(device):
        costs = measure_cuda_costs(device, _published(device), device_seconds)
    with contextlib.suppress(OSError, RuntimeError):
        write_costs(cuda_costs_path(device), costs)
    cuda_costs.cache_clear()
    return costs


def _published(device: torch.device) -> CudaCosts:
    processors = torch.cuda.get_device_properties(device).multi_processor_count
    return published_costs(torch.cuda.get_device_capability(device), processors)


@dataclass(frozen=True)
class Probes:
    """Sizes of what is measured: M, N, K of products, elements of a copy, calls in a row."""

    lookup: tuple[int, int, int] = (16_384, 256, 512)
    depth: int = 4096
    product: tuple[int, int, int] = (4096, 4096, 4096)
    copied: int = 1 << 28
    calls: int = 50


def measure_cuda_costs(
    device: torch.device,
    published: CudaCosts,
    seconds: Callable[[Callable[[], object]], float],
    probes: Probes = Probes(),
) -> CudaCosts:
    """Measure every cost on a device.

    Args:
        device: The device.
        published: Says whether it multiplies int8 matrices.
        seconds: Returns how long the device takes for what a function launches.
        probes: What is measured.
    """
    from torchapprox.operators.lookup.lut_matmul import lut_matmul  # noqa: PLC0415  which imports this file

    generator = torch.Generator().manual_seed(0)

    def codes(*shape: int) -> Tensor:
        return torch.randint(0, 256, shape, generator=generator).to(device, torch.uint8)

    limit = 2**15
    table = torch.randint(-limit, limit, (256, 256), generator=generator).to(device, torch.int32)
    look_up: Any = partial(lut_matmul, lut=table, lut_range=(-limit, limit - 1), engine="lookup")

    def shortest(call: Callable[[], object]) -> float:
        call()
        return min(seconds(call) for _ in range(_ROUNDS))

    def repeated(call: Callable[[], object]) -> None:
        for _ in range(probes.calls):
            call()

    def product(dtype: torch.dtype) -> float:
        m, n, k = probes.product
        a, b = (torch.ones(rows, k, dtype=dtype, device=device) for rows in (m, n))
        multiply = torch._int_mm if dtype == torch.int8 else torch.mm  # noqa: SLF001
        return shortest(partial(multiply, a, b.T)) / (m * n * k)

    m, n, k = probes.lookup
    one, long = codes(1, 1), codes(1, probes.depth)
    source = torch.zeros(probes.copied, dtype=torch.uint8, device=device)
    with torch.no_grad(), exact_floats(device):
        call = shortest(partial(repeated, partial(look_up, one, one))) / probes.calls
        return CudaCosts(
            lookup=shortest(partial(look_up, codes(m, k), codes(n, k))) / math.prod(probes.lookup),
            lookup_step=max(0.0, shortest(partial(look_up, long, long)) - call) / probes.depth,
            int8_product=product(torch.int8) if published.int8 else 0.0,
            float32_product=product(torch.float32),
            float64_product=product(torch.float64),
            byte=shortest(partial(torch.empty_like(source).copy_, source)) / (2 * probes.copied),
            call=call,
            int8=published.int8,
        )


def device_seconds(call: Callable[[], object]) -> float:
    """Return how long the current CUDA device takes for what a function launches; waits for it."""
    event: Any = torch.cuda.Event
    start, stop = (event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    stop.record()
    stop.synchronize()
    return 1e-3 * float(start.elapsed_time(stop))
