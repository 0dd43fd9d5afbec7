"""Generated multipliers against closed forms and published figures, over all operand pairs."""

import numpy as np
import pytest

from multipliers import (
    array_multiplier,
    broken_array_multiplier,
    code_values,
    exact_products,
    simulate,
    tree_multiplier,
    truncated_multiplier,
)
from multipliers.gates import Op


def bits_of(value, width=8):
    return [(value >> k) & 1 for k in range(width)]


def broken_product(x, w, h, v, signed):
    """Sum of the weighted partial products that BAM(h, v) keeps, in plain loops."""
    total = 0
    for i, a in enumerate(bits_of(x)):
        for j, b in enumerate(bits_of(w)):
            if j >= h and i + j >= v:
                sign = -1 if signed and (i == 7) != (j == 7) else 1
                total += sign * a * b << (i + j)
    total %= 1 << 16
    return total - (total >> 15 << 16) if signed else total


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("generate", [array_multiplier, tree_multiplier])
def test_exact(generate, signed):
    table = simulate(generate(signed=signed), signed=signed)
    assert np.array_equal(table, exact_products(signed, signed))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("generate", [array_multiplier, tree_multiplier])
@pytest.mark.parametrize("width", [1, 2, 3, 5, 9])
def test_exact_at_other_widths(generate, width, signed):
    codes = np.arange(1 << width)
    values = codes - (codes >> (width - 1) << width) if signed else codes
    table = simulate(generate(signed=signed, width=width), signed=signed)
    assert np.array_equal(table, np.outer(values, values))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("h", "v"), [(0, 7), (3, 0), (2, 9), (8, 0), (0, 16)])
def test_broken_array(h, v, signed):
    table = simulate(broken_array_multiplier(h, v, signed=signed), signed=signed)
    samples = np.random.default_rng(h * 17 + v).integers(0, 256, size=(2000, 2)).tolist()
    for x, w in [*samples, (0, 0), (128, 128), (128, 127), (255, 255)]:
        assert table[x, w] == broken_product(x, w, h, v, signed), (x, w)


def test_broken_rows_are_those_of_the_second_operand():
    table = simulate(broken_array_multiplier(3, 0, signed=False))
    assert (table[255, 7], table[7, 255]) == (0, 7 * 248)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("k", range(5))
def test_operand_truncation(k, signed):
    values = code_values(signed) >> k << k
    table = simulate(truncated_multiplier(k, signed=signed), signed=signed)
    assert np.array_equal(table, np.outer(values, values))


@pytest.mark.parametrize("signed", [False, True])
def test_nothing_left_out_is_exact(signed):
    exact = exact_products(signed, signed)
    for netlist in (
        broken_array_multiplier(0, 0, signed=signed),
        truncated_multiplier(0, signed=signed),
    ):
        assert np.array_equal(simulate(netlist, signed=signed), exact)


# Mean, worst case and share of errors of unsigned 8x8 multipliers, from an exhaustive evaluation of
# the definitions (Mahdiani et al., TCAS-I 57(4), 2010) that shares no code with this package.
FIGURES = [
    (broken_array_multiplier, (0, 4), 12.25, 49, 0.8125),
    (broken_array_multiplier, (0, 8), 448.25, 1793, 0.9805),
    (broken_array_multiplier, (4, 4), 956.25, 3825, 0.9338),
    (truncated_multiplier, (1,), 127.25, 509, 0.7461),
    (truncated_multiplier, (2,), 380.25, 1521, 0.9316),
    (truncated_multiplier, (3,), 880.25, 3521, 0.9775),
    (truncated_multiplier, (4,), 1856.25, 7425, 0.9888),
]


@pytest.mark.parametrize(("generate", "arguments", "mean", "worst", "rate"), FIGURES)
def test_error_figures(generate, arguments, mean, worst, rate):
    distance = np.abs(simulate(generate(*arguments, signed=False)) - exact_products(False, False))
    assert distance.mean() == mean
    assert distance.max() == worst
    assert (distance != 0).mean() == pytest.approx(rate, abs=5e-5)


@pytest.mark.parametrize("signed", [False, True])
def test_adders_are_sums_and_carries(signed):
    """Dadda's tree of an 8x8 multiplier has 35 full and 7 half adders before the final adder."""
    op = tree_multiplier(signed=signed).op
    assert np.count_nonzero(op == Op.MAJ) >= 35 + 12
    assert np.count_nonzero((op == Op.AND) | (op == Op.NAND)) >= 64


def test_names_state_what_they_are():
    assert array_multiplier(signed=True).name == "mul8s_array"
    assert tree_multiplier(signed=False, width=4).name == "mul4u_tree"
    assert broken_array_multiplier(1, 2, signed=True).name == "mul8s_bam_h1_v2"
    assert truncated_multiplier(3, signed=False).name == "mul8u_tm_k3"
    assert truncated_multiplier(3, signed=False).source == (
        "truncated_multiplier(3, signed=False, width=8)"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: array_multiplier(signed=True, width=0), "'width' must be at least 1, got 0"),
        (lambda: broken_array_multiplier(9, 0, signed=True), "'h' must be from 0 to 8, got 9"),
        (lambda: broken_array_multiplier(0, 17, signed=True), "'v' must be from 0 to 16, got 17"),
        (lambda: broken_array_multiplier(0, -1, signed=True), "'v' must be from 0 to 16, got -1"),
        (lambda: truncated_multiplier(9, signed=True), "'k' must be from 0 to 8, got 9"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()
