"""Circuits as functions of given operands against the exhaustive table and Python products."""

import numpy as np
import pytest

from multipliers import (
    NetlistBuilder,
    array_multiplier,
    broken_array_multiplier,
    netlist_function,
    simulate,
    truncated_multiplier,
)
from multipliers.netlists.netlist_function import pack_bits


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("width", [1, 4, 8])
def test_every_pair_as_the_exhaustive_simulation(signed, width):
    netlist = broken_array_multiplier(0, width // 2, signed=signed, width=width)
    half = 1 << width - 1
    codes = np.arange(2 * half)
    values = codes - 2 * half * (codes >= half) if signed else codes
    products = netlist_function(netlist)(values[:, None], values)
    assert products.dtype == np.int64
    assert np.array_equal(products, simulate(netlist, signed=signed))


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, (1 << 17) + 3])
def test_any_number_of_pairs(count):
    x, w = np.random.default_rng(count).integers(-(1 << 15), 1 << 15, size=(2, count))
    products = netlist_function(array_multiplier(signed=True, width=16))(x, w)
    assert np.array_equal(products, x * w)


def test_16_bits_unsigned():
    multiply = netlist_function(truncated_multiplier(3, signed=False, width=16))
    x, w = np.random.default_rng(9).integers(0, 1 << 16, size=(2, 500), dtype=np.uint16)
    expected = [(a >> 3) * (b >> 3) << 6 for a, b in zip(x.tolist(), w.tolist(), strict=True)]
    assert multiply(x, w).tolist() == expected
    assert int(multiply(65535, 65535)) == (65535 >> 3) ** 2 << 6


def test_operands_of_different_width_and_sign():
    builder = NetlistBuilder("difference")
    a, b = builder.input("a", 5), builder.input("b", 2)
    builder.output("y", [*a, *b])
    function = netlist_function(builder.build(), signed=(False, True))
    x, w = np.arange(32)[:, None], np.array([0, 1, -2, -1])
    assert np.array_equal(function(x, w), x + 32 * w)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_any_integers(dtype):
    values = np.array([-128, -1, 0, 127], dtype=dtype)
    products = netlist_function(array_multiplier(signed=True))(values, values[::-1])
    assert products.tolist() == [-16256, 0, 0, -16256]
    multiply = netlist_function(array_multiplier(signed=False))
    assert multiply(np.array([255], dtype=np.uint8), np.array([254], dtype=np.uint64)) == [64770]


def test_packed_bits():
    values = np.random.default_rng(1).integers(-300, 300, size=130)
    for k, words in enumerate(pack_bits(values, 16)):
        assert words.dtype == np.uint64
        bits = [int(word) >> bit & 1 for word in words for bit in range(64)]
        assert bits == [value >> k & 1 for value in values.tolist()] + [0] * 62


def test_refused_operands():
    multiply = netlist_function(array_multiplier(signed=True, width=4))
    with pytest.raises(TypeError, match=r"'x' must be integers, got float64 \(1,\)"):
        multiply([1.0], [2])
    with pytest.raises(ValueError, match=r"'w' must fit the port, signed 4-bit \(-8\.\.7\), got"):
        multiply([1, 2], [3, 8])


def test_refused_circuits():
    builder = NetlistBuilder("join")
    builder.output("y", [*builder.input("a", 1), *builder.input("b", 1)])
    with pytest.raises(ValueError, match="'join' does not state whether"):
        netlist_function(builder.build())
    with pytest.raises(ValueError, match="'width' must be from 1 to 16, got 17"):
        netlist_function(array_multiplier(signed=False, width=17))
    builder = NetlistBuilder("mul2u_alone")
    builder.output("y", builder.input("a", 2))
    with pytest.raises(ValueError, match="two input ports and one output port, got mul2u_alone"):
        netlist_function(builder.build())
    builder = NetlistBuilder("mul2u_wide")
    a, b = builder.input("a", 2), builder.input("b", 2)
    builder.output("y", [*a, *b] * 11)
    with pytest.raises(ValueError, match="'netlist' must have 1 to 40 output bits, got mul2u_wide"):
        netlist_function(builder.build())
