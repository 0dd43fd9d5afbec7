"""Tables of every format: what is saved is loaded, and what a file does not state is asked for."""

import numpy as np
import pytest

from multipliers import Multiplier, NetlistError, Port, exact_products, load, save
from multipliers.formats.table_text import table_rows


def random_multiplier(x_port, w_port, *, low=-(1 << 15), high=(1 << 15) - 1, name="a"):
    shape = 1 << x_port.width, 1 << w_port.width
    table = np.random.default_rng(7).integers(low, high + 1, size=shape)
    return Multiplier.from_lut(
        table, name=name, x_signed=x_port.signed, w_signed=w_port.signed,
        x_width=x_port.width, w_width=w_port.width, source="line 1\nline 2: \"möglich\"",
    )  # fmt: skip


PORTS = [
    (Port(8, True), Port(8, True)),
    (Port(8, False), Port(8, True)),
    (Port(4, False), Port(6, False)),
    (Port(2, True), Port(8, False)),
]


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".txt", ".h", ".CSV"])
@pytest.mark.parametrize(("x_port", "w_port"), PORTS)
def test_round_trip(tmp_path, suffix, x_port, w_port):
    multiplier = random_multiplier(x_port, w_port, name='möglich "x"\\')
    path = tmp_path / f"m{suffix}"
    if suffix == ".h" and not (x_port.signed and w_port.signed):
        with pytest.raises(ValueError, match=r"m\.h: an AdaPT header must have signed operands"):
            save(multiplier, path)
        return
    save(multiplier, path)
    assert load(path) == multiplier
    with pytest.raises(ValueError, match="the file states its signedness, leave out 'signed'"):
        load(path, signed=True)
    with pytest.raises(ValueError, match="the file states its operand order, leave out 'order'"):
        load(path, order="xw")


@pytest.mark.parametrize("order", ["xw", "wx"])
def test_tfapprox_round_trip(tmp_path, order):
    multiplier = random_multiplier(Port(8, False), Port(8, False), low=0, high=65535)
    path = tmp_path / "m.bin"
    save(multiplier, path, order=order)
    loaded = load(path, order=order)
    assert (loaded.digest, loaded.name) == (multiplier.digest, "m")
    entry = path.read_bytes()[2 * (256 * 3 + 200) :][:2]
    product = multiplier.lut[3, 200] if order == "xw" else multiplier.lut[200, 3]
    assert int.from_bytes(entry, "little") == product


def test_tfapprox_states_nothing(tmp_path):
    multiplier = random_multiplier(Port(8, False), Port(8, False), low=0, high=65535)
    path = tmp_path / "m.bin"
    with pytest.raises(
        ValueError, match=r"m\.bin: a TFApprox table must be given its operand order"
    ):
        save(multiplier, path)
    save(multiplier, path, order="wx")
    with pytest.raises(
        ValueError, match=r"m\.bin: the file does not state its operand order; pass"
    ):
        load(path)
    with pytest.raises(ValueError, match=r"has unsigned operands, got signed=True"):
        load(path, order="wx", signed=True)
    path.write_bytes(bytes(131071))
    with pytest.raises(NetlistError, match=r"m\.bin: a TFApprox table must have 131072 bytes, got"):
        load(path, order="wx")
    path.write_bytes(bytes(131073))
    with pytest.raises(NetlistError, match=r"m\.bin: the file must have at most 131072 bytes"):
        load(path, order="wx")


