"""Tree multipliers against exact products and against their wiring in plain Python loops."""

import numpy as np
import pytest

from multipliers import (
    NetlistBuilder,
    exact_products,
    momeni_multiplier,
    simulate,
    tree_multiplier,
)
from multipliers.circuits.adders import final_sum
from multipliers.circuits.momeni import momeni_compressor
from multipliers.netlists.gates import Op

# Bits are numbers 0 and 1 from here on, and columns are lists of them.


def columns_of(x, w, width, signed):
    """Baugh-Wooley partial products of two codes, the constant first."""
    negative = [
        (i, j)
        for j in range(width)
        for i in range(width)
        if signed and (i == width - 1) != (j == width - 1)
    ]
    constant = -sum(1 << (i + j) for i, j in negative) % (1 << 2 * width)
    columns = [[1] if constant >> c & 1 else [] for c in range(2 * width)]
    for j in range(width):
        for i in range(width):
            bit = (x >> i) & (w >> j) & 1
            columns[i + j].append(1 - bit if (i, j) in negative else bit)
    return columns


def d2(x1, x2, x3, x4):
    return (x1 == x2) | (x3 == x4), (x1 | x2) & (x3 | x4)


def add(*bits):
    return sum(bits) & 1, sum(bits) >> 1


def one_after_the_other(columns, heights, approximate_columns=0):
    """Dadda's reduction, and our tree of compressors if some columns are approximate."""
    for height in heights:
        carries = []
        for c, column in enumerate(columns):
            column.extend(carries)
            carries = []
            while len(column) > height:
                excess = len(column) - height
                if excess >= 3 and c < approximate_columns:
                    taken, compressor = 4, d2
                else:
                    taken, compressor = (3 if excess >= 2 else 2), add
                total, carry = compressor(*column[:taken])
                del column[:taken]
                column.append(int(total))
                carries.append(int(carry))
    return columns


def all_at_once(columns):
    """Wallace's reduction."""
    while max(map(len, columns)) > 2:
        lowered = [[] for _ in range(len(columns) + 1)]
        sums = [[] for _ in columns]
        for c, column in enumerate(columns):
            groups = [column[first : first + 3] for first in range(0, len(column), 3)]
            for group in groups:
                if len(group) == 1:
                    sums[c] += group
                    continue
                total, carry = add(*group)
                sums[c].append(total)
                lowered[c + 1].append(carry)
        columns = [carries + own for carries, own in zip(lowered, sums, strict=False)]
    return columns


def final(columns, or_bits):
    first = sum(column[0] << c for c, column in enumerate(columns) if column)
    second = sum(column[1] << c for c, column in enumerate(columns) if len(column) > 1)
    if not or_bits:
        return (first + second) % (1 << len(columns))
    low = (first | second) % (1 << or_bits)
    carry = (first & second) >> (or_bits - 1) & 1
    upper = (first >> or_bits) + (second >> or_bits) + carry
    return (low | upper << or_bits) % (1 << len(columns))


def stages(candidates, width, signed):
    """Heights of the stages that columns of this multiplier need."""
    tallest = max(map(len, columns_of(0, 0, width, signed)))
    return [height for height in candidates if height < tallest]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("reduction", ["dadda", "wallace"])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 8, 9])
def test_trees_are_exact(width, reduction, signed):
    codes = np.arange(1 << width)
    values = codes - (codes >> (width - 1) << width) if signed else codes
    netlist = tree_multiplier(signed=signed, width=width, reduction=reduction)
    assert np.array_equal(simulate(netlist, signed=signed), np.outer(values, values))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("width", [2, 3, 5, 8])
def test_compressor_tree_without_approximate_columns_is_exact(width, signed):
    exact = simulate(tree_multiplier(signed=signed, width=width))
    assert np.array_equal(simulate(momeni_multiplier(0, signed=signed, width=width)), exact)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("width", "or_bits"), [(4, 4), (5, 3), (8, 6), (8, 16)])
def test_dadda_tree_with_inexact_final_adder(width, or_bits, signed):
    heights = stages((9, 6, 4, 3, 2), width, signed)
    table = simulate(tree_multiplier(signed=signed, width=width, or_bits=or_bits))
    for x, w in np.random.default_rng(or_bits).integers(0, 1 << width, size=(300, 2)).tolist():
        columns = one_after_the_other(columns_of(x, w, width, signed), heights)
        assert table[x, w] == final(columns, or_bits), (x, w)


@pytest.mark.parametrize(("width", "or_bits"), [(4, 4), (5, 7), (8, 6), (8, 16)])
def test_wallace_tree_with_inexact_final_adder(width, or_bits):
    netlist = tree_multiplier(signed=False, width=width, reduction="wallace", or_bits=or_bits)
    table = simulate(netlist)
    for x, w in np.random.default_rng(or_bits).integers(0, 1 << width, size=(300, 2)).tolist():
        columns = all_at_once(columns_of(x, w, width, signed=False))
        assert table[x, w] == final(columns, or_bits), (x, w)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("width", "approximate_columns", "or_bits"),
    [(4, 8, 0), (5, 5, 2), (8, 8, 0), (8, 16, 0), (8, 11, 5)],
)
def test_compressor_tree(width, approximate_columns, or_bits, signed):
    heights = stages((8, 4, 2), width, signed)
    table = simulate(
        momeni_multiplier(approximate_columns, signed=signed, width=width, or_bits=or_bits)
    )
    for x, w in np.random.default_rng(width).integers(0, 1 << width, size=(300, 2)).tolist():
        columns = columns_of(x, w, width, signed)
        columns = one_after_the_other(columns, heights, approximate_columns)
        assert table[x, w] == final(columns, or_bits), (x, w)


