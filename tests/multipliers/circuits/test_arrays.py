"""Array multipliers and what is left out of them, against closed forms over all operand pairs."""

import numpy as np
import pytest

from multipliers import (
    array_multiplier,
    broken_array_multiplier,
    column_truncated_multiplier,
    exact_products,
    families,
    perforated_multiplier,
    simulate,
    truncated_multiplier,
    underdesigned_multiplier,
)
from multipliers.circuits.column_truncated import column_correction


def values_of(width, signed):
    codes = np.arange(1 << width)
    return codes - (codes >> (width - 1) << width) if signed else codes


def assert_same(netlist, function, width, **arguments):
    signed = arguments.get("signed", False)
    values = values_of(width, signed)
    expected = function(values[:, None], values, width=width, **arguments)
    assert np.array_equal(simulate(netlist, signed=signed), expected), netlist


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
@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 9])
def test_array_is_exact(width, signed):
    values = values_of(width, signed)
    table = simulate(array_multiplier(signed=signed, width=width), signed=signed)
    assert np.array_equal(table, np.outer(values, values))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("or_bits", [3, 8, 11, 16])
def test_final_adder_of_the_array(or_bits, signed):
    """The last row is added to the exact sum of all others by OR gates and a shorter adder."""
    x, w = np.arange(256)[:, None], np.arange(256)
    top = w >> 7
    # Baugh and Wooley: the last row is x's top bit and the inverse of its other bits' products.
    last = ((x >> 7 & top) << 7 | 127 ^ (x & 127) * top) if signed else x * top
    last = last << 7
    values = values_of(8, signed)
    others = np.outer(values, values) - last
    a, b = last & 0xFFFF, others & 0xFFFF
    low = (1 << or_bits) - 1
    carry = (a & b) >> (or_bits - 1) & 1
    upper = (a >> or_bits) + (b >> or_bits) + carry
    expected = ((a | b) & low | upper << or_bits) & 0xFFFF
    assert np.array_equal(simulate(array_multiplier(signed=signed, or_bits=or_bits)), expected)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("h", "v"), [(0, 7), (3, 0), (2, 9), (8, 0), (0, 16)])
def test_broken_array_in_plain_loops(h, v, signed):
    table = simulate(broken_array_multiplier(h, v, signed=signed), signed=signed)
    samples = np.random.default_rng(h * 17 + v).integers(0, 256, size=(2000, 2)).tolist()
    for x, w in [*samples, (0, 0), (128, 128), (128, 127), (255, 255)]:
        assert table[x, w] == broken_product(x, w, h, v, signed), (x, w)


def test_broken_rows_are_those_of_the_second_operand():
    table = simulate(broken_array_multiplier(3, 0, signed=False))
    assert (table[255, 7], table[7, 255]) == (0, 7 * 248)
    table = simulate(perforated_multiplier(0, 3, signed=False))
    assert (table[255, 7], table[7, 255]) == (0, 7 * 248)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("width", [1, 4, 5])
def test_every_parameter_of_narrow_arrays(width, signed):
    if width == 1:  # narrower than the closed forms go
        table = simulate(broken_array_multiplier(0, 1, signed=signed, width=1), signed=signed)
        assert table.tolist() == [[0, 0], [0, 0]]
        return
    common = {"signed": signed, "width": width}
    for h in range(width + 1):
        for v in range(2 * width + 1):
            netlist = broken_array_multiplier(h, v, **common)
            assert_same(netlist, families.bam, width, h=h, v=v, signed=signed)
    for j in range(width):
        for k in range(width - j + 1):
            netlist = perforated_multiplier(j, k, **common)
            assert_same(netlist, families.ppp, width, j=j, k=k, signed=signed)
    for k in range(width + 1):
        netlist = truncated_multiplier(k, **common)
        assert_same(netlist, families.tm, width, k=k, signed=signed)
    for v in range(2 * width + 1):
        for corrected in (False, True):
            netlist = column_truncated_multiplier(v, corrected=corrected, **common)
            arguments = {"v": v, "corrected": corrected, "signed": signed}
            assert_same(netlist, families.ct, width, **arguments)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("width", [6, 8])