@pytest.mark.parametrize(
    ("suffix", "x_port", "low", "high", "message"),
    [
        (".bin", Port(8, True), 0, 9, "must have unsigned 8-bit operands"),
        (".bin", Port(4, False), 0, 9, "must have unsigned 8-bit operands"),
        (".bin", Port(8, False), 0, 65536, "must hold 0 to 65535, got 0 to 65536"),
        (".bin", Port(8, False), -1, 9, "must hold 0 to 65535, got -1 to 9"),
        (".h", Port(8, True), 0, 32768, "must hold -32768 to 32767, got 0 to 32768"),
    ],
)
def test_what_a_format_cannot_hold(tmp_path, suffix, x_port, low, high, message):
    table = np.zeros((1 << x_port.width, 256), dtype=int)
    table[0, 0], table[1, 0] = low, high
    multiplier = Multiplier.from_lut(
        table, x_signed=x_port.signed, w_signed=x_port.signed, x_width=x_port.width
    )
    with pytest.raises(ValueError, match=rf"m\{suffix}: .*{message}"):
        save(multiplier, tmp_path / f"m{suffix}", order="xw" if suffix == ".bin" else None)
    assert not list(tmp_path.iterdir())


def foreign(table, separator):
    return "\n".join(table_rows(table, separator)) + "\n"


@pytest.mark.parametrize("separator", [",", ", ", ";", " ", "\t", "   "])
@pytest.mark.parametrize("suffix", [".csv", ".txt"])
def test_foreign_text(tmp_path, suffix, separator):
    table = exact_products(False, True)
    path = tmp_path / f"m{suffix}"
    path.write_text("# a comment\n\n" + foreign(table, separator))
    loaded = load(path, signed=(False, True), order="xw")
    assert np.array_equal(loaded.lut, table)
    assert (loaded.name, loaded.x_port, loaded.w_port) == ("m", Port(8, False), Port(8, True))
    exchanged = load(path, signed=(True, False), order="wx")
    assert np.array_equal(exchanged.lut, table.T)


def test_foreign_text_states_nothing_but_its_name_may(tmp_path):
    (tmp_path / "m.csv").write_text(foreign(exact_products(True, True), ","))
    with pytest.raises(
        ValueError, match=r"m\.csv: 'm' does not state whether .*; pass signed=True"
    ):
        load(tmp_path / "m.csv", order="xw")
    with pytest.raises(
        ValueError, match=r"m\.csv: the file does not state its operand order; pass"
    ):
        load(tmp_path / "m.csv", signed=True)
    (tmp_path / "m.csv").rename(tmp_path / "mul8s_m.csv")
    assert load(tmp_path / "mul8s_m.csv", order="xw").x_port == Port(8, True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("FIRST", "7.0", r"m\.csv:\d+: '7\.0' is no decimal integer of at most 10 digits"),
        ("FIRST", "nan", r"'nan' is no decimal integer"),
        ("FIRST", "77777777777", "'77777777777' is no decimal integer of at most 10 digits"),
        ("FIRST", "7777777777", r"m\.csv: 'lut' must fit int32, got values from"),
        ("FIRST", "7777777777777777777777777", r"is no decimal integer of at most 10 digits"),
        ("7,", "7,,", None),
        ("7,", "7,7,", r"m\.csv:\d+: a row must have 256 numbers, got 257"),
        ("version", "version", None),
        ("table 1", "table 2", r"m\.csv: the table's version must be 1, got '2'; a newer version"),
        ("x: signed 8-bit", "x: 8-bit", r"m\.csv: the header is damaged"),
        ("x: signed 8-bit", "x: signed 9-bit", r"m\.csv: the header is damaged"),
        ("order: xw", "order: ab", r"m\.csv: the header is damaged"),
        ('name: "a"', "name: a", r"m\.csv: the header is damaged"),
        ('name: "a"', "name: 3", r"m\.csv: the header is damaged"),
        ("multipliers product", "product", "'m' does not state whether the operands are signed"),
    ],
)
def test_damaged_text(tmp_path, old, new, message):
    multiplier = random_multiplier(Port(8, True), Port(8, True))
    path = tmp_path / "m.csv"
    save(multiplier, path)
    first = str(multiplier.lut[0, 0])
    old, new = (f"\n{first},", f"\n{new},") if old == "FIRST" else (old, new)
    path.write_text(path.read_text().replace(old, new, 1))
    if message is None:
        assert load(path) == multiplier
    else:
        with pytest.raises(ValueError, match=message):
            load(path)


