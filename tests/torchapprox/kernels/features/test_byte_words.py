"""Words of bytes as Python makes them from the kernels' sources, for CPUs of each kind."""

import numpy as np
import pytest

from tests.torchapprox.kernels.features.places import Place, elements
from torchapprox.kernels.features import feature_bytes
from torchapprox.kernels.features.byte_lookup import ANY, AVX2, CODES, VBMI
from torchapprox.kernels.features.byte_tables import ByteTables
from torchapprox.kernels.features.code_words import RowPacking


def looked_up(table, codes, lanes):
    """Write down what 64 codes stand for, by a table whose bytes are in words."""
    bytes_of_table = table.array.reshape(-1).view(np.uint8)[table.start :]
    return bytes_of_table[codes.array[codes.index :][:lanes]].astype(np.uint32)


def bytes_of_neighbours(unit, table, halves, codes, target):
    target.elements(np.uint8)[:CODES] = looked_up(table, codes, CODES)


def words_of_neighbours(unit, table, halves, codes, target, pitch):
    by_four = looked_up(table, codes, CODES).reshape(-1, 4)
    for number, features in enumerate(by_four):
        target.array[(target + number * pitch).index] = (features << 8 * np.arange(4)).sum()


def words_of_lines(unit, table, halves, codes, pitch, target):
    lines = [looked_up(table, codes + line * pitch, CODES) for line in range(4)]
    words = sum(features << np.uint32(8 * line) for line, features in enumerate(lines))
    target.array[target.index :][:CODES] = words


@pytest.fixture(autouse=True)
def _in_python(monkeypatch):
    monkeypatch.setattr(feature_bytes, "address", Place)
    monkeypatch.setattr(feature_bytes, "elements", elements)
    monkeypatch.setattr(feature_bytes, "bytes_of_neighbours", bytes_of_neighbours)
    monkeypatch.setattr(feature_bytes, "words_of_neighbours", words_of_neighbours)
    monkeypatch.setattr(feature_bytes, "words_of_lines", words_of_lines)


def tables(name):
    source, values = np.random.default_rng(2), np.arange(256)[None]
    rows = source.integers(-128, 128, (1 if name == "own" else 3, 256))
    if name == "own":
        return ByteTables.of((values ^ 128) - 128, values)
    return ByteTables.of(rows, source.integers(0, 256, rows.shape))


def expected(table, codes):
    """Planes `(term and 4 channels, position)` by the formula; codes `(channel, position)`."""
    features = table.last.reshape(table.rank, 256)
    channels, count = codes.shape
    planes = np.zeros((table.rank, -(-channels // 4), count), np.uint32)
    for c in range(channels):
        planes[:, c // 4] |= features[:, codes[c]] << np.uint32(8 * (c % 4))
    return planes.reshape(-1, count)


@pytest.mark.parametrize("unit", [VBMI, AVX2, ANY])
@pytest.mark.parametrize("name", ["own", "features"])
@pytest.mark.parametrize("channels", [4, 7, CODES, 2 * CODES + 6])
@pytest.mark.parametrize("along_places", [True, False])
def test_planes_of_positions(along_places, channels, name, unit):
    count, pitch = CODES + 5, CODES + 16
    table = tables(name)[1]
    codes = np.random.default_rng(3).integers(0, 256, (channels, count))
    memory, strides = np.ascontiguousarray(codes.T), (1, channels)
    make = feature_bytes.byte_vector_mapper
    if along_places:
        memory, strides, make = codes, (count, 1), feature_bytes.byte_place_mapper
    planes = np.zeros(table.planes(channels) * pitch, np.uint32)
    words = table.words()._replace(pairs=Place(table.pairs))
    make(unit).function(words, memory.reshape(-1), *strides, 0, channels, count, planes, pitch)
    assert np.array_equal(planes.reshape(-1, pitch)[:, :count], expected(table, codes))


@pytest.mark.parametrize("unit", [VBMI, AVX2, ANY])
@pytest.mark.parametrize("name", ["own", "features"])
@pytest.mark.parametrize(("channels", "taps"), [(5, 3), (CODES, 1), (2 * CODES + 7, 1)])
def test_rows(channels, taps, name, unit):
    height, table = 3, tables(name)[0]
    rows = np.random.default_rng(4).integers(0, 256, (height, channels, taps))
    packed = np.zeros(table.planes(channels) * taps * height, np.uint32)
    starts = np.zeros(height, np.int32)
    words = table.words()._replace(pairs=Place(table.pairs))
    packing = RowPacking(
        Place(rows.reshape(-1)), words, height, channels, taps, Place(packed), starts, channels
    )
    feature_bytes.byte_row_packer(unit).piece.function(packing, 0, 0, height)
    wanted = [expected(table, rows[:, :, tap].T) for tap in range(taps)]  # (plane, row) of each tap
    assert np.array_equal(packed.reshape(height, -1, taps), np.stack(wanted, axis=2).swapaxes(0, 1))
    signed = table.last.astype(np.uint8).view(np.int8).reshape(table.rank, 256).astype(np.int64)
    begins = table.least @ signed
    assert starts.tolist() == [int(begins[row].sum()) for row in rows]
