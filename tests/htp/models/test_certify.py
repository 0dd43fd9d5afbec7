"""The certificate's figures against plain loops, and the coverage of its intervals."""

import numpy as np
import pytest
import torch

from htp import Feature, HtpModel, Term, accurate_model, certify, certify_function
from multipliers import Multiplier, Port, exact_products, get, truncated_multiplier

FLOOR = HtpModel("floor", (Term(1.0, Feature("floor", 2), Feature("floor", 2)),))
PORTS = [(True, True), (False, False), (False, True), (True, False)]


def differences_of(multiplier):
    """The accurate model's differences and the multiplier's errors, in plain loops."""
    x_values, w_values = multiplier.x_port.values.tolist(), multiplier.w_port.values.tolist()
    return [
        x * w - int(multiplier.lut[x % 256, w % 256]) for x in x_values for w in w_values
    ]  # fmt: skip


@pytest.mark.parametrize(("x_signed", "w_signed"), PORTS)
def test_figures(x_signed, w_signed):
    table = np.random.default_rng(1).integers(-(2**14), 2**14, (256, 256))
    table[::3] = exact_products(x_signed, w_signed)[::3]
    multiplier = Multiplier.from_lut(table, x_signed=x_signed, w_signed=w_signed)
    got = certify(accurate_model(), multiplier)
    differences = differences_of(multiplier)
    count = len(differences)
    mean = sum(differences) / count
    std = (sum((d - mean) ** 2 for d in differences) / count) ** 0.5
    assert (got.digest, got.calls, got.pairs) == (multiplier.digest, 1, count)
    assert got.exact_share == differences.count(0) / count
    assert got.exact_share_interval == (got.exact_share, got.exact_share)
    assert got.max_abs_difference == max(map(abs, differences))
    assert got.mean_abs_difference == pytest.approx(sum(map(abs, differences)) / count)
    assert got.error_mean_difference == pytest.approx(mean)
    # The accurate model has no error, so that only the multiplier's deviation counts.
    assert got.error_std_difference == pytest.approx(-std)
    assert got.std_difference == pytest.approx(std)
    assert got.exhaustive
    assert not got.exact
    assert (got.confidence, got.share_beyond_max) == (1, 0)


@pytest.mark.parametrize("signed", [True, False])
def test_truncation_is_one_call(signed):
    multiplier = Multiplier.from_netlist(truncated_multiplier(2, signed=signed))
    got = certify(FLOOR, multiplier)
    assert got.exact
    assert (got.exact_share, got.calls, got.max_abs_difference) == (1.0, 1, 0.0)
    assert str(got) == f"1 call, equal to {multiplier.name} on all 65536 pairs"


def test_narrow_ports_count_their_own_pairs():
    multiplier = Multiplier.from_lut(np.zeros((16, 4), int), x_width=4, w_width=2, w_signed=False)
    got = certify(accurate_model(), multiplier)
    assert got.pairs == 64
    assert got.max_abs_difference == 24  # -8 * 3
    assert got.exact_share == (64 - 15 * 3) / 64


def test_terms_side_by_side_cost_one_call_each():
    one = Feature("one")
    model = HtpModel("two", (*accurate_model().terms, Term(0.0, one, one)))
    assert certify(model, Multiplier.from_lut(exact_products(True, True))).calls == model.calls == 2


def test_models_written_for_torch():
    def model(base_func, x, w, kwargs):
        return base_func(torch.floor(x / 4) * 4, torch.floor(w / 4) * 4, **kwargs)

    multiplier = Multiplier.from_netlist(truncated_multiplier(2, signed=True))
    assert certify(model, multiplier, as_array=torch.as_tensor).exact


def test_a_result_of_another_shape():
    multiplier = Multiplier.from_lut(exact_products(True, True))
    with pytest.raises(ValueError, match=r"'model' must return shape \(256, 256\), got \(256, 1\)"):
        certify(lambda *_: np.zeros((256, 1)), multiplier)


def test_intervals_of_samples_cover_the_truth_as_often_as_stated():
    multiplier, port = get("mul8s_bam_h0_v6"), Port(8, signed=True)
    truth = certify(accurate_model(), multiplier)

    def function(x, w):
        return multiplier.lut[x & 255, w & 255]

    hits = {"share": 0, "mean": 0, "beyond": 0}
    difference = np.abs(multiplier.error)
    for seed in range(200):
        got = certify_function(accurate_model(), function, port, port, samples=400, seed=seed)
        assert not got.exhaustive
        assert got.max_abs_difference <= truth.max_abs_difference
        low, high = got.exact_share_interval
        hits["share"] += low <= truth.exact_share <= high
        low, high = got.mean_abs_difference_interval
        hits["mean"] += low <= truth.mean_abs_difference <= high
        beyond = np.mean(difference > got.max_abs_difference)
        hits["beyond"] += beyond <= got.share_beyond_max
    # 95 % of 200, less four standard deviations.
    assert all(count >= 178 for count in hits.values()), hits


def test_too_small_a_sample():
    port = Port(4, signed=True)
    with pytest.raises(ValueError, match="'samples' must be at least 2, got 1"):
        certify_function(accurate_model(), lambda x, w: x * w, port, port, samples=1)
