"""Tables with ports: what is accepted, what is refused, and what equality and copies mean."""

import copy
import pickle

import numpy as np
import pytest

from multipliers import (
    Multiplier,
    NetlistBuilder,
    Port,
    array_multiplier,
    broken_array_multiplier,
    exact_products,
)


@pytest.fixture
def table():
    return np.random.default_rng(3).integers(-(1 << 16), 1 << 16, size=(256, 256), dtype=np.int32)


@pytest.mark.parametrize(
    ("port", "low", "high", "text"),
    [
        (Port(8, True), -128, 127, "signed 8-bit (-128..127)"),
        (Port(8, False), 0, 255, "unsigned 8-bit (0..255)"),
        (Port(1, True), -1, 0, "signed 1-bit (-1..0)"),
    ],
)
def test_port(port, low, high, text):
    assert (port.low, port.high, str(port)) == (low, high, text)


@pytest.mark.parametrize("width", [0, 17])
def test_port_of_impossible_width(width):
    with pytest.raises(ValueError, match=f"'width' must be from 1 to 16, got {width}"):
        Port(width, True)


def test_values_of_a_port():
    assert Port(2, False).values.tolist() == [0, 1, 2, 3]
    assert Port(2, True).values.tolist() == [0, 1, -2, -1]
    assert Port(16, True).values[[0, 32767, 32768, 65535]].tolist() == [0, 32767, -32768, -1]


@pytest.mark.parametrize("x_signed", [False, True])
@pytest.mark.parametrize("w_signed", [False, True])
def test_error_is_approximate_minus_exact(table, x_signed, w_signed):
    multiplier = Multiplier.from_lut(table, x_signed=x_signed, w_signed=w_signed)
    assert multiplier.error.dtype == np.int32
    assert np.array_equal(multiplier.error, table - exact_products(x_signed, w_signed))
    assert np.array_equal(multiplier.exact, exact_products(x_signed, w_signed))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.uint16, np.uint64])
def test_from_any_integers(table, dtype):
    values = np.abs(table) % (1 << 15)
    multiplier = Multiplier.from_lut(values.astype(dtype))
    assert multiplier.lut.dtype == np.int32
    assert np.array_equal(multiplier.lut, values)


def test_table_is_a_read_only_copy_in_row_order(table):
    multiplier = Multiplier.from_lut(table.T)
    assert multiplier.lut.flags.c_contiguous
    assert int(multiplier.lut[2, 5]) == int(table[5, 2])
    table[5, 2] += 1
    assert int(multiplier.lut[2, 5]) != int(table[5, 2])
    with pytest.raises(ValueError, match="read-only"):
        multiplier.lut[0, 0] = 1


@pytest.mark.parametrize(
    ("lut", "error", "message"),
    [
        (
            np.zeros((256, 256)),
            TypeError,
            r"must hold integers \(256, 256\), got float64 \(256, 256\)",
        ),
        (np.zeros((256, 256), dtype=bool), TypeError, "must hold integers .* got bool"),
        (
            np.zeros((256, 128), dtype=int),
            ValueError,
            r"shape \(256, 256\), got int64 \(256, 128\)",
        ),
        (np.zeros(65536, dtype=int), ValueError, r"shape \(256, 256\), got int64 \(65536,\)"),
        (np.full((256, 256), 1 << 31), ValueError, "must fit int32, got values from 2147483648"),
        (np.full((256, 256), 1 << 63, dtype=np.uint64), ValueError, "must fit int32"),
    ],
)
def test_refused_tables(lut, error, message):
    with pytest.raises(error, match=message):
        Multiplier.from_lut(lut)


def test_constructor_takes_int32_only(table):
    port = Port(8, True)
    with pytest.raises(
        TypeError, match=r"'lut' must be int32 \(256, 256\), got int64 \(256, 256\)"
    ):
        Multiplier("m", table.astype(np.int64), port, port, "test")
    with pytest.raises(TypeError, match=r"'lut' must be int32 \(256, 256\), got list"):
        Multiplier("m", table.tolist(), port, port, "test")
    with pytest.raises(
        ValueError, match=r"'lut' must be int32 \(256, 256\), got int32 \(255, 256\)"
    ):
        Multiplier("m", table[1:], port, port, "test")
    with pytest.raises(
        NotImplementedError, match=r"'w_port' must be 2 to 8 bits wide, got signed 9-bit"
    ):
        Multiplier("m", table, port, Port(9, True), "test")
    with pytest.raises(
        ValueError, match=r"equal products for codes that agree .* x signed 7-bit \(-64\.\.63\)"
    ):
        Multiplier("m", table, port, Port(7, True), "test")


