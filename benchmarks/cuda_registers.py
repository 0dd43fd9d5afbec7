"""Compile every CUDA kernel for some architectures: registers and spills, without a device.

``python -m benchmarks.cuda_registers [--arch 80 90]`` needs the extra ``torchapprox[cuda]``, no
driver and no simulator; without ``ptxas``, it says how long the code is.
"""

import argparse
import importlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from numba import cuda as _cuda
from numba import types

from benchmarks.cuda_occupancy import resident_blocks
from benchmarks.record import recorded
from torchapprox.kernels.features import factors_cuda
from torchapprox.kernels.lookup import lookup_cuda, saturating_cuda, table_gradient_cuda
from torchapprox.kernels.quantise import quantise_cuda
from torchapprox.kernels.results import rescale_cuda

cuda: Any = _cuda
BYTE, INT, LONG, REAL = types.uint8, types.int32, types.int64, types.float32


def array(kind: Any, dims: int = 1) -> Any:
    """Return the type of a contiguous device array."""
    return types.Array(kind, dims, "C")


def kernels() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Yield names, kernels and the types of their arguments."""
    codes, sizes = array(BYTE, 3), types.UniTuple(types.uint32, 17)
    for packed, pairs, columns, width in (
        (True, 4, 4, 4), (True, 4, 1, 4), (True, 1, 4, 4), (False, 4, 4, 4), (False, 4, 1, 8),
    ):  # fmt: skip
        sums = array(INT if width == 4 else LONG)
        name = f"lookup, {'pairs' if packed else 'rows'} {pairs}, columns {columns}, {width} bytes"
        arguments = array(INT, 2), codes, array(BYTE), sizes, LONG, sums
        yield name, lookup_cuda._kernel(packed, pairs, columns, width), arguments
    saturating = array(INT, 2), codes, codes, array(LONG, 3), LONG, LONG
    yield "saturating", saturating_cuda._saturating, saturating
    by, limits, places = (array(REAL), array(REAL), array(INT)), (REAL, REAL), (LONG,) * 9
    for whole in (True, False):
        arguments = *by, *limits, types.UniTuple(LONG, len(places)), array(BYTE), array(REAL)
        name = "quantise" if whole else "quantise, padded"
        yield name, quantise_cuda._codes_kernel(4, whole), arguments
    yield "fake-quantise", quantise_cuda._reals_kernel(4), (*by, *limits, LONG, array(REAL))
    clip = *by, *limits, LONG, array(REAL), array(REAL)
    yield "clip gradient", quantise_cuda._gradient_kernel(4), clip
    for name, make, sums, channels, shared in (
        ("rows", rescale_cuda._rows_kernel, 2, 1, 2),
        ("columns", rescale_cuda._columns_kernel, 3, 2, 2),
        ("transposed", rescale_cuda._transposed_kernel, 3, 2, 2),
    ):
        by_channel = array(LONG, channels), array(REAL, channels)
        more = array(LONG, shared), array(LONG, channels), array(REAL, sums)
        yield f"rescale {name}", make(4, True), (array(INT, sums), *by_channel, *more)
    reals = array(REAL, 3)
    gradient = array(REAL, 2), codes, codes, reals, reals
    yield "table gradient", table_gradient_cuda._kernel(4), gradient
    for in_place, packed in ((True, True), (False, True), (True, False)):
        kind, out = (BYTE, INT) if packed else (REAL, REAL)
        places = types.UniTuple(types.uint32, 17), types.UniTuple(LONG, 8)
        more = (array(LONG), array(LONG, 3)) if packed else (array(kind, 2),) * 2
        name = f"pack {'fields' if in_place else 'rows'}, {'bytes' if packed else 'floats'}"
        kernel = factors_cuda._pack_kernel(in_place, packed, packed)
        yield name, kernel, (array(kind, 2), array(BYTE), *places, array(out, 3), *more)
    joined = array(INT, 3), array(INT, 4), LONG, types.UniTuple(LONG, 3), *(array(LONG, 2),) * 2
    yield "join products", factors_cuda._join_kernel(4, False, True, True), joined


class Assembled(NamedTuple):
    """What the assembler says of a kernel."""

    registers: int
    spilt: int
    shared: int


def assembler() -> str | None:
    """Return the path of ptxas: that of NVIDIA's wheels, which fits their compiler, or another."""
    wheels = find_spec("nvidia")
    for folder in (wheels.submodule_search_locations or []) if wheels else []:
        for found in sorted(Path(folder).glob("*/bin/ptxas")):
            return str(found)
    return shutil.which("ptxas")


