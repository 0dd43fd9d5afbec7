"""How kernels are compiled and cached."""

import importlib
import pkgutil

import numba
import pytest
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher

import multipliers
import torchapprox.kernels
from torchapprox.kernels.jit import jit_cpu


@pytest.mark.bad_input("read-only-cache")
def test_without_a_place_for_the_cache_kernels_compile_all_the_same(monkeypatch):
    original = numba.njit
    monkeypatch.setattr(
        numba,
        "njit",
        lambda *functions, **options: (
            _refuse() if options.get("cache") else original(*functions, **options)
        ),
    )
    assert jit_cpu(lambda x: x + 1)(1) == 2


def _refuse():
    raise RuntimeError("cannot cache function: no locator available")


def modules():
    for package in (torchapprox.kernels, multipliers):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "cuda" not in info.name:
                yield importlib.import_module(info.name)


KERNELS = {
    f"{module.__name__}.{name}": value
    for module in modules()
    for name, value in vars(module).items()
    if isinstance(value, Dispatcher)
    and value.py_func.__module__ == module.__name__
    and not isinstance(value._cache, NullCache)
}


@pytest.mark.parametrize("name", KERNELS)
def test_a_cached_kernel_calls_no_kernel_of_another_file(name):
    """Numba's cache does not notice edits of another file."""
    function = KERNELS[name].py_func
    called = [function.__globals__.get(other) for other in function.__code__.co_names]
    files = {each.py_func.__module__ for each in called if isinstance(each, Dispatcher)}
    assert files <= {function.__module__}


@pytest.mark.parametrize("kernel", ["vbmi", "avx512bw", "avx2"])
@pytest.mark.parametrize("rescaled", [True, False])
def test_a_kernel_in_a_function_has_one_key_in_all_processes(kernel, rescaled):
    """Numba's key holds the pickles of what a closure sees, and a compiled function's is random."""
    from torchapprox.kernels.lookup_vector import _filler

    cells = _filler(kernel, 1, 16, rescaled).py_func.__closure__
    assert cells
    assert {type(cell.cell_contents) for cell in cells} <= {int, bool, str}
