"""Every CUDA kernel compiles, which the simulator cannot tell; needs the compiler, no device."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
KERNELS = 18


@pytest.mark.cuda
@pytest.mark.skipif(
    find_spec("numba_cuda") is None, reason="needs the package numba-cuda, the extra 'cuda'"
)
def test_every_kernel_compiles():
    plain = {key: value for key, value in os.environ.items() if key != "NUMBA_ENABLE_CUDASIM"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cuda_registers", "--arch", "80", "90"],
        cwd=ROOT, env=plain, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "NvvmSupportError" in done.stderr:
        pytest.skip("needs NVIDIA's compiler library, libNVVM")
    assert done.returncode == 0, done.stderr
    assert sum(line.startswith("| sm_") for line in done.stdout.splitlines()) == 2 * KERNELS