def assemble(kernel: Any, arguments: tuple[Any, ...], arch: int, limit: int | None) -> Assembled:
    """Compile one kernel.

    Args:
        kernel: The kernel.
        arguments: The types of its arguments.
        arch: Architecture, as in ``sm_90``.
        limit: Most registers of a thread.

    Raises:
        RuntimeError: The assembler refuses the code.
    """
    signature, capability = types.void(*arguments), divmod(arch, 10)
    code, _ = cuda.compile_ptx(kernel.py_func, signature, cc=capability)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(code, encoding="utf-8")
        command = [str(assembler()), "-v", f"-arch=sm_{arch}", str(source), "-o", f"{source}.out"]
        command += [f"-maxrregcount={limit}"] if limit else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"(\d+) bytes spill stores.*?Used (\d+) registers", done.stderr, re.DOTALL)
    if found is None:
        raise RuntimeError(f"ptxas: {done.stderr.strip()}")
    shared = re.search(r"(\d+) bytes smem", done.stderr)
    return Assembled(int(found[2]), int(found[1]), int(shared[1]) if shared else 0)


def report(kernel: Any, arguments: tuple[Any, ...], arch: int, threads: int) -> str:
    """Return cells on one kernel, and how many of its blocks a multiprocessor holds."""
    if assembler() is None:
        code, _ = cuda.compile_ptx(kernel.py_func, types.void(*arguments), cc=divmod(arch, 10))
        return f"{len(code.splitlines())}"
    limit = kernel.targetoptions.get("max_registers")
    found = assemble(kernel, arguments, arch, limit)
    blocks = resident_blocks(arch, threads, found.registers, found.shared)
    most = f" of at most {limit}" if limit else ""
    cells = f"{found.registers}{most}", found.spilt, found.shared, f"{blocks} of {threads} threads"
    return " | ".join(map(str, cells))


def compiler() -> str:
    """Return the versions of what compiles and assembles."""
    numba_cuda, path = f"numba-cuda {version('numba-cuda')}", assembler()
    if path is None:
        return f"{numba_cuda}, no ptxas"
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    found = re.search(r"release [\d.]+, V([\d.]+)", done.stdout)
    return f"{numba_cuda}, ptxas {found[1] if found else done.stdout.strip()}"


def main() -> None:
    """Print a row for each kernel and architecture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", type=int, nargs="+", default=[80, 90])
    arguments = parser.parse_args()
    if find_spec("numba_cuda") is None:
        sys.exit("needs the package numba-cuda: pip install 'torchapprox[cuda]'")
    print(f"{compiler()}\n")
    figures = ["registers", "spilt, bytes", "shared, bytes", "blocks"] if assembler() else ["lines"]
    columns = ["for", "kernel", *figures]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for arch in arguments.arch:
        # Numba asks the current device, which nobody needs to have, when a kernel is declared.
        for module in ("dispatcher", "compiler"):
            part: Any = importlib.import_module(f"numba.cuda.{module}")
            part.get_current_device = lambda: SimpleNamespace(
                compute_capability=divmod(arguments.arch[0], 10)
            )
        for name, kernel, types_of in kernels():
            threads = 128 if name == "saturating" else 256
            print(f"| sm_{arch} | {name} | {report(kernel, types_of, arch, threads)} |")


if __name__ == "__main__":
    recorded(main)
