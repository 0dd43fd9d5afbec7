"""How kernels are compiled and cached."""

import ctypes

import numba
import numpy as np
import pytest
from numba.core.ccallback import CFunc
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps

from torchapprox.kernels.compiling import kernel_cache
from torchapprox.kernels.compiling.jit import jit_cpu
from torchapprox.kernels.compiling.kernel_cache import KeyedCacheFile
from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.features import feature_bytes, feature_tiles
from torchapprox.kernels.features.byte_lookup import ANY, AVX2, VBMI
from torchapprox.kernels.features.pair_unit import PORTABLE
from torchapprox.kernels.lookup import expanded_tiles, lookup_cpu, lookup_tiles, vector_panels
from torchapprox.kernels.results import vector_results
from torchapprox.kernels.threads.blocks import blocks_cpu


@pytest.mark.bad_input("read-only-cache")
def test_without_a_place_for_the_cache_kernels_compile_all_the_same(monkeypatch):
    monkeypatch.setattr(Dispatcher, "enable_caching", _refuse)
    assert jit_cpu(lambda x: x + 1)(1) == 2


@pytest.mark.bad_input("read-only-cache")
def test_without_a_place_for_the_cache_pieces_compile_all_the_same(monkeypatch):
    monkeypatch.setattr(CFunc, "enable_caching", _refuse)

    @piece_cpu(out=np.uint8)
    def count(out, last):
        for i in range(last):
            out[i] = 200 + i

    out = np.zeros(3, np.uint8)
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(count.address)
    call(out.ctypes.data, 2)
    assert out.tolist() == [200, 201, 0]


def _refuse(_):
    raise RuntimeError("cannot cache function: no locator available")


NUMBERS = np.int32, np.float32, np.float64  # classes, which are pickled by name


def in_functions():
    for kernel in ("vbmi", "avx512bw", "avx2"):
        yield lookup_tiles.accumulator(kernel, 4, 1, 16).function
    yield expanded_tiles.adder(4, 15).function
    yield feature_tiles.pair_multiplier(PORTABLE, 6).function
    yield vector_panels.vector_gatherer(4).function
    for bits in (0, 32, 64):
        for transposed in (True, False):
            yield vector_results.writer(bits, transposed).function
    for unit in (VBMI, AVX2, ANY):
        yield feature_bytes.byte_place_mapper(unit).function
        yield feature_bytes.byte_vector_mapper(unit).function
        yield feature_bytes.byte_row_packer(unit).piece.function


@pytest.mark.parametrize("function", list(in_functions()))
def test_a_function_in_a_function_has_one_key_in_all_processes(function):
    """Numba's key holds the pickles of what a closure sees, and a compiled function's is random."""
    cells = function.__closure__
    assert cells
    contents = [cell.cell_contents for cell in cells]
    assert all(type(one) in (int, bool, str) or one in NUMBERS for one in contents)


def test_an_edit_of_any_file_makes_machine_code_stale(tmp_path, monkeypatch):
    """Numba looks at a kernel's own file only."""
    for content in ("one", "other"):
        folder = tmp_path / content
        (folder / "emitters").mkdir(parents=True)
        (folder / "emitters" / "emitter.py").write_text(content)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    hits = []
    for content in ("one", "one", "other"):
        monkeypatch.setattr(kernel_cache, "_KERNELS", tmp_path / content)
        kernel = with_constant(7)
        kernel(np.zeros(5), length=5, block=1, threads=1)
        hits.append(sum(kernel._run.stats.cache_hits.values()))
    assert hits == [0, 1, 0]


def with_constant(constant):
    @blocks_cpu
    def kernel(values, start, stop):
        for item in range(start, stop):
            values[item] = constant

    return kernel


def key_in_blocks(kernel):
    """What Numba's cache knows a kernel in blocks by."""
    function = kernel._run.py_func
    place = function.__code__.co_filename, function.__code__.co_firstlineno, function.__qualname__
    return *place, dumps(tuple(cell.cell_contents for cell in function.__closure__))


def test_kernels_in_blocks_have_keys_and_places_of_their_own():
    one, same, other = (with_constant(constant) for constant in (1, 1, 2))
    assert key_in_blocks(one) == key_in_blocks(same) != key_in_blocks(other)
    assert key_in_blocks(one)[:2] == (__file__, with_constant.__code__.co_firstlineno + 1)
    assert key_in_blocks(lookup_cpu._fill_runs) != key_in_blocks(lookup_cpu._fill_dots)


def test_a_kernel_in_blocks_comes_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    for hits in (0, 1):
        values = np.zeros(5)
        kernel = with_constant(7)
        kernel(values, length=5, block=1, threads=1)
        assert values.tolist() == [7] * 5
        statistics = kernel._run.stats
        assert sum(statistics.cache_hits.values()) == hits
        assert sum(statistics.cache_misses.values()) == 1 - hits


@piece_cpu(out=np.int64)
def one(out):
    out[0] = 1


def test_processes_that_compile_at_once_do_not_take_each_others_code(tmp_path, monkeypatch):
    """Each reads the index before the other has written it, and writes it after the other has."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    kernels = [with_constant(7), with_constant(9)]
    with monkeypatch.context() as patch:
        indexes = []
        patch.setattr(KeyedCacheFile, "_load_index", lambda _: {})
        patch.setattr(KeyedCacheFile, "_save_index", lambda _, index: indexes.append(index))
        for kernel in kernels:
            kernel(np.zeros(5), length=5, block=1, threads=1)
    merged = {key: name for index in indexes for key, name in index.items()}
    assert len(set(merged.values())) == len(merged) == 2
    assert all(list(tmp_path.glob(f"*/{name}")) for name in merged.values())
    monkeypatch.setattr(KeyedCacheFile, "_load_index", lambda _: merged)
    for constant in (9, 7):
        values, kernel = np.zeros(5), with_constant(constant)
        kernel(values, length=5, block=1, threads=1)
        assert values.tolist() == [constant] * 5
        assert sum(kernel._run.stats.cache_hits.values()) == 1


def test_pieces_are_cached_likewise(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    for hits in (0, 1):
        code, address = Piece(one.function, {"out": np.int64})._code
        out = np.zeros(1, np.int64)
        ctypes.CFUNCTYPE(None, ctypes.c_int64)(address)(out.ctypes.data)
        assert out[0] == 1
        assert code.cache_hits == hits
        assert isinstance(code._cache._cache_file, KeyedCacheFile)


def test_versions_of_numba_that_share_a_cache_write_files_of_their_own(tmp_path):
    for version in ("one", "other"):
        file = KeyedCacheFile(str(tmp_path), "kernel", "stamp")
        file._version = version
        file.save("key", version)
        assert file.load("key") == version
    assert len(list(tmp_path.glob("*.nbc"))) == 2
