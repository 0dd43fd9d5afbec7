"""`torchapprox info`: what computes on this machine, and how fast."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torchapprox.operators.engine.costs import EngineCosts
    from torchapprox.operators.engine.cuda_costs import CudaCosts

HELP = "say what computes on this machine, and how fast"
DESCRIPTION = (
    "Print versions, processor, threads and devices, the look-up kernel that is taken, and the "
    "rates of the engines by which each product chooses between looking up and the factors of its "
    "table. The CPU's rates are measured at the first use and kept in a file, a CUDA device's are "
    "the published ones until --measure measures them."
)
_RATES = {
    "lookup": "look-ups, codes of one half of the table",
    "lookup_two_halves": "look-ups, any codes",
    "lookup_alone": "look-ups of few outputs",
    "lookup_depthwise": "look-ups of depthwise convolutions",
    "term": "products of two features",
    "term_in_bytes": "products of two features in bytes",
    "term_depthwise": "products of two features of depthwise convolutions",
    "feature": "features of codes",
    "feature_in_bytes": "features of codes in bytes",
}
_CUDA_RATES = {
    "lookup": "look-ups",
    "int8_product": "int8 products",
    "float32_product": "float32 products",
    "float64_product": "float64 products",
    "byte": "bytes of device memory",
}


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    command.add_argument(
        "--measure", action="store_true", help="measure the engines anew and replace the file"
    )


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Describe the machine.

    Raises:
        UserError: If the environment names a kernel that there is not.
    """
    import numba
    import numpy as np
    import torch

    from analysis.user_error import mendable
    from analysis.version import package_version
    from torchapprox.kernels.compiling.cpu_kernel import (
        available_kernels,
        compiles,
        cpu_features,
        forced_kernel,
        line_kernels,
    )
    from torchapprox.operators.engine.calibration import costs_path, engine_costs, processor
    from torchapprox.operators.engine.choice import VARIABLE
    from torchapprox.operators.engine.costs import most_useful_terms

    threads = torch.get_num_threads()
    versions = (f"{module.__name__} {module.__version__}" for module in (torch, numba, np))
    yield f"torchapprox {package_version()}, Python {platform.python_version()}, " + ", ".join(
        versions
    )
    wide = sorted(name for name in cpu_features() if name.startswith(("avx", "amx")))
    yield f"CPU: {processor()}, {threads} threads, {' '.join(wide) or 'no AVX'}"
    yield f"CUDA: {_cuda()}"
    kernels = available_kernels()
    forced = mendable(lambda: forced_kernel(None))
    by_size = " or ".join(line_kernels(None) or kernels)
    chosen = f"{forced}, by TORCHAPPROX_KERNEL" if forced else by_size
    yield f"look-up kernel: {chosen}; this CPU runs {', '.join(kernels)}"
    yield f"engine: {os.environ.get(VARIABLE, 'auto')}"
    if not compiles():
        yield "  look-ups only, since NUMBA_DISABLE_JIT switches Numba's compiler off"
        return
    if arguments.measure:
        with contextlib.suppress(RuntimeError, OSError):  # then nothing is kept either
            costs_path(threads).unlink(missing_ok=True)
        engine_costs.cache_clear()
    costs = engine_costs(threads)
    yield from _rates(costs, _RATES)
    yield f"  factors may pay up to rank {most_useful_terms(costs)}"
    try:
        path = costs_path(threads)
        yield f"  kept in {path}" if path.exists() else f"  not kept: {path} cannot be written"
    except RuntimeError as error:
        yield f"  not kept: {error} Set HOME or XDG_CACHE_HOME to a folder."
    for number in range(torch.cuda.device_count()):
        yield from _cuda_rates(number, measure=arguments.measure)


def _cuda_rates(number: int, *, measure: bool) -> Iterator[str]:
    import torch

    from torchapprox.operators.engine.cuda_calibration import (
        calibrate_cuda,
        cuda_costs,
        cuda_costs_path,
    )

    device = torch.device("cuda", number)
    costs, path = calibrate_cuda(device) if measure else cuda_costs(device), cuda_costs_path(device)
    yield f"engine on {torch.cuda.get_device_name(device)}:"
    yield from _rates(costs, _CUDA_RATES)
    yield f"  factors may pay up to rank {costs.most_useful_terms()}"
    yield (
        f"  measured, kept in {path}"
        if path.exists()
        else "  from published rates; torchapprox info --measure measures them"
    )


def _rates(costs: EngineCosts | CudaCosts, meanings: Mapping[str, str]) -> Iterator[str]:
    for name, meaning in meanings.items():
        seconds = getattr(costs, name)
        if not seconds:
            yield f"     free      {meaning}"
            continue
        rate = 1e-9 / seconds
        yield f"  {rate:7.{1 if rate >= 0.1 else 3}f} G/s  {meaning}"


def _cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none"
    return ", ".join(
        torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())
    )