def test_wider_arrays(width, signed):
    common = {"signed": signed, "width": width}
    for h, v in [(0, 7), (2, 9), (width, 0)]:
        netlist = broken_array_multiplier(h, v, **common)
        assert_same(netlist, families.bam, width, h=h, v=v, signed=signed)
    for j, k in [(0, 2), (1, width - 1)]:
        netlist = perforated_multiplier(j, k, **common)
        assert_same(netlist, families.ppp, width, j=j, k=k, signed=signed)
    for v in (4, width, 2 * width - 1):
        netlist = column_truncated_multiplier(v, corrected=True, **common)
        assert_same(netlist, families.ct, width, v=v, corrected=True, signed=signed)
    for k in (0, 3, width):
        netlist = truncated_multiplier(k, **common)
        assert_same(netlist, families.tm, width, k=k, signed=signed)


@pytest.mark.parametrize("width", [2, 4, 6, 8, 10])
def test_underdesigned(width):
    assert_same(underdesigned_multiplier(width=width), families.udm, width)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("v", [4, 8, 11])
def test_correction_is_the_mean_of_the_columns(v, signed):
    table = simulate(column_truncated_multiplier(v, signed=signed), signed=signed)
    mean = (exact_products(signed, signed) - table).mean()
    assert column_correction(v, signed=signed, width=8) == np.floor(mean / 2**v + 0.5) * 2**v


@pytest.mark.parametrize("signed", [False, True])
def test_nothing_left_out_is_exact(signed):
    exact = exact_products(signed, signed)
    for netlist in (
        broken_array_multiplier(0, 0, signed=signed),
        truncated_multiplier(0, signed=signed),
        perforated_multiplier(7, 0, signed=signed),
        column_truncated_multiplier(0, corrected=True, signed=signed),
    ):
        assert np.array_equal(simulate(netlist, signed=signed), exact)


def test_names_and_sources_state_what_they_are():
    assert array_multiplier(signed=True).name == "mul8s_array"
    assert array_multiplier(signed=False, or_bits=9).name == "mul8u_array_loa9"
    assert broken_array_multiplier(1, 2, signed=True).name == "mul8s_bam_h1_v2"
    assert truncated_multiplier(3, signed=False).name == "mul8u_tm_k3"
    assert perforated_multiplier(1, 3, signed=True, width=4).name == "mul4s_ppp_j1_k3"
    assert column_truncated_multiplier(5, signed=True).name == "mul8s_ct_v5"
    assert underdesigned_multiplier(width=4).name == "mul4u_udm"
    netlists = [
        array_multiplier(signed=True, or_bits=9),
        broken_array_multiplier(1, 2, signed=True),
        truncated_multiplier(3, signed=False),
        perforated_multiplier(1, 3, signed=True, width=4),
        column_truncated_multiplier(5, corrected=True, signed=True),
        underdesigned_multiplier(width=4),
    ]
    for netlist in netlists:
        assert eval(netlist.source) == netlist


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: array_multiplier(signed=True, width=0),
            ValueError,
            "'width' must be at least 1, got 0",
        ),
        (
            lambda: array_multiplier(signed=True, or_bits=17),
            ValueError,
            "'or_bits' must be from 0 to 16, got 17",
        ),
        (
            lambda: broken_array_multiplier(9, 0, signed=True),
            ValueError,
            "'h' must be from 0 to 8, got 9",
        ),
        (
            lambda: broken_array_multiplier(0, 17, signed=True),
            ValueError,
            "'v' must be from 0 to 16, got 17",
        ),
        (
            lambda: broken_array_multiplier(0, -1, signed=True),
            ValueError,
            "'v' must be from 0 to 16, got -1",
        ),
        (
            lambda: broken_array_multiplier(0, 1.0, signed=True),
            TypeError,
            "'v' must be an int, got 1",
        ),
        (
            lambda: truncated_multiplier(9, signed=True),
            ValueError,
            "'k' must be from 0 to 8, got 9",
        ),
        (
            lambda: perforated_multiplier(8, 0, signed=True),
            ValueError,
            "'j' must be from 0 to 7, got 8",
        ),
        (
            lambda: perforated_multiplier(6, 3, signed=True),
            ValueError,
            "'k' must be from 0 to 2, got 3",
        ),
        (
            lambda: column_truncated_multiplier(17, signed=True),
            ValueError,
            "'v' must be from 0 to 16, got 17",
        ),
        (lambda: underdesigned_multiplier(width=7), ValueError, "'width' must be even, got 7"),
        (lambda: underdesigned_multiplier(width=0), ValueError, "'width' must be at least 1"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()
