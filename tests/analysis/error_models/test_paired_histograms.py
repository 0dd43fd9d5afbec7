"""The terms of paired histograms against all permutations of tiny rows."""

from importlib import import_module

import numpy as np
import pytest

from analysis.error_models.association import LowRank, associated_part
from analysis.error_models.block import Block, blocks
from analysis.error_models.paired_histograms import block_moments, paired_histograms
from tests.analysis.error_models.brute_force import over_pairings, random_codes

NOTHING = LowRank(np.zeros((256, 0)), np.zeros((256, 0)))


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_mean_and_variance_over_all_pairings(random_multiplier, depth):
    error = random_multiplier(1).error
    x_codes, w_codes = random_codes(1, rows=4, channels=3, depth=depth)
    x_codes[0, 0], w_codes[0, 1] = x_codes[0, 0, 0], w_codes[0, 1, 0]  # codes that repeat
    expected, variance = block_moments(Block.of(x_codes[0], w_codes[0]), error, NOTHING)
    for n, row in enumerate(x_codes[0]):
        for o, column in enumerate(w_codes[0]):
            mean, spread = over_pairings(error, row, column)
            assert expected[n, o] == pytest.approx(mean, rel=1e-10)
            assert variance[n, o] == pytest.approx(spread, rel=1e-9, abs=1e-6)


def test_main_effects_are_no_spread():
    rng = np.random.default_rng(2)
    error = rng.integers(-500, 500, (256, 1)) + rng.integers(-500, 500, (1, 256))
    x_codes, w_codes = random_codes(2, depth=6)
    _, variance = block_moments(Block.of(x_codes[0], w_codes[0]), error, NOTHING)
    np.testing.assert_allclose(variance, 0, atol=1e-6)


def test_a_known_part_is_summed_as_it_is_paired(random_multiplier):
    error = random_multiplier(3).error
    x_codes, w_codes = random_codes(3, depth=4)
    rng = np.random.default_rng(3)
    part = LowRank(rng.normal(size=(256, 2)) * 30, rng.normal(size=(256, 2)) * 30)
    table = part.x_factors @ part.w_factors.T
    expected, variance = block_moments(Block.of(x_codes[0], w_codes[0]), error, part)
    rest = error - table
    for n, row in enumerate(x_codes[0]):
        for o, column in enumerate(w_codes[0]):
            known = sum(table[x, w] for x, w in zip(row, column, strict=True))
            # Scaled to integers, since the oracle sums integers.
            mean, spread = over_pairings(np.round(rest * 2**20).astype(np.int64), row, column)
            assert expected[n, o] == pytest.approx(known + mean / 2**20, rel=1e-6)
            assert variance[n, o] == pytest.approx(spread / 2**40, rel=1e-5)


def test_random_pairings_are_predicted(random_multiplier, make_trace):
    # The model's assumption holds: every row's codes are in random order.
    rng = np.random.default_rng(4)
    multiset = rng.integers(0, 256, 24, dtype=np.uint8)
    x_codes = rng.permuted(np.tile(multiset, (4000, 1)), axis=1)[None]
    w_codes = rng.integers(0, 256, (1, 2, 24), dtype=np.uint8)
    multiplier, trace = random_multiplier(4), make_trace(x_codes, w_codes, rows=4000)
    exact = paired_histograms(multiplier, trace)
    random = paired_histograms(multiplier, trace, rank=0)
    np.testing.assert_allclose(random.channel_std, exact.channel_std, rtol=5 / np.sqrt(2 * 4000))


class TestAssociatedPart:
    def test_has_no_main_effects(self, random_multiplier, make_trace):
        trace = make_trace(*random_codes(5, rows=50, depth=9))
        part = associated_part(random_multiplier(5).error, trace, 3)
        table = part.x_factors @ part.w_factors.T
        p, q = trace.x_histogram / trace.products, trace.w_histogram / trace.products
        np.testing.assert_allclose(p @ table, 0, atol=1e-8)
        np.testing.assert_allclose(table @ q, 0, atol=1e-8)

    def test_is_nearly_the_best_of_its_rank(self, make_trace):
        trace = make_trace(*random_codes(6, rows=60, channels=9, depth=9))
        rng = np.random.default_rng(6)
        smooth = (rng.normal(size=(256, 3)) @ rng.normal(size=(3, 256)) * 200).astype(int)
        error = smooth + rng.integers(-30, 30, (256, 256))
        part = associated_part(error, trace, 3)
        p, q = trace.x_histogram / trace.products, trace.w_histogram / trace.products
        table = error - p @ error
        table = table - (table @ q)[:, None]
        weight = np.sqrt(p)[:, None] * np.sqrt(q)
        left = np.linalg.norm(weight * (table - part.x_factors @ part.w_factors.T))
        best = np.sqrt(np.square(np.linalg.svd(weight * table, compute_uv=False)[3:]).sum())
        assert best <= left * (1 + 1e-9)
        assert left < 1.02 * best

    def test_a_rank_beyond_the_codes_is_no_error(self, random_multiplier, make_trace):
        trace = make_trace(*random_codes(7, rows=2, channels=1, depth=2))
        multiplier = random_multiplier(7)
        whole = paired_histograms(multiplier, trace, rank=200)
        exact = paired_histograms(multiplier, trace)
        np.testing.assert_allclose(whole.channel_std, exact.channel_std, rtol=1e-6)

    def test_a_negative_rank_is_refused(self, random_multiplier, make_trace):
        trace = make_trace(*random_codes(8))
        with pytest.raises(ValueError, match="'rank' must be at least 0, got -1"):
            paired_histograms(random_multiplier(), trace, rank=-1)


def test_a_large_layer_takes_the_low_rank_way(random_multiplier, make_trace, monkeypatch):
    trace, multiplier = make_trace(*random_codes(9, rows=20)), random_multiplier(9)
    by_rank = paired_histograms(multiplier, trace, rank=4).channel_std
    module = import_module("analysis.error_models.paired_histograms")
    monkeypatch.setattr(module, "LOOKUPS", 10)
    np.testing.assert_array_equal(paired_histograms(multiplier, trace).channel_std, by_rank)


class TestBlocks:
    def test_rows_are_bounded_over_all_groups(self, make_trace):
        trace = make_trace(*random_codes(10, groups=4, rows=30))
        found = list(blocks(trace, rows=20))
        assert [block.x_codes.shape for block in found] == [(5, 4)] * 4
        assert [block.w_codes.shape for block in found] == [(3, 4)] * 4

    def test_pairs_of_matrices_are_kept_whole(self, make_trace):
        trace = make_trace(*random_codes(10, groups=6, rows=8), fixed_weights=False)
        found = list(blocks(trace, rows=20))
        assert [block.x_codes.shape for block in found] == [(8, 4)] * 2

    def test_shares_sum_to_one(self, make_trace):
        (block,) = blocks(make_trace(*random_codes(11)))
        np.testing.assert_allclose(block.x_shares.sum(axis=1), 1)
        np.testing.assert_allclose(block.w_shares.sum(axis=1), 1)
