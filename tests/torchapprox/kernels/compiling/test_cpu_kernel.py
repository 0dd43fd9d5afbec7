"""The choice of a kernel by CPU, argument and environment."""

import subprocess
import sys

import pytest

from torchapprox.kernels.compiling import cpu_kernel
from torchapprox.kernels.compiling.cpu_kernel import available_kernels, forced_kernel, line_kernels


@pytest.fixture(autouse=True)
def _every_cpu_asked_anew():
    available_kernels.cache_clear()
    yield
    available_kernels.cache_clear()


@pytest.fixture
def old_cpu(monkeypatch):
    monkeypatch.setattr(cpu_kernel, "cpu_features", lambda: frozenset({"avx", "avx512f"}))


def test_nothing_forced(monkeypatch):
    monkeypatch.delenv("TORCHAPPROX_KERNEL", raising=False)
    assert forced_kernel(None) is None
    monkeypatch.setenv("TORCHAPPROX_KERNEL", "")
    assert forced_kernel(None) is None


def test_the_argument_comes_before_the_environment(monkeypatch):
    monkeypatch.setenv("TORCHAPPROX_KERNEL", "nonsense")
    assert forced_kernel("portable") == "portable"


def test_the_environment(monkeypatch):
    monkeypatch.setenv("TORCHAPPROX_KERNEL", "portable")
    assert forced_kernel(None) == "portable"


def test_an_old_cpu_runs_the_portable_kernel(old_cpu):
    assert available_kernels() == ("expanded", "portable")


@pytest.mark.parametrize(
    ("features", "kernels", "choice"),
    [
        ((), (), ("expanded",)),
        (("avx2",), ("avx2",), ("avx2", "expanded")),
        (("avx2", "avx512f", "avx512bw"), ("avx512bw", "avx2"), ("avx512bw",)),
        (("avx2", "avx512vbmi"), ("avx2",), ("avx2", "expanded")),
        (
            ("avx2", "avx512f", "avx512bw", "avx512vbmi"),
            ("vbmi", "avx512bw", "avx2"),
            ("vbmi",),
        ),
    ],
)
def test_the_kernels_of_a_cpu(features, kernels, choice, monkeypatch):
    monkeypatch.setattr(cpu_kernel, "cpu_features", lambda: frozenset(features))
    assert available_kernels() == (*kernels, "expanded", "portable")
    assert line_kernels(None) == choice
    assert line_kernels("avx2") == ("avx2",)
    assert line_kernels("expanded") == ("expanded",)
    assert line_kernels("portable") == ()


def test_without_a_compiler(monkeypatch):
    monkeypatch.setattr(cpu_kernel, "compiles", lambda: False)
    assert available_kernels() == ("portable",)
    assert line_kernels(None) == ()
    with pytest.raises(NotImplementedError, match=r"got 'expanded', which needs .*compiler"):
        forced_kernel("expanded")


def test_a_forced_kernel_that_the_cpu_does_not_run(old_cpu, monkeypatch):
    with pytest.raises(
        NotImplementedError, match=r"'kernel' must be.*needs a CPU with avx512bw, a"
    ):
        forced_kernel("vbmi")
    monkeypatch.setenv("TORCHAPPROX_KERNEL", "vbmi")
    with pytest.raises(
        NotImplementedError, match=r"variable TORCHAPPROX_KERNEL.*runs expanded, portable"
    ):
        forced_kernel(None)


def test_an_unknown_kernel(monkeypatch):
    with pytest.raises(
        ValueError,
        match=r"'kernel' must be one of vbmi, avx512bw, avx2, expanded, portable, got 'sse'",
    ):
        forced_kernel("sse")
    monkeypatch.setenv("TORCHAPPROX_KERNEL", "sse")
    with pytest.raises(ValueError, match=r"variable TORCHAPPROX_KERNEL must be one of.*'sse'"):
        forced_kernel(None)


@pytest.mark.parametrize("setting", ["NUMBA_CPU_NAME=generic", "NUMBA_CPU_FEATURES=+avx,-avx2"])
def test_numba_told_to_compile_for_another_cpu(setting):
    name, value = setting.split("=")
    code = (
        f"import os; os.environ[{name!r}] = {value!r}\n"
        "from torchapprox.kernels.compiling.cpu_kernel import available_kernels\n"
        "assert available_kernels() == ('expanded', 'portable')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
