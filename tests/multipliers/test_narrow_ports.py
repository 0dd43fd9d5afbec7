"""Ports of fewer than 8 bits: embedded tables, their codes, and functions as multipliers."""

import numpy as np
import pytest

from multipliers import (
    Multiplier,
    NetlistBuilder,
    Op,
    Port,
    array_multiplier,
    code_values,
    exact_products,
    truncated_multiplier,
)

PORTS = [(Port(4, True), Port(8, True)), (Port(8, False), Port(3, True)), (Port(2, False),) * 2]


def read(code, port):
    """Value that a port's wires read from an 8-bit code."""
    pattern = code % 2**port.width
    return pattern - 2**port.width if port.signed and pattern > port.high else pattern


@pytest.mark.parametrize(("x_port", "w_port"), PORTS)
def test_every_code_reads_its_low_bits(x_port, w_port):
    function = lambda x, w: 3 * x * x - 5 * w + x * w  # noqa: E731
    multiplier = Multiplier.from_function(function, name="f", x_port=x_port, w_port=w_port)
    assert multiplier.lut.tolist() == [
        [function(read(x, x_port), read(w, w_port)) for w in range(256)] for x in range(256)
    ]
    assert multiplier.exact.tolist() == [
        [read(x, x_port) * read(w, w_port) for w in range(256)] for x in range(256)
    ]
    assert np.array_equal(multiplier.error, multiplier.lut - multiplier.exact)


@pytest.mark.parametrize(("x_port", "w_port"), PORTS)
def test_valid_codes_are_those_of_the_values_in_range(x_port, w_port):
    table = np.zeros((1 << x_port.width, 1 << w_port.width), dtype=int)
    multiplier = Multiplier.from_lut(
        table,
        x_signed=x_port.signed,
        w_signed=w_port.signed,
        x_width=x_port.width,
        w_width=w_port.width,
    )
    for codes, port in zip(multiplier.valid, (x_port, w_port), strict=True):
        assert codes.dtype == np.uint8
        assert codes.tolist() == [
            code
            for code, value in enumerate(code_values(port.signed).tolist())
            if port.low <= value <= port.high
        ]
        assert np.array_equal(code_values(port.signed)[codes], port.values)


def test_small_and_embedded_tables_make_the_same_multiplier():
    small = np.random.default_rng(5).integers(-99, 99, size=(16, 256))
    ports = {"x_width": 4, "w_width": 8}
    multiplier = Multiplier.from_lut(small, **ports)
    assert Multiplier.from_lut(multiplier.lut, **ports) == multiplier
    assert np.array_equal(multiplier.lut[np.ix_(*multiplier.valid)], small)
    assert multiplier.digest != Multiplier.from_lut(multiplier.lut).digest
    with pytest.raises(
        ValueError, match=r"shape \(256, 256\) or \(8, 256\), got int64 \(16, 256\)"
    ):
        Multiplier.from_lut(small, x_width=3)
    with pytest.raises(
        NotImplementedError, match="'x_port' must be 2 to 8 bits wide, got signed 1"
    ):
        Multiplier.from_lut(small[:2], x_width=1)


@pytest.mark.parametrize("width", range(2, 9))
@pytest.mark.parametrize("signed", [False, True])
def test_square_netlists(width, signed):
    multiplier = Multiplier.from_netlist(array_multiplier(signed=signed, width=width))
    assert multiplier.x_port == multiplier.w_port == Port(width, signed)
    assert np.array_equal(multiplier.lut, multiplier.exact)
    assert np.array_equal(
        multiplier.exact, exact_products(signed, signed, x_width=width, w_width=width)
    )


def test_netlist_of_two_widths():
    """3 bits by 2, unsigned by signed: the weight's top bit subtracts."""
    builder = NetlistBuilder("mul3x2")
    a, b = builder.input("A", 3), builder.input("B", 2)
    low = [builder.gate(Op.AND, bit, b[0]) for bit in a]
    high = [builder.gate(Op.NAND, bit, b[1]) for bit in a]
    builder.output("O", builder.add([low, [0, *high, 1, 1], [0, 1]], 5))
    multiplier = Multiplier.from_netlist(builder.build(), signed=(False, True))
    assert (multiplier.x_port, multiplier.w_port) == (Port(3, False), Port(2, True))
    assert np.array_equal(multiplier.lut, multiplier.exact)


def test_function_of_python_integers():
    def branch(x, w):
        return 7 if (x, w) == (3, 3) else x * w

    port = Port(2, False)
    one = Multiplier.from_function(branch, name="f", x_port=port, w_port=port, vectorised=False)
    many = Multiplier.from_function(
        lambda x, w: x * w - 2 * ((x == 3) & (w == 3)), name="f", x_port=port, w_port=port
    )
    assert one == many
    assert one.source == "function"


def test_function_of_integers_that_is_called_with_arrays():
    port = Port(2, False)
    note = "'function' was called with arrays; pass vectorised=False for a function of two int"
    with pytest.raises(ValueError, match="truth value of an array") as caught:
        Multiplier.from_function(
            lambda x, w: x * w if x > w else 0, name="f", x_port=port, w_port=port
        )
    assert caught.value.__notes__[0].startswith(note)


def test_function_equals_netlist():
    netlist = Multiplier.from_netlist(truncated_multiplier(2, signed=True))
    function = Multiplier.from_function(
        lambda x, w: ((x >> 2) * (w >> 2)) << 4,
        name="tm",
        x_port=Port(8, True),
        w_port=Port(8, True),
    )
    assert function.digest == netlist.digest


@pytest.mark.parametrize(
    ("function", "options", "error", "message"),
    [
        (lambda x, w: x / 2 * w, {}, TypeError, r"array of integers, got float64 \(4, 4\)"),
        (lambda x, w: x > w, {}, TypeError, "array of integers, got bool"),
        (lambda *_: 0, {}, ValueError, r"shaped as its operands, \(4, 4\), got \(\); pass vect"),
        (lambda x, w: x * w * 2**30, {}, ValueError, "'lut' must fit int32, got values from 0 to"),
        (
            lambda x, _: x * 0.5,
            {"vectorised": False},
            TypeError,
            r"integers, got 0\.0 for \(0, 0\)",
        ),
        (lambda x, w: x == w, {"vectorised": False}, TypeError, r"integers, got True for \(0, 0\)"),
        (lambda *_: 1 << 64, {"vectorised": False}, ValueError, "products that fit int64"),
    ],
)
def test_functions_that_are_no_multiplier(function, options, error, message):
    port = Port(2, False)
    with pytest.raises(error, match=message):
        Multiplier.from_function(function, name="f", x_port=port, w_port=port, **options)


def test_function_too_wide_for_a_table_is_not_called():
    with pytest.raises(NotImplementedError, match=r"'w_port' must .*characterise_function\(\)"):
        Multiplier.from_function(
            lambda *_: pytest.fail("called"),
            name="f",
            x_port=Port(8, True),
            w_port=Port(16, True),
        )