def test_compressor_is_wrong_in_four_states():
    builder = NetlistBuilder("mul_d2")
    x = builder.input("low", 2), builder.input("high", 2)
    builder.output("y", momeni_compressor(builder, [*x[0], *x[1]]))
    table = simulate(builder.build())
    ones = np.array([0, 1, 1, 2])
    error = table - (ones[:, None] + ones)
    wrong = {(int(a), int(b)): int(error[a, b]) for a, b in np.argwhere(error)}
    assert wrong == {(0, 0): 1, (3, 0): -1, (0, 3): -1, (3, 3): -1}


@pytest.mark.parametrize("or_bits", range(6))
def test_lower_part_or_adder(or_bits):
    builder = NetlistBuilder("loa")
    builder.output(
        "y", final_sum(builder, builder.input("a", 5), builder.input("b", 5), or_bits=or_bits)
    )
    table = simulate(builder.build())
    for a in range(32):
        for b in range(32):
            bits = [[a >> c & 1, b >> c & 1] for c in range(5)]
            assert table[a, b] == final(bits, or_bits), (a, b)


def test_lower_part_or_adder_takes_constants():
    builder = NetlistBuilder("loa")
    a, b = builder.input("a", 4), builder.input("b", 1)
    builder.output("y", final_sum(builder, a, [1, 0, 1, 0], or_bits=3))
    builder.output("z", b)
    netlist = builder.build()
    assert [Op(op) for op in netlist.op] == [Op.XOR]  # a | 0101, and the carry a[2] into a[3]


def test_adders_are_sums_and_carries():
    """Dadda's tree of an 8x8 multiplier has 35 full and 7 half adders before the final adder."""
    op = tree_multiplier(signed=False).op
    assert np.count_nonzero(op == Op.MAJ) >= 35 + 12
    assert np.count_nonzero(op == Op.XOR3) == np.count_nonzero(op == Op.MAJ)
    assert np.count_nonzero(op == Op.XOR) == 7 + 1  # the final adder starts with a half adder


# Figures of our own tree: nobody else publishes them. Mean and worst error distance, error rate.
OWN_FIGURES = [
    (momeni_multiplier(4, signed=False), 3.125, 8, 25600),
    (momeni_multiplier(8, signed=False), 106.312744140625, 568, 60845),
    (momeni_multiplier(16, signed=False), 3208.632568359375, 8184, 64949),
    (momeni_multiplier(8, signed=True), 102.477783203125, 560, 61179),
    (tree_multiplier(signed=False, reduction="wallace", or_bits=8), 11.73828125, 128, 6964),
    (tree_multiplier(signed=False, or_bits=8), 28.78515625, 128, 29476),
]


@pytest.mark.parametrize(
    ("netlist", "mean", "worst", "wrong"), OWN_FIGURES, ids=lambda v: getattr(v, "name", None)
)
def test_golden_figures_of_our_own_trees(netlist, mean, worst, wrong):
    signed = netlist.name.startswith("mul8s")
    error = np.abs(simulate(netlist, signed=signed) - exact_products(signed, signed))
    assert (error.mean(), error.max(), np.count_nonzero(error)) == (mean, worst, wrong)


def test_names_and_sources_state_what_they_are():
    assert tree_multiplier(signed=False, width=4).name == "mul4u_dadda"
    assert tree_multiplier(signed=True, reduction="wallace", or_bits=3).name == "mul8s_wallace_loa3"
    assert momeni_multiplier(8, signed=True, or_bits=2).name == "mul8s_momeni_c8_loa2"
    netlists = [
        tree_multiplier(signed=True, reduction="wallace", or_bits=3),
        momeni_multiplier(8, signed=True, or_bits=2, width=6),
    ]
    for netlist in netlists:
        assert eval(netlist.source) == netlist


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: tree_multiplier(signed=True, reduction="booth"),
            ValueError,
            r"'reduction' must be one of \('dadda', 'wallace'\), got 'booth'",
        ),
        (
            lambda: tree_multiplier(signed=True, width=4, or_bits=9),
            ValueError,
            "'or_bits' must be from 0 to 8, got 9",
        ),
        (lambda: tree_multiplier(signed=True, width=0), ValueError, "'width' must be at least 1"),
        (
            lambda: momeni_multiplier(17, signed=True),
            ValueError,
            "'approximate_columns' must be from 0 to 16, got 17",
        ),
        (
            lambda: momeni_multiplier("8", signed=True),
            TypeError,
            "'approximate_columns' must be an int, got '8'",
        ),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()
