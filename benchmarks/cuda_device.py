"""Check the CUDA kernels against the CPU and time them on a device: one table, in some minutes.

``python -m benchmarks.cuda_device [--quick] [--sections NAME ...]``

Products are compared integer for integer, networks by the output of one batch. Times are medians of
CUDA events over rounds in which the candidates take turns; rates are products, look-ups or bytes a
second. A section that fails says why, and the others go on.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import torch

from benchmarks import cuda_products
from benchmarks.cuda_networks import check_networks, networks
from benchmarks.device_times import Row
from benchmarks.network_models import LARGE_NETWORKS, NETWORKS
from benchmarks.record import recorded
from torchapprox.operators.engine.cuda_calibration import calibrate_cuda

ROOT = Path(__file__).parents[1]
TEST_SECONDS = 90
Section = Callable[[], Iterator[Row]]


def tests() -> Iterator[Row]:
    """Run the tests that launch kernels on the device.

    Raises:
        AssertionError: One failed.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda and not nightly", "tests"]
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env={**os.environ, "NUMBA_ENABLE_CUDASIM": "0"}, capture_output=True,
        text=True, timeout=TEST_SECONDS, check=False,
    )  # fmt: skip
    last = done.stdout.strip().splitlines()[-1:] or [done.stderr[-300:]]
    assert done.returncode == 0, done.stdout[-2000:]
    yield Row("tests marked cuda", "pytest -m cuda", last[0].strip("= "))


def costs(device: torch.device) -> Iterator[Row]:
    """Measure by what the engines are chosen."""
    found = calibrate_cuda(device)
    for name in ("lookup", "int8_product", "float32_product", "float64_product", "byte"):
        seconds = getattr(found, name)
        yield Row(f"costs: {name}", "calibration", f"{1e-12 / seconds:.3g} T/s" if seconds else "-")
    yield Row("costs: call", "calibration", f"{1e6 * found.call:.3g} us")


def sections(device: torch.device, *, quick: bool) -> dict[str, Section]:
    """Return what is run, by name."""
    small = dict(list(NETWORKS.items())[:1]) if quick else NETWORKS
    return {
        "integers": partial(cuda_products.check, device),
        "graphs": partial(cuda_products.check_graphs, device),
        "costs": partial(costs, device),
        "products": partial(cuda_products.products, device),
        "convolutions": partial(cuda_products.convolutions, device),
        "passes": partial(cuda_products.passes, device),
        "outputs": partial(check_networks, device, small),
        **{
            name: partial(networks, device, name, build)
            for name, build in (NETWORKS if quick else LARGE_NETWORKS).items()
        },
        "tests": tests,
    }


def run(found: Mapping[str, Section], usable: Callable[[], bool]) -> list[str]:
    """Print the rows of sections as they come, and what failed.

    Args:
        found: The sections.
        usable: Says whether this process can still use the device, which it cannot after some
            errors of a kernel; asked after a failure.

    Returns:
        The sections that failed, and, where the device became unusable, those not yet run after an
        empty name.
    """
    failed = []
    for number, (name, section) in enumerate(found.items()):
        start = time.perf_counter()
        try:
            for row in section():
                print(row, flush=True)
        except Exception as error:  # the other sections are to run
            failed.append(name)
            text = " ".join(str(error).split())[:300].replace("|", "/")
            print(Row(name, "FAILED", f"{type(error).__name__}: {text}"), flush=True)
            if not usable():
                return [*failed, "", *list(found)[number + 1 :]]
        took = time.perf_counter() - start
        print(Row(f"section {name}", "took", f"{took:.1f} s"), flush=True)
    return failed


def usable() -> bool:
    """Whether the device still computes for this process."""
    try:
        return int(torch.ones(2, device="cuda").sum()) == 2
    except RuntimeError:
        return False


def in_another_process(names: list[str], *, quick: bool) -> bool:
    """Run sections in a process of their own; whether all were sound."""
    command = [sys.executable, "-m", "benchmarks.cuda_device", "--without-head", "--sections"]
    words = [*command, *names, *(["--quick"] if quick else [])]
    # Line by line through this process, so that a record has them.
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        for line in process.stdout or ():
            print(line, end="", flush=True)
    return process.returncode == 0


def main() -> None:
    """Check, time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small networks")
    parser.add_argument("--sections", nargs="+", metavar="NAME", help="run these only")
    parser.add_argument("--without-head", action="store_true", help="leave out the table's head")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("needs a CUDA device and the extra torchapprox[cuda]; PyTorch sees none")
    device = torch.device("cuda", torch.cuda.current_device())
    found = sections(device, quick=arguments.quick)
    names = arguments.sections or list(found)
    if unknown := set(names) - set(found):
        sys.exit(f"there are no sections {', '.join(unknown)}; there are {', '.join(found)}")
    if not arguments.without_head:
        print(f"{torch.cuda.get_device_name(device)}, PyTorch {torch.__version__}\n")
        print("| what | case | figure |", "|---|---|---|", sep="\n", flush=True)
    failed = run({name: found[name] for name in names}, usable)
    if "" in failed:  # the last sections were not run
        place = failed.index("")
        failed, rest = failed[:place], failed[place + 1 :]
        if rest and not in_another_process(rest, quick=arguments.quick):
            failed.append("some of the sections in another process")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    recorded(main)
