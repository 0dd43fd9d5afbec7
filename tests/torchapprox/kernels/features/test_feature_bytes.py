"""Products of features in bytes against sums over Python integers, for every width of vectors."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.torchapprox.kernels.features.test_feature_product import draw, summed
from tests.torchapprox.kernels.features.test_feature_product import product as of_features
from torchapprox.kernels import multiply_features_cpu
from torchapprox.kernels.features import feature_product
from torchapprox.kernels.features.byte_tables import ByteTables
from torchapprox.kernels.features.code_planes import CodePlanes
from torchapprox.kernels.features.pair_unit import PORTABLE_BYTES, ROWS, PairUnit, byte_unit
from torchapprox.kernels.results.sum_places import Rescaling, SumPlaces
from torchapprox.kernels.threads.scratch import Scratch

# Without an instruction, any width runs on any CPU.
UNITS = {
    "fastest": byte_unit(),
    "128": PORTABLE_BYTES,
    "256": PairUnit(8, "", 4, rows=4),
    "512": PairUnit(16, "", 4),
}
SMALL_UNITS = {**UNITS, "fastest": byte_unit(small=True)}


def features(rank, seed):
    """Features of rows and positions, with the extremes of signed and of unsigned bytes."""
    source = np.random.default_rng(seed)
    rows = source.integers(-128, 128, (rank, 256))
    rows[:, 7], rows[:, 250] = -128, 127
    positions = source.integers(0, 256, (rank, 256))
    positions[:, 9], positions[:, 201] = 0, 255
    return rows, positions + source.integers(-300, 100, (rank, 1))


def small_features(rank, seed):
    """Features whose sums of two products reach the ends of 16 bits, and no further."""
    source = np.random.default_rng(seed)
    rows, positions = source.integers(-128, 128, (rank, 256)), source.integers(0, 128, (rank, 256))
    rows[:, 7], rows[:, 250] = -128, 127
    positions[:, 9], positions[:, 201] = 0, 128 if seed % 2 else 127
    if seed % 2:
        # The other way round: twice 255 * 64 is 2^15 less 128.
        rows, positions = source.integers(-64, 65, (rank, 256)), 2 * positions - (positions > 127)
    return rows, positions


product = partial(of_features, tables=ByteTables.of)
with_unsigned_rows = partial(of_features, tables=partial(ByteTables.of, unsigned_rows=True))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_small_products_of_any_shape(data):
    """Where AVX2 adds two products in 16 bits, and with unsigned features of either operand."""
    groups, height, width = (data.draw(st.integers(1, most)) for most in (3, 2 * ROWS + 3, 40))
    rank, depth = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 13))
    seed, unsigned_rows = data.draw(st.integers(0, 999)), data.draw(st.booleans())
    rows, codes = draw(groups, height, width, depth, seed)
    left, right = small_features(rank, seed + 1)
    assert ByteTables.of(left, right)[0].small
    if unsigned_rows:
        left, right = right, left
    unit = data.draw(st.sampled_from(list(SMALL_UNITS.values())))
    got = (with_unsigned_rows if unsigned_rows else product)(
        *(rows, codes, left, right),
        unit=unit._replace(unsigned_rows=unsigned_rows),
        threads=data.draw(st.integers(1, 3)),
        transposed=data.draw(st.booleans()),
        along_k=data.draw(st.booleans()),
    )
    assert np.array_equal(got, summed(rows, codes, left, right))


@pytest.mark.parametrize("unit", SMALL_UNITS.values(), ids=SMALL_UNITS)
@pytest.mark.parametrize("unsigned_rows", [False, True])
@pytest.mark.parametrize("extreme", [-128, 127])
def test_the_greatest_small_products(extreme, unsigned_rows, unit):
    """Sums of two reach -2 * 128 * 127 and 2 * 127 * 127, those of a row the sum of all."""
    signed, unsigned = np.full((1, 256), extreme), np.full((1, 256), 127)
    unsigned[0, 255] = 0
    rows, codes = np.zeros((1, 9, 640), np.uint8), np.zeros((1, 70, 640), np.uint8)
    left, right = (unsigned, signed) if unsigned_rows else (signed, unsigned)
    assert ByteTables.of(left, right, unsigned_rows=unsigned_rows)[0].small
    got = (with_unsigned_rows if unsigned_rows else product)(
        rows, codes, left, right, unit=unit._replace(unsigned_rows=unsigned_rows)
    )
    assert np.array_equal(got, np.full((1, 9, 70), 640 * 127 * extreme))


@pytest.mark.parametrize(
    ("rows", "positions", "small"),
    [
        ((-128, 127), (0, 127), True),
        ((-128, 127), (0, 128), True),
        ((-128, 127), (0, 129), False),
        ((0, 127), (0, 129), True),
        ((0, 127), (0, 130), False),
        ((-64, 64), (3, 258), True),
        ((-65, 0), (0, 255), False),
        ((0, 65), (0, 255), False),
        ((-127, 128), (0, 128), True),  # negated
        ((-127, 128), (0, 129), False),
    ],
)
def test_which_sums_of_two_products_fit_16_bits(rows, positions, small):
    left, right = (np.resize(np.array(ends), (2, 256)) for ends in (rows, positions))
    right[0] = right[0, 0]  # nothing exceeds 16 bits in the first term
    assert [tables.small for tables in ByteTables.of(left, right)] == [small, small]


@pytest.mark.parametrize(
    ("ends", "narrow"),
    [
        (((-64, 63), (-128, 127), (3, 5)), [0, 2]),
        (((-128, 127), (-64, 64), (-64, 63)), [2]),  # 4 * 128 * 64 is 2^15
        (((0, 63), (-65, 0), (-64, 0)), [0, 2]),
    ],
)
def test_which_terms_come_first(ends, narrow):
    """Those of which 16 bits hold sums of four products."""
    rows = np.array([np.resize(np.array(each), 256) for each in ends])
    positions = np.resize(np.arange(129), (3, 256))
    for left, right in (ByteTables.of(rows, positions), ByteTables.of(rows, positions + 7)):
        assert left.narrow == right.narrow == len(narrow)
        first = left.last.reshape(3, 256)[: len(narrow)]
        assert np.array_equal(first, rows[narrow] & 255)


@pytest.mark.parametrize("unit", SMALL_UNITS.values(), ids=SMALL_UNITS)
@pytest.mark.parametrize(("height", "depth"), [(9, 4), (6, 64), (11, 135)])
def test_sums_of_four_products_that_reach_the_ends_of_16_bits(height, depth, unit):
    """Of one term or two, beside one that does not; an odd number of steps, too."""
    rows, codes = draw(2, height, 40, depth, 5)
    rows[0], codes[0] = 7, 9
    rows[1, :2] = 7
    source = np.random.default_rng(2)
    left, right = source.integers(-64, 64, (3, 256)), source.integers(0, 128, (3, 256))
    left[:, 7], right[:, 9] = (-64, 63, -128), 127
    right[:, 10] = 0
    tables = ByteTables.of(left, right)
    assert (tables[0].narrow, tables[0].small) == (2, True)
    got = product(rows, codes, left, right, unit=unit)
    assert np.array_equal(got, summed(rows, codes, left, right))


@pytest.mark.parametrize("unsigned_rows", [False, True])
@pytest.mark.parametrize("depth", [33, 131])
def test_codes_that_do_not_occur_have_any_features(depth, unsigned_rows):
    """Of an operand whose codes are below 100, and of none where such a code occurs."""
    values = np.arange(256)[None]
    signed = (values ^ 128) - 128
    few = np.where(values < 100, values, 10**6)
    rows, codes = draw(1, 9, 70, depth, 3)
    if unsigned_rows:
        of_few, of_all, rows = few, signed, rows % 100
    else:
        of_few, of_all, codes = signed, few, codes % 100
    counts = (100, 256) if unsigned_rows else (256, 100)
    assert ByteTables.of(of_few, of_all, unsigned_rows=unsigned_rows) is None
    for along_k in (True, False):
        got = of_features(
            *(rows, codes, of_few, of_all),
            tables=partial(ByteTables.of, codes=counts, unsigned_rows=unsigned_rows),
            along_k=along_k,
        )
        assert np.array_equal(got, summed(rows, codes, of_few, of_all))


def test_unsigned_rows_are_taken_as_they_are():
    """Less the least one, they would need sums of positions' features."""
    values, signed = np.arange(256)[None], ((np.arange(256) ^ 128) - 128)[None]
    of_rows, of_positions = ByteTables.of(-values, -signed, unsigned_rows=True)
    assert (of_rows.unsigned_rows, of_positions.unsigned_rows) == (True, True)
    assert not of_rows.shifted
    assert ByteTables.of(values[:, ::-1] - 1, signed, unsigned_rows=True) is None


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_shape(data):
    groups, height, width = (data.draw(st.integers(1, most)) for most in (3, 2 * ROWS + 3, 40))
    rank, depth = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 13))
    seed = data.draw(st.integers(0, 999))
    rows, codes = draw(groups, height, width, depth, seed)
    left, right = features(rank, seed + 1)
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
        (2, 9, 131, 140, 2),
        (1, 2, 5, 0, 3),
    ],
)
def test_large_ones_on_every_width(groups, height, width, depth, rank, unit):
    rows, codes = draw(groups, height, width, depth, 5)
    left, right = features(rank, 1)
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
    monkeypatch.setattr(feature_product, "_PLANE_WORDS", 2**9)
    rows, codes = draw(2, 13, 40, 83, 5)
    left, right = features(rank, 1)
    assert np.array_equal(product(rows, codes, left, right), summed(rows, codes, left, right))
    monkeypatch.setattr(feature_product, "_scratch", Scratch(feature_product._new_scratch))
    monkeypatch.setattr(feature_product, "_SUMS", 2**9)
    for transposed in (False, True):
        got = product(rows, codes, left, right, transposed=transposed)
        assert np.array_equal(got, summed(rows, codes, left, right))


