"""Exact factorisations: of the package's own tables, of random ones, and their arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htp import ARITHMETICS, Factorisation, RankError, factorise
from multipliers import Multiplier, code_values, exact_products, get, names
from multipliers.characterisation.rank import exact_rank

RANKS = {
    "mul8u_tm_k4": 1,
    "mul8s_drum4": 1,
    "mul8s_udm": 2,
    "mul8u_roba": 2,
    "mul8u_bam_h4_v6": 3,
    "mul8s_ct_v6_corrected": 8,
    "mul8u_tosam_h2_t6": 12,
    "mul8s_wallace_loa6": 17,
}


@pytest.mark.parametrize("part", ["smaller", "table", "error"])
@pytest.mark.parametrize("name", RANKS)
def test_own_families(name, part):
    multiplier = get(name)
    found = factorise(multiplier, part=part)
    assert np.array_equal(found.left @ found.right, multiplier.lut)
    if part == "error":
        assert found.rank == 1 + exact_rank(multiplier.error)
        assert found.left[:, 0].tolist() == code_values(multiplier.x_port.signed).tolist()
        assert found.right[0].tolist() == code_values(multiplier.w_port.signed).tolist()
    else:
        assert found.rank == RANKS[name]
    assert np.array_equal(found.int8.table, multiplier.lut)


@pytest.mark.parametrize("name", ["mul8s_bam_h0_v8", "mul8u_tosam_h1_t5", "mul8s_momeni_c4"])
def test_the_same_table_gives_the_same_factors(name):
    multiplier = get(name)
    first, second = factorise(multiplier), factorise(Multiplier.from_lut(
        multiplier.lut.copy(), x_signed=multiplier.x_port.signed,
        w_signed=multiplier.w_port.signed))  # fmt: skip
    assert np.array_equal(first.left, second.left)
    assert np.array_equal(first.right, second.right)


def test_signed_entries_fit_one_int8_product():
    for name in ("mul8s_bam_h0_v4", "mul8s_ct_v4_corrected", "mul8s_tm_k3", "mul8s_roba"):
        assert factorise(get(name)).fits_int8, name


@pytest.mark.nightly
def test_every_own_table_of_rank_up_to_64():
    for name in names():
        multiplier = get(name)
        if exact_rank(multiplier.lut) <= 64:
            found = factorise(multiplier)
            assert np.array_equal(found.left @ found.right, multiplier.lut), name
            assert np.array_equal(found.int8.table, multiplier.lut), name


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 6), st.sampled_from([1, 11, 127, 1000, 18_000]))
def test_random_low_rank_tables(seed, rank, limit):
    generator = np.random.default_rng(seed)
    left = generator.integers(-limit, limit + 1, (256, rank))
    right = generator.integers(-limit, limit + 1, (rank, 256))
    table = left @ right
    if np.abs(table).max(initial=0) >= 2**31:
        return
    found = factorise(table, part="table")
    assert found.rank == max(1, exact_rank(table))
    assert np.array_equal(found.left @ found.right, table)
    assert np.array_equal(found.int8.table, table)


def test_planted_factors_are_found_again():
    generator = np.random.default_rng(5)
    left, right = generator.integers(-9, 10, (256, 8)), generator.integers(-9, 10, (8, 256))
    found = factorise(left @ right, part="table")
    assert max(np.abs(found.left).max(), np.abs(found.right).max()) <= 9


@pytest.mark.parametrize("arithmetic", ["float32", "float64"])
@pytest.mark.parametrize("name", ["mul8u_bam_h0_v7", "mul8s_tm_k2", "mul8u_tosam_h0_t3"])
def test_exact_depth_is_the_last_exact_one(name, arithmetic):
    """Sums of the worst pair alone reach the bound; numbers beyond it are rounded."""
    found = factorise(get(name))
    depth = found.exact_depth(arithmetic)
    bits = {"float32": 24, "float64": 53}[arithmetic]
    greatest = int((np.abs(found.left) @ np.abs(found.right)).max())
    assert found.greatest_sum == greatest >= np.abs(get(name).lut).max()
    products = found.left[:, None, :] * found.right.T[None, :, :]
    assert not (products % found.unit).any()
    assert (products % (2 * found.unit)).any()
    assert depth * greatest <= found.unit * 2**bits < (depth + 1) * greatest


def test_float32_sums_of_the_greatest_depth_are_exact():
    found = factorise(get("mul8u_bam_h0_v7"))
    depth = found.exact_depth("float32")
    generator = np.random.default_rng(2)
    for codes in (generator.integers(0, 256, (2, depth)), np.full((2, depth), 255)):
        x, w = found.left[codes[0]].ravel(), found.right[:, codes[1]].T.ravel()
        total = np.float32(0)
        for a, b in zip(x.astype(np.float32), w.astype(np.float32), strict=True):
            total += a * b
        assert int(total) == get("mul8u_bam_h0_v7").lut[codes[0], codes[1]].sum()


@pytest.mark.parametrize("name", ["mul8u_roba", "mul8u_bam_h0_v6", "mul8u_tosam_h2_t6"])
def test_int8_depth_keeps_int32(name):
    factors = factorise(get(name), part="table").int8
    left, right = np.abs(factors.left.astype(int)), np.abs(factors.right.astype(int))
    for weight in set(factors.weights.tolist()):
        chosen = factors.weights == weight
        assert (left[:, chosen] @ right[chosen]).max() * factors.exact_depth <= 2**31 - 1
    assert {str(factors.left.dtype), str(factors.right.dtype)} == {"int8"}


def test_wide_entries_are_split_into_digits():
    left = np.arange(-30_000, 30_000, 235)[:256, None] * 40
    left[0] += 1
    multiplier = Multiplier.from_lut(left @ np.full((1, 256), 7))
    found = Factorisation(multiplier, left, np.full((1, 256), 7), "table")
    assert not found.fits_int8
    assert found.int8.weights.tolist() == [1, 256, 65536]
    assert np.array_equal(found.int8.table, multiplier.lut)


def test_common_divisors_become_weights():
    left = np.arange(-128, 128)[:, None] * 300
    multiplier = Multiplier.from_lut(left @ np.full((1, 256), 7))
    factors = Factorisation(multiplier, left, np.full((1, 256), 7), "table").int8
    assert factors.weights.tolist() == [300]
    assert factors.cost == (1, 1)
    assert np.array_equal(factors.table, multiplier.lut)


def test_a_table_of_zeros_and_the_exact_table():
    zero = factorise(np.zeros((256, 256), np.int64))
    assert (zero.rank, zero.part) == (1, "table")
    assert np.array_equal(zero.int8.table, np.zeros((256, 256)))
    assert zero.exact_depth("int8") == 2**31 - 1
    exact = factorise(exact_products(True, True))
    assert exact.rank == 1


def test_the_model_is_certified_exact():
    found = factorise(get("mul8s_bam_h0_v6"))
    certificate = found.model.certificate
    assert certificate.exact
    assert certificate.calls == found.rank == found.model.calls
    assert certificate.digest == get("mul8s_bam_h0_v6").digest


def test_high_ranks_are_refused_early():
    table = np.random.default_rng(0).integers(-99, 99, (256, 256))
    with pytest.raises(
        RankError, match=r"rank of at most 64 .* got table of at least 25[56]; use"
    ) as e:
        factorise(table)
    assert e.value.rank >= 255
    with pytest.raises(RankError, match=r"at most 3 .* got mul8u_tosam_h0_t2 of at least 4"):
        factorise(get("mul8u_tosam_h0_t2"), max_rank=3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1]],), TypeError, r"'lut' must be a Multiplier or an integer array .* got list"),
        ((np.zeros((256, 256)),), TypeError, r"'lut' must hold integers"),
        ((np.zeros((4, 4), int),), ValueError, r"'lut' must have shape \(256, 256\)"),
    ],
)
def test_bad_tables(arguments, error, message):
    with pytest.raises(error, match=message):
        factorise(*arguments)


def test_bad_values():
    exact = Multiplier.from_lut(exact_products(True, True))
    x = code_values(True).astype(np.int64)
    with pytest.raises(ValueError, match="'part' must be 'smaller', 'table' or 'error', got 'all'"):
        factorise(exact, part="all")
    with pytest.raises(ValueError, match="'left' @ 'right' must be the multiplier's table"):
        Factorisation(exact, x[:, None], x[None, :] + 1, "table")
    with pytest.raises(ValueError, match=r"must be \(256, r\) and \(r, 256\), got \(256,\)"):
        Factorisation(exact, x, x[None, :], "table")
    with pytest.raises(ValueError, match="'part' must be 'table' or 'error', got 'x'"):
        Factorisation(exact, x[:, None], x[None, :], "x")
    found = Factorisation(exact, x[:, None], x[None, :], "table")
    with pytest.raises(LookupError, match="must be one of int8, float32, float64, got 'int4'"):
        found.exact_depth("int4")
    assert [found.exact_depth(arithmetic) for arithmetic in ARITHMETICS] == [
        131071, 1024, 2**39]  # fmt: skip
    with pytest.raises(ValueError, match="read-only"):
        found.left[0] = 1