def test_truncated_text(tmp_path):
    path = tmp_path / "m.txt"
    save(random_multiplier(Port(8, True), Port(8, True)), path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-3]))
    with pytest.raises(
        NetlistError, match=r"m\.txt: a table must have 256 lines of numbers, got 253"
    ):
        load(path)
    path.write_text("".join(lines)[:-3])
    with pytest.raises(NetlistError, match=r"m\.txt: the last line must end with a line break"):
        load(path)
    path.write_text("".join(lines)[:-30])
    with pytest.raises(NetlistError, match=r"m\.txt:263: a row must have 256 numbers, got 25"):
        load(path)


def adapt_by_its_own_tool(multiply):
    """Return the header that AdaPT's converter writes, by its loops and its formatting."""
    rows = []
    for i in range(256):
        signed_i = i if i < 128 else i - 256
        row = [multiply(signed_i, j if j < 128 else j - 256) for j in range(256)]
        rows.append("{" + ", ".join(map(str, row)) + "}")
    return "#include <stdint.h>\n\nconst int16_t lut [256][256] = {" + ",\n".join(rows) + "};\n"


def test_foreign_adapt_header(tmp_path):
    path = tmp_path / "mul8s_x.h"
    path.write_text(adapt_by_its_own_tool(lambda a, w: a * (w & ~1)))
    loaded = load(path)
    assert (loaded.name, loaded.x_port, loaded.w_port) == ("mul8s_x", Port(8, True), Port(8, True))
    assert [int(loaded.lut[3, 255]), int(loaded.lut[255, 3])] == [-6, -2]
    assert np.array_equal(load(path, order="wx").lut, loaded.lut.T)
    assert load(path, signed=True) == loaded
    with pytest.raises(ValueError, match=r"an AdaPT header has signed operands, got signed=False"):
        load(path, signed=False)


def test_foreign_transaxx_header(tmp_path):
    """The same array, declared for CUDA."""
    path = tmp_path / "mul8s_x.h"
    text = adapt_by_its_own_tool(lambda a, w: a * (w & ~1))
    path.write_text(text)
    expected = load(path).lut
    path.write_text(text.replace("const int16_t lut", "const __device__ short lut"))
    assert np.array_equal(load(path).lut, expected)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lut", "table", r"m\.h: the file must have an array lut\[256\]\[256\]"),
        ("[256]", "[255]", r"m\.h: the file must have an array lut\[256\]\[256\]"),
        ("};", "}", r"m\.h:258: the array must have 256 rows and end with '};', got 256 rows"),
        ("};", ", {1}};", r"m\.h:258: the array must have 256 rows"),
        ("0, ", "0, 0, ", r"m\.h:3: a row must have 256 numbers, got 257"),
        ("0, ", "0x10, ", r"m\.h:3: '0x10' is no decimal integer"),
        ("0, ", "0 /* zero */, ", None),
        ("0, ", "// one\n 0, ", None),
    ],
)
def test_damaged_adapt_header(tmp_path, old, new, message):
    path = tmp_path / "m.h"
    text = adapt_by_its_own_tool(lambda a, w: a * w)
    path.write_text(text.replace(old, new, 1))
    if message is None:
        assert np.array_equal(load(path).lut, exact_products(True, True))
    else:
        with pytest.raises(NetlistError, match=message):
            load(path)


def test_npy_in_the_other_order_and_named(tmp_path):
    table = exact_products(False, True)
    np.save(tmp_path / "mul8u_m.npy", table)
    assert np.array_equal(load(tmp_path / "mul8u_m.npy", order="wx").lut, table.T)
    assert load(tmp_path / "mul8u_m.npy", order="xw").x_port == Port(8, False)


@pytest.mark.parametrize(
    "text", ["/* " * 1000000, "// " * 1000000, "lut " * 1000000, "{" * 4000000]
)
def test_long_headers_take_no_quadratic_time(tmp_path, text):
    (tmp_path / "m.h").write_text(text)
    with pytest.raises(NetlistError, match=r"m\.h: the file must have an array"):
        load(tmp_path / "m.h")
