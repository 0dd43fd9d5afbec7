"""Sums of products give the function that their rows state, in as few gates as there are."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multipliers import NetlistBuilder, Op, simulate
from multipliers.formats.covers import COVERS, CoverGates


def build(inputs, products, on_set):
    """Return the netlist of a sum of products whose inputs are the bits of port a, then w."""
    builder = NetlistBuilder("cover")
    x = builder.input("a", (inputs + 1) // 2)
    w = builder.input("w", inputs // 2)
    net = builder.net("y")
    CoverGates(builder).drive(net, [*x, *w], products, on_set=on_set)
    builder.output("y", [net])
    return builder.build()


def expected(inputs, products, on_set):
    """Return the truth table by the definition of BLIF: some row matches, or none."""
    values = []
    for code in range(1 << inputs):
        bits = [str(code >> bit & 1) for bit in range(inputs)]
        hit = any(
            all(char in ("-", bit) for char, bit in zip(product, bits, strict=True))
            for product in products
        )
        values.append(hit == on_set)
    return values


def check(inputs, products, on_set):
    netlist = build(inputs, products, on_set)
    table = simulate(netlist)  # row = code of the first half of the bits
    found = [table[code & (len(table) - 1), code // len(table)] for code in range(1 << inputs)]
    assert found == expected(inputs, products, on_set)
    return netlist


@pytest.mark.parametrize("on_set", [True, False])
@pytest.mark.parametrize("inputs", [1, 2])
def test_every_set_of_products_of_up_to_two_inputs(inputs, on_set):
    products = ["".join(chars) for chars in itertools.product("01-", repeat=inputs)]
    for count in range(4):
        for chosen in itertools.combinations(products, count):
            check(inputs, list(chosen), on_set)


@settings(max_examples=150, deadline=None)
@given(st.integers(3, 7), st.booleans(), st.data())
def test_random_products(inputs, on_set, data):
    products = data.draw(st.lists(st.text("01-", min_size=inputs, max_size=inputs), max_size=8))
    check(inputs, products, on_set)


@pytest.mark.parametrize("op", [op for op in Op if op is not Op.BUF])
def test_cover_of_a_gate_is_that_gate(op):
    netlist = check(op.arity, list(COVERS[op]), True)
    assert netlist.op.tolist() == [op]
    assert netlist.fan_in[0, : op.arity].tolist() == list(range(2, 2 + op.arity))


def test_buffer_is_another_name():
    assert build(1, ["1"], True).gate_count == 0


def test_no_inputs():
    for products, on_set, value in [
        ([], True, 0),
        ([""], True, 1),
        ([""], False, 0),
        ([], False, 1),
    ]:
        assert simulate_constant(products, on_set) == value


def simulate_constant(products, on_set):
    builder = NetlistBuilder("constant")
    builder.input("a", 1), builder.input("w", 1)
    net = builder.net("y")
    CoverGates(builder).drive(net, [], products, on_set=on_set)
    builder.output("y", [net])
    table = simulate(builder.build())
    assert np.all(table == table[0, 0])
    return int(table[0, 0])


def test_inverters_are_shared():
    netlist = build(4, ["0011", "0110", "0101"], True)
    assert np.count_nonzero(netlist.op == Op.INV) == 4  # of 6 inverted literals
