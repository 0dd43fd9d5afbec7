"""The comparison's figures against plain loops over all pairs."""

import numpy as np
import pytest
import torch

from htp import Feature, HtpModel, Term, accurate_model, compare
from multipliers import Multiplier, code_values, exact_products, truncated_multiplier

FLOOR = HtpModel("floor", (Term(1.0, Feature("floor", 2), Feature("floor", 2)),))
PORTS = [(True, True), (False, False), (False, True), (True, False)]


@pytest.mark.parametrize(("x_signed", "w_signed"), PORTS)
def test_figures(x_signed, w_signed):
    table = np.random.default_rng(1).integers(-(2**14), 2**14, (256, 256))
    table[::3] = exact_products(x_signed, w_signed)[::3]
    multiplier = Multiplier.from_lut(table, x_signed=x_signed, w_signed=w_signed)
    got = compare(accurate_model(), multiplier)
    differences = [
        x * w - entry
        for x, row in zip(code_values(x_signed).tolist(), table.tolist(), strict=True)
        for w, entry in zip(code_values(w_signed).tolist(), row, strict=True)
    ]
    count = len(differences)
    mean = sum(differences) / count
    assert got.digest == multiplier.digest
    assert got.calls == 1
    assert got.exact_share == differences.count(0) / count
    assert got.max_abs_difference == max(map(abs, differences))
    assert got.mean_abs_difference == pytest.approx(sum(map(abs, differences)) / count)
    assert got.mean_difference == pytest.approx(mean)
    variance = sum((d - mean) ** 2 for d in differences) / count
    assert got.std_difference == pytest.approx(variance**0.5)


@pytest.mark.parametrize("signed", [True, False])
def test_truncation_is_one_call(signed):
    multiplier = Multiplier.from_netlist(truncated_multiplier(2, signed=signed))
    got = compare(FLOOR, multiplier)
    assert (got.exact_share, got.calls, got.max_abs_difference) == (1.0, 1, 0.0)


def test_models_written_for_torch():
    def model(base_func, x, w, kwargs):
        return base_func(torch.floor(x / 4) * 4, torch.floor(w / 4) * 4, **kwargs)

    multiplier = Multiplier.from_netlist(truncated_multiplier(2, signed=True))
    assert compare(model, multiplier, as_array=torch.as_tensor).exact_share == 1.0


def test_a_result_of_another_shape():
    multiplier = Multiplier.from_lut(exact_products(True, True))
    with pytest.raises(ValueError, match=r"'model' must return shape \(256, 256\), got \(256, 1\)"):
        compare(lambda *_: np.zeros((256, 1)), multiplier)
