"""Codes gathered with AVX-512 VBMI, which this CPU need not have."""

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

from tests.torchapprox.kernels.emitted import CPUS, Runnable, emitted, occurrences
from torchapprox.kernels.compiling.record import address_of
from torchapprox.kernels.lookup import vector_panels
from torchapprox.kernels.lookup.code_lines import LANES
from torchapprox.kernels.lookup.vbmi_transpose import EXCHANGES, _transpose


def transposer(chunks):
    def emit(builder, *places):
        _transpose(builder, chunks, *places)

    return emitted(5, emit)


@pytest.mark.parametrize("cpu", CPUS["vbmi"], ids=str)
@pytest.mark.parametrize("chunks", [1, 4])
def test_machine_code(chunks, cpu):
    """Two permutes exchange a bit of two registers: 8 pairs of 16 registers, for 4 bits."""
    assert occurrences(transposer(chunks), "vperm[it]2b", *cpu) == chunks * 2 * 8 * 4


@pytest.mark.parametrize("chunks", [1, 4])
def test_squares(chunks):
    source, run = np.random.default_rng(chunks), Runnable(transposer(chunks))
    codes = source.integers(0, 256, 5000, dtype=np.uint8)
    distances = source.integers(0, 5000 - 16 * chunks, LANES)
    panel = np.full((16 * chunks + 1, 90), 77, np.uint8)
    run(panel, 90, codes, distances, EXCHANGES)
    expected = [codes[distances + step] for step in range(16 * chunks)]
    assert np.array_equal(panel[:-1, :LANES], expected)
    assert (panel[:, LANES:] == 77).all()
    assert (panel[-1] == 77).all()


def transposed(chunks, target, width, source, distances, exchanges):
    """What `transpose_codes` does with addresses, which Python reads and writes byte by byte."""
    places = (ctypes.c_int64 * LANES).from_address(distances)
    for position, distance in enumerate(places):
        for step in range(16 * chunks):
            code = ctypes.c_uint8.from_address(source + distance + step)
            ctypes.c_uint8.from_address(target + step * width + position).value = code.value


@pytest.mark.parametrize(
    ("chunks", "stride", "steps", "step"),
    [
        (1, 16, 16, 0),
        (1, 21, 37, 5),
        (1, 40, 3, 17),
        (4, 64, 64, 0),
        (4, 90, 70, 9),
        (4, 64, 2, 70),
    ],
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 64, 130])
def test_panels(chunks, stride, steps, step, count, monkeypatch):
    """Whole chunks are read: before the first step of a short panel, and some of them twice."""
    monkeypatch.setattr(vector_panels, "transpose_codes", transposed)
    monkeypatch.setattr(vector_panels, "address", address_of)
    gather = vector_panels.vector_gatherer(chunks).function
    codes = np.random.default_rng(steps).integers(0, 256, count * stride + 200, dtype=np.uint8)
    pitch = -(-count // LANES) * LANES + LANES
    panel, distances = np.zeros((max(steps, 16 * chunks), pitch), np.uint8), np.zeros(256, np.int64)
    origin = 7
    lines = SimpleNamespace(codes=address_of(codes), stride=stride)
    product = SimpleNamespace(lines=lines, memory=SimpleNamespace(exchanges=0))
    pieces = [0], [origin], 1
    gather(product, address_of(panel), pitch, count, *pieces, 0, step, steps, distances)
    places = origin + step + np.arange(count) * stride
    for k in range(steps):
        line = panel.reshape(-1)[distances[k] :][:count]
        assert np.array_equal(line, codes[places + k]), k
