"""Products of features against sums over Python integers, for every width of vectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchapprox.kernels import multiply_features_cpu
from torchapprox.kernels.features import feature_product
from torchapprox.kernels.features.code_planes import CodePlanes
from torchapprox.kernels.features.feature_product import plane_pitch
from torchapprox.kernels.features.pair_tables import PairTables
from torchapprox.kernels.features.pair_unit import PORTABLE, ROWS, PairUnit, pair_unit
from torchapprox.kernels.results.sum_places import Rescaling, SumPlaces
from torchapprox.kernels.threads.scratch import Scratch

# Without an instruction, any width runs on any CPU.
UNITS = {"fastest": pair_unit(), "128": PORTABLE, "256": PairUnit(8, ""), "512": PairUnit(16, "")}


def features(rank, seed):
    """Features of both signs, with the extremes of 16 bits among them."""
    found = np.random.default_rng(seed).integers(-200, 300, (rank, 256))
    found[:, 7], found[:, 250] = -(2**15), 2**15 - 1
    return found


def draw(groups, height, width, depth, seed):
    source = np.random.default_rng(seed)
    rows = source.integers(0, 256, (groups, height, depth), dtype=np.uint8)
    return rows, source.integers(0, 256, (groups, width, depth), dtype=np.uint8)


def summed(rows, codes, left, right):
    """The sums modulo 2^32, entry by entry of the table that the features make."""
    table = left.T @ right
    groups, height = rows.shape[:2]
    out = np.empty((groups, height, codes.shape[1]), np.int32)
    for g, r, m in np.ndindex(out.shape):
        pairs = zip(rows[g, r].tolist(), codes[g, m].tolist(), strict=True)
        total = sum(int(table[pair]) for pair in pairs)
        out[g, r, m] = (total + 2**31) % 2**32 - 2**31
    return out


def in_pairs(left, right):
    return PairTables.of(left), PairTables.of(right)


def product(*operands, tables=in_pairs, unit=None, threads=1, transposed=False, along_k=True):
    """The kernel's sums of rows, codes of positions, and the features of both."""
    rows, codes, left, right = operands
    groups, height, width = len(rows), rows.shape[1], codes.shape[1]
    out = np.full(groups * height * width, 77, np.int32)
    row, step = (1, height) if transposed else (width, 1)
    places = SumPlaces(height * width, row, np.zeros(1, np.int64), width, width, step)
    if not along_k:
        codes = np.ascontiguousarray(codes.swapaxes(1, 2)).swapaxes(1, 2)
    planes = CodePlanes.of_matrix(codes)
    left, right = tables(left, right)
    multiply_features_cpu(rows, left, planes, right, out, places, unit=unit, threads=threads)
    if transposed:
        return out.reshape(groups, width, height).swapaxes(1, 2)
    return out.reshape(groups, height, width)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_shape(data):
    groups, height, width = (data.draw(st.integers(1, most)) for most in (3, 2 * ROWS + 3, 40))
    rank, depth = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 9))
    seed = data.draw(st.integers(0, 999))
    rows, codes = draw(groups, height, width, depth, seed)
    left, right = features(rank, seed + 1), features(rank, seed + 2)
    got = product(
        *(rows, codes, left, right),
        unit=data.draw(st.sampled_from(list(UNITS.values()))),
        threads=data.draw(st.integers(1, 3)),
        transposed=data.draw(st.booleans()),
        along_k=data.draw(st.booleans()),
    )
    assert np.array_equal(got, summed(rows, codes, left, right))


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
@pytest.mark.parametrize(
    ("groups", "height", "width", "depth", "rank"),
    [
        (1, 1, 1, 1, 1),
        (2, 70, 260, 63, 3),
        (1, 200, 9, 500, 4),
        (1, 3, 1100, 17, 1),
        (1, 2, 5, 0, 3),
    ],
)
def test_large_ones_on_every_width(groups, height, width, depth, rank, unit):
    rows, codes = draw(groups, height, width, depth, 5)
    left, right = features(rank, 1), features(rank, 2)
    table = left.T @ right
    wanted = np.zeros((groups, height, width), np.int64)  # which holds every sum
    for k in range(depth):
        wanted += table[rows[:, :, None, k], codes[:, None, :, k]]
    for along_k in (True, False):
        got = product(rows, codes, left, right, unit=unit, threads=2, along_k=along_k)
        assert np.array_equal(got, wanted.astype(np.int32))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_some_channels_at_a_time_and_few_sums(rank, monkeypatch):
    """A tile that does not fit is made of parts, which begin with the sums of those before."""
    monkeypatch.setattr(feature_product, "_PLANE_WORDS", 2**10)
    rows, codes = draw(2, 13, 40, 83, 5)
    left, right = features(rank, 1), features(rank, 2)
    assert np.array_equal(product(rows, codes, left, right), summed(rows, codes, left, right))
    monkeypatch.setattr(feature_product, "_scratch", Scratch(feature_product._new_scratch))
    monkeypatch.setattr(feature_product, "_SUMS", 2**9)
    for transposed in (False, True):
        got = product(rows, codes, left, right, transposed=transposed)
        assert np.array_equal(got, summed(rows, codes, left, right))


@pytest.mark.parametrize("flip", [0, 128])
def test_codes_that_are_their_own_features(flip):
    values = ((np.arange(256) ^ flip) - flip)[None]
    assert PairTables.of(values).flip == flip
    assert PairTables.of(-values).flip == -1
    rows, codes = draw(1, 7, 50, 33, 3)
    for along_k in (True, False):
        got = product(rows, codes, values, values, along_k=along_k)
        assert np.array_equal(got, summed(rows, codes, values, values))


@pytest.mark.parametrize("of_rows", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_numbers(dtype, of_rows):
    rows, codes = draw(2, 9, 21, 14, 3)
    left, right = features(3, 1) // 8, features(3, 2) // 8
    channels = 2 * (9 if of_rows else 21)
    source = np.random.default_rng(0)
    offset = source.integers(-(2**40), 2**40, channels)
    scale, bias = (source.standard_normal(channels).astype(dtype) for _ in range(2))
    sums = summed(rows, codes, left, right).astype(np.int64)
    by = (2, 9, 1) if of_rows else (2, 1, 21)
    wanted = (sums - offset.reshape(by)).astype(dtype) * scale.reshape(by) + bias.reshape(by)
    for row, step in ((21, 1), (1, 9)):
        out = np.empty(sums.size, dtype)
        places = SumPlaces(9 * 21, row, np.zeros(1, np.int64), 21, 21, step)
        multiply_features_cpu(
            *(rows, PairTables.of(left), CodePlanes.of_matrix(codes), PairTables.of(right)),
            *(out, places, Rescaling(offset.astype(np.float64), scale, bias, of_rows)),
            threads=1,
        )
        got = out.reshape(2, 9, 21) if step == 1 else out.reshape(2, 21, 9).swapaxes(1, 2)
        assert np.array_equal(got, wanted)


def test_features_beyond_16_bits():
    assert PairTables.of(np.full((1, 256), 2**15)) is None
    assert PairTables.of(np.full((1, 256), 2**15 - 1)).rank == 1


def test_planes_do_not_meet_in_the_cache():
    for places in range(1, 200):
        for lanes in (4, 8, 16):
            pitch = plane_pitch(places, lanes)
            assert pitch >= places + lanes
            assert pitch // 16 % 2 == 1
            assert pitch % 16 == 0