@pytest.mark.parametrize("flip", [0, 128])
def test_codes_that_are_their_own_features(flip):
    """Less the least one, values of either kind of codes are codes with another top bit."""
    signed, values = ((np.arange(256) ^ each) - each for each in (128, flip))
    of_rows, of_positions = ByteTables.of(signed[None], values[None])
    assert (of_rows.flip, of_positions.flip) == (0, flip)
    rows, codes = draw(1, 7, 50, 33, 3)
    for along_k in (True, False):
        got = product(rows, codes, signed[None], values[None], along_k=along_k)
        assert np.array_equal(got, summed(rows, codes, signed[None], values[None]))


def test_a_term_whose_negative_fits_is_negated():
    """Of the exact product of unsigned and signed codes, whose factors a factorisation negates."""
    unsigned, signed = np.arange(256)[None], ((np.arange(256) ^ 128) - 128)[None]
    rows, codes = draw(2, 5, 18, 9, 4)
    for left, right in ((-signed, -unsigned), (-signed, unsigned)):
        of_rows, of_positions = ByteTables.of(left, right)
        assert (of_rows.flip, of_positions.flip) == (0, 0 if right is not unsigned else -1)
        got = product(rows, codes, left, right)
        assert np.array_equal(got, summed(rows, codes, left, right))