def test_errors_beyond_int32():
    multiplier = Multiplier.from_lut(np.full((256, 256), -(1 << 31)))
    with pytest.raises(OverflowError, match=r"errors from -2147500032 to .* do not fit int32"):
        _ = multiplier.error


def test_equal_by_content(table):
    make = Multiplier.from_lut
    assert make(table) == make(table.copy())
    assert hash(make(table)) == hash(make(table.copy()))
    assert make(table) != make(table.T)
    assert make(table) != make(table, x_signed=False)
    assert make(table) != make(table, name="other")
    assert make(table) != make(table, source="other")
    assert make(table) != table.tolist()


def test_digest_is_of_function_not_name(table):
    make = Multiplier.from_lut
    assert make(table).digest == make(table, name="other", source="other").digest
    different = [make(table.T), make(table, x_signed=False), make(table, w_signed=False)]
    assert len({make(table).digest, *(other.digest for other in different)}) == 4
    exact = make(exact_products(True, True))
    assert exact.digest == "8aa424448e377863fa0170a3bacc0bb007829be0d987a16ce9a27f288b31a06b"


def test_texts_of_numpy_become_texts(table):
    made = Multiplier.from_lut(table, name=np.array(["a"])[0], source=np.str_("b"))
    assert [(text, type(text)) for text in (made.name, made.source)] == [("a", str), ("b", str)]


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_copies_are_equal_and_read_only(table, duplicate):
    multiplier = Multiplier.from_lut(table, name="m", w_signed=False, source="test")
    twin = duplicate(multiplier)
    assert twin == multiplier
    assert not twin.lut.flags.writeable


def test_text(table):
    multiplier = Multiplier.from_lut(table, name="m", x_signed=False, source="here")
    assert str(multiplier) == "m: unsigned 8-bit (0..255) x signed 8-bit (-128..127)"
    assert repr(multiplier) == f"<Multiplier {multiplier} from here>"


@pytest.mark.parametrize("signed", [False, True])
def test_from_netlist(signed):
    netlist = array_multiplier(signed=signed)
    multiplier = Multiplier.from_netlist(netlist)
    assert (multiplier.name, multiplier.source) == (netlist.name, netlist.source)
    assert multiplier.x_port == multiplier.w_port == Port(8, signed)
    assert np.array_equal(multiplier.lut, exact_products(signed, signed))


def test_from_netlist_with_stated_signedness():
    """One table entry, 0xFFFF, is 65535 or -1 whatever the circuit is called."""
    builder = NetlistBuilder("ones")
    a, _ = builder.input("a", 8), builder.input("b", 8)
    builder.output("y", [a[0]] * 16)
    netlist = builder.build()
    assert Multiplier.from_netlist(netlist, signed=False).lut[1, 0] == 65535
    for signed in (True, (True, False), (False, True)):
        multiplier = Multiplier.from_netlist(netlist, signed=signed)
        assert multiplier.lut[1, 0] == -1
        assert (multiplier.x_port.signed, multiplier.w_port.signed) == (
            signed if isinstance(signed, tuple) else (signed, signed)
        )
    with pytest.raises(ValueError, match=r"'ones' does not state whether .* pass signed=True"):
        Multiplier.from_netlist(netlist)


def test_circuits_that_no_table_holds():
    builder = NetlistBuilder("mul4u_short")
    a, b = builder.input("A", 4), builder.input("B", 4)
    builder.output("O", [*a, *b[:3]])
    for netlist in (array_multiplier(signed=False, width=9), builder.build()):
        with pytest.raises(
            NotImplementedError, match=r"two inputs of 2 to 8 bits and .* got mul\du_.*: A\["
        ):
            Multiplier.from_netlist(netlist)


def test_rows_are_the_first_port():
    lut = Multiplier.from_netlist(broken_array_multiplier(3, 0, signed=False)).lut
    assert (int(lut[255, 7]), int(lut[7, 255])) == (0, 7 * 248)
