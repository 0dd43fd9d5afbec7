"""Words of features, as Python makes them from the kernels' sources, without a compiler."""

import numpy as np
import pytest

from tests.torchapprox.kernels.features.places import Place, elements
from tests.torchapprox.kernels.features.test_feature_product import features
from torchapprox.kernels.features import feature_bytes, feature_pairs
from torchapprox.kernels.features.byte_lookup import ANY
from torchapprox.kernels.features.byte_tables import ByteTables
from torchapprox.kernels.features.code_words import RowPacking
from torchapprox.kernels.features.feature_pairs import map_places, map_vectors
from torchapprox.kernels.features.pair_tables import PairTables

HEIGHT, CHANNELS, TAPS, GROUPS = 7, 5, 4, 2
ROWS = np.random.default_rng(3).integers(
    0, 256, (GROUPS * HEIGHT * CHANNELS * TAPS,), dtype=np.uint8
)


def packed(kind, rank, at_once, *, plain):
    """Words of rows, and what sums begin with where features are bytes."""
    source = np.random.default_rng(2)
    if kind == "pairs":
        pack, tables = feature_pairs.pack_rows, PairTables.of(features(rank, 1))
    else:
        pack = feature_bytes.byte_row_packer(ANY)
        values = source.integers(-128, 128, (rank, 256)), source.integers(-90, 100, (rank, 256))
        if kind == "codes":  # which stand for themselves
            values = (np.arange(256)[None] ^ 128) - 128, np.arange(256)[None]
        tables, _ = ByteTables.of(*values)
        assert (tables.flip >= 0, tables.shifted) == (kind == "codes", kind == "bytes")
    starts = np.ones(GROUPS * HEIGHT, np.int32)
    of_rows = np.zeros(GROUPS * HEIGHT * tables.planes(CHANNELS) * TAPS, np.uint32)
    words, count = flat(tables), GROUPS * HEIGHT
    packing = RowPacking(ROWS, words, HEIGHT, CHANNELS, TAPS, of_rows, starts, at_once)
    if plain:
        packing = packing._replace(rows=Place(ROWS.astype(np.int64)), packed=Place(of_rows))
        with pytest.MonkeyPatch.context() as patch:
            for module in (feature_bytes, feature_pairs):
                patch.setattr(module, "elements", elements)
            pack.piece.function(packing, 0, 0, count)
    else:
        pack(packing, length=count, block=1, threads=1)
    return [of_rows, starts]


def flat(tables):
    """Words whose tables are indexed as at an address."""
    words = tables.words()
    return words._replace(pairs=words.pairs.reshape(-1))


@pytest.mark.parametrize(
    ("kind", "rank"),
    [("codes", 1), *((kind, rank) for kind in ("pairs", "bytes") for rank in (1, 2, 3))],
)
@pytest.mark.parametrize("at_once", [CHANNELS, 4])
def test_rows(kind, rank, at_once):
    compiled, plain = (packed(kind, rank, at_once, plain=plain) for plain in (0, 1))
    for one, other in zip(plain, compiled, strict=True):
        assert other.any()
        assert np.array_equal(one, other)


def expected(values, codes):
    """Planes by the formula: pairs of terms of a channel, then last terms of two channels."""
    halves = values.astype(np.int16).view(np.uint16).astype(np.uint32)
    rank, (channels, _) = len(values), codes.shape
    planes = [
        halves[t][codes[c]] | halves[t + 1][codes[c]] << np.uint32(16)
        for c in range(channels)
        for t in range(0, rank - 1, 2)
    ]
    if rank % 2:
        for c in range(0, channels, 2):
            word = halves[-1][codes[c]]
            if c + 1 < channels:
                word = word | halves[-1][codes[c + 1]] << np.uint32(16)
            planes.append(word)
    return np.array(planes)


VALUES = {
    **{f"rank {rank}": features(rank, 4) for rank in (1, 2, 3)},
    "own": np.arange(256)[None],
    "own signed": ((np.arange(256) ^ 128) - 128)[None],
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("channels", [4, 5])
@pytest.mark.parametrize("along_places", [True, False])
def test_planes_of_positions(name, channels, along_places):
    values, count, pitch = VALUES[name], 9, 16
    # Addresses lead to codes of 8 bits; wider ones here, which NumPy adds to without wrapping.
    codes = np.random.default_rng(5).integers(0, 256, (channels, count))
    tables = PairTables.of(values)
    planes = np.zeros(tables.planes(channels) * pitch, np.uint32)
    mapper, memory, strides = map_vectors, codes.T, (1, channels)
    if along_places:
        mapper, memory, strides = map_places, codes, (count, 1)
    memory = np.ascontiguousarray(memory).reshape(-1)
    mapper.function(flat(tables), memory, *strides, 0, channels, count, planes, pitch)
    assert np.array_equal(planes.reshape(-1, pitch)[:, :count], expected(values, codes))