@pytest.fixture
def without_vectors(monkeypatch):
    """Pack features as CPUs without AVX-512 VBMI and AVX2 do."""
    remembered = feature_product._byte_packing, feature_product._compiled
    monkeypatch.setattr(feature_product, "available_kernels", lambda: ("portable",))
    for each in remembered:
        each.cache_clear()
    yield
    for each in remembered:
        each.cache_clear()


@pytest.mark.parametrize(("depth", "width"), [(64, 64), (131, 70), (200, 150)])
@pytest.mark.usefixtures("without_vectors")
def test_codes_are_looked_up_byte_by_byte_elsewhere(depth, width):
    rows, codes = draw(2, 8, width, depth, 6)
    left, right = features(2, 1)
    for along_k in (True, False):
        got = product(rows, codes, left, right, along_k=along_k)
        assert np.array_equal(got, summed(rows, codes, left, right))


@pytest.mark.parametrize("of_rows", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_numbers(dtype, of_rows):
    rows, codes = draw(2, 9, 21, 14, 3)
    left, right = features(3, 1)
    channels = 2 * (9 if of_rows else 21)
    source = np.random.default_rng(0)
    offset = source.integers(-(2**40), 2**40, channels)
    scale, bias = (source.standard_normal(channels).astype(dtype) for _ in range(2))
    sums = summed(rows, codes, left, right).astype(np.int64)
    by = (2, 9, 1) if of_rows else (2, 1, 21)
    wanted = (sums - offset.reshape(by)).astype(dtype) * scale.reshape(by) + bias.reshape(by)
    of_left, of_right = ByteTables.of(left, right)
    for row, step in ((21, 1), (1, 9)):
        out = np.empty(sums.size, dtype)
        places = SumPlaces(9 * 21, row, np.zeros(1, np.int64), 21, 21, step)
        multiply_features_cpu(
            *(rows, of_left, CodePlanes.of_matrix(codes), of_right, out, places),
            Rescaling(offset.astype(np.float64), scale, bias, of_rows),
            threads=1,
        )
        got = out.reshape(2, 9, 21) if step == 1 else out.reshape(2, 21, 9).swapaxes(1, 2)
        assert np.array_equal(got, wanted)


def test_convolutions_read_taps_of_four_channels():
    """Codes of 7 channels, 3 taps each, 2 images of 2 lines; the last word has three channels."""
    source = np.random.default_rng(0)
    codes = source.integers(0, 256, (2, 7, 2, 12), dtype=np.uint8)
    rows = source.integers(0, 256, (1, 8, 21), dtype=np.uint8)
    left, right = features(2, 3)
    taps, lines = np.array([0, 1, 3]), np.array([0, 12])
    planes = CodePlanes(codes.reshape(-1), 0, 24, 7 * 24, 1, 7, 2, taps, lines, 9)
    out = np.empty(2 * 8 * 18, np.int32)
    positions = [0, 9, 8 * 18, 8 * 18 + 9]
    places = SumPlaces(0, 18, np.array(positions, np.int64), 9, 9, 1)
    of_left, of_right = ByteTables.of(left, right)
    multiply_features_cpu(rows, of_left, planes, of_right, out, places, threads=1)
    fields = np.stack([codes[..., t : t + 9] for t in taps], axis=2)  # (2, 7, 3, 2, 9)
    vectors = fields.transpose(0, 3, 4, 1, 2).reshape(1, 36, 21)
    wanted = summed(rows, vectors, left, right)[0].reshape(8, 2, 18).swapaxes(0, 1)
    assert np.array_equal(out.reshape(2, 8, 18), wanted)


@pytest.mark.parametrize(
    ("left", "right"), [((0, 256), (0, 1)), ((-128, 129), (0, 1)), ((0, 1), (-1, 256))]
)
def test_features_beyond_8_bits(left, right):
    ends = [np.resize(np.array([low, high - 1]), (1, 256)) for low, high in (left, right)]
    assert ByteTables.of(*ends) is None
