"""Files: what is saved is loaded, whole or not at all, and foreign files are refused by name."""

import shutil
import zipfile

import numpy as np
import pytest

from multipliers import (
    Multiplier,
    NetlistError,
    Port,
    array_multiplier,
    broken_array_multiplier,
    demo_netlist,
    exact_products,
    load,
    read_netlist,
    save,
    to_verilog,
    write_netlist,
)


@pytest.fixture
def multiplier():
    table = np.random.default_rng(5).integers(-(1 << 16), 1 << 16, size=(256, 256))
    return Multiplier.from_lut(table, name="möglich", x_signed=False, source="a test")


def test_npz_round_trip(multiplier, tmp_path):
    save(multiplier, tmp_path / "m.npz")
    assert load(tmp_path / "m.npz") == multiplier
    assert [path.name for path in tmp_path.iterdir()] == ["m.npz"]


def test_npy_round_trip(multiplier, tmp_path):
    save(multiplier, str(tmp_path / "m.npy"))
    loaded = load(tmp_path / "m.npy", signed=(False, True), order="xw")
    assert (loaded.name, loaded.source) == ("m", str(tmp_path / "m.npy"))
    assert loaded.digest == multiplier.digest


def test_verilog_takes_signedness_from_the_module_or_the_file(tmp_path):
    unsigned = to_verilog(array_multiplier(signed=False))
    (tmp_path / "m.v").write_text(unsigned)
    assert np.array_equal(load(tmp_path / "m.v").lut, exact_products(False, False))
    anonymous = unsigned.replace("module mul8u_array", "module multiplier")
    (tmp_path / "mul8u_anonymous.v").write_text(anonymous)
    loaded = load(tmp_path / "mul8u_anonymous.v")
    assert (loaded.name, loaded.x_port) == ("multiplier", Port(8, False))
    shutil.copy(tmp_path / "mul8u_anonymous.v", tmp_path / "m.v")
    with pytest.raises(ValueError, match=r"m\.v: 'multiplier' and 'm' do not state .* pass signed"):
        load(tmp_path / "m.v")
    (tmp_path / "mul8s_array.v").write_text(unsigned)
    with pytest.raises(ValueError, match="'mul8u_array' and 'mul8s_array' contradict each other"):
        load(tmp_path / "mul8s_array.v")


def test_verilog_with_stated_signedness_and_top(tmp_path):
    text = to_verilog(array_multiplier(signed=True)) + to_verilog(array_multiplier(signed=False))
    (tmp_path / "two.v").write_text(text)
    loaded = load(tmp_path / "two.v", top="mul8s_array", signed=True)
    assert np.array_equal(loaded.lut, exact_products(True, True))
    with pytest.raises(NetlistError, match=r"two\.v: several modules may be the top"):
        load(tmp_path / "two.v")


def test_demo_netlist():
    expected = Multiplier.from_netlist(broken_array_multiplier(0, 8, signed=True))
    loaded = load(demo_netlist())
    assert loaded.digest == expected.digest
    assert loaded.source == str(demo_netlist())


def test_failed_save_leaves_the_old_file(multiplier, tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    save(multiplier, path)
    before = path.read_bytes()

    def full_disk(*_args, **_fields):
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez_compressed", full_disk)
    with pytest.raises(OSError, match="no space left"):
        save(multiplier, path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.npz"]


def test_save_into_a_missing_folder(multiplier, tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        save(multiplier, tmp_path / "absent" / "m.npz")


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_truncated_tables(multiplier, tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    save(multiplier, path)
    content = path.read_bytes()
    for length in [0, 1, 5, 60, *range(100, len(content), len(content) // 9), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(
            ValueError, match=rf"m\{suffix}: not a \{suffix} file, or a damaged one"
        ):
            load(path, signed=None if suffix == ".npz" else True)


def test_damaged_npz(multiplier, tmp_path):
    path = tmp_path / "m.npz"
    save(multiplier, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"m\.npz: not a \.npz file, or a damaged one"):
        load(path)


def fields_of(multiplier, **changes):
    fields = {
        "format_version": 1, "lut": multiplier.lut, "name": "m",
        "x_signed": True, "w_signed": True, "source": "test",
    } | changes  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"format_version": None}, ValueError, r"must be a file of save\(\), or hold one table"),
        ({"format_version": "1"}, ValueError, "the format version must be one integer, got <U1"),
        ({"format_version": 3}, ValueError, "the format version must be at most 2, got 3"),
        ({"format_version": 2}, ValueError, "not a multiplier, there is no w_width, x_width"),
        ({"lut": None, "name": None}, ValueError, "not a multiplier, there is no lut, name"),
        ({"lut": np.zeros((3, 3), dtype=int)}, ValueError, r"'lut' must have shape \(256, 256\)"),
        ({"lut": np.zeros((256, 256))}, TypeError, "'lut' must hold integers"),
        ({"x_signed": [1, 0]}, ValueError, "'x_signed' must be one value of kind 'b', got int64"),
        ({"name": 3}, ValueError, "'name' must be one value of kind 'U', got int64"),
    ],
)
def test_foreign_npz(multiplier, tmp_path, changes, error, message):
    np.savez(tmp_path / "m.npz", **fields_of(multiplier, **changes))
    with pytest.raises(error, match=rf"m\.npz: {message}"):
        load(tmp_path / "m.npz")


@pytest.mark.bad_input("pickled")
def test_pickled_objects_are_not_loaded(multiplier, tmp_path):
    np.savez(tmp_path / "m.npz", **fields_of(multiplier, name=np.array([{}], dtype=object)))
    with pytest.raises(ValueError, match=r"m\.npz: not a \.npz file.* allow_pickle=False"):
        load(tmp_path / "m.npz")
    np.save(tmp_path / "m.npy", np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"m\.npy: not a \.npy file.* allow_pickle=False"):
        load(tmp_path / "m.npy", signed=True)


def test_file_of_the_other_kind(multiplier, tmp_path):
    save(multiplier, tmp_path / "m.npz")
    save(multiplier, tmp_path / "n.npy")
    (tmp_path / "m.npz").rename(tmp_path / "m.npy")
    (tmp_path / "n.npy").rename(tmp_path / "n.npz")
    with pytest.raises(ValueError, match=r"m\.npy: not a \.npy file, but an archive of several"):
        load(tmp_path / "m.npy", signed=True)
    with pytest.raises(ValueError, match=r"n\.npz: not a \.npz file, but one array in the \.npy"):
        load(tmp_path / "n.npz")


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("m.vhd", {}, ValueError, r"the suffix must be \.aag, .*\.txt or \.v, got '\.vhd'"),
        ("m.c", {}, ValueError, r"got '\.c'; EvoApproxLib has a \.v file of the same circuit"),
        ("m", {}, ValueError, r"the suffix must be \.aag, .*, got ''"),
        ("m.npz", {"top": "m"}, ValueError, "'top' is for Verilog and BLIF files, got 'm'"),
        ("m.aag", {"top": "m"}, ValueError, "'top' is for Verilog and BLIF files, got 'm'"),
        ("m.v", {"order": "xw"}, ValueError, "'order' is for tables, got 'xw'"),
        ("m.npz", {"synthesise": True}, ValueError, "'synthesise' is for Verilog files"),
        ("m.blif", {"synthesise": True}, ValueError, "'synthesise' is for Verilog files"),
        ("absent.v", {}, FileNotFoundError, "absent"),
        ("absent.npz", {}, FileNotFoundError, "absent"),
        ("absent.npy", {"signed": True}, FileNotFoundError, "absent"),
    ],
)
def test_wrong_calls(tmp_path, name, arguments, error, message):
    with pytest.raises(error, match=message):
        load(tmp_path / name, **arguments)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, r"does not state whether .* signed .*; pass signed=True.* \(--signed, "),
        ({"signed": True}, ValueError, r"does not state its operand order; .* \(--order on"),
        ({"signed": True, "order": "row"}, ValueError, "'order' must be 'xw', 'wx' or None"),
        ({"signed": "yes", "order": "xw"}, TypeError, "'signed' must be a bool, a pair of bools"),
    ],
)
def test_what_a_lone_table_does_not_state(tmp_path, suffix, arguments, error, message):
    {".npy": np.save, ".npz": np.savez}[suffix](tmp_path / "m", exact_products(True, True))
    with pytest.raises(error, match=message):
        load(tmp_path / f"m{suffix}", **arguments)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("order", ["xw", "wx"])
def test_lone_table(tmp_path, suffix, order):
    table = np.random.default_rng(0).integers(-(2**31), 2**31, (256, 256))
    {".npy": np.save, ".npz": np.savez}[suffix](tmp_path / "m", table)
    loaded = load(tmp_path / f"m{suffix}", signed=(True, False), order=order)
    assert np.array_equal(loaded.lut, table if order == "xw" else table.T)
    assert (loaded.name, loaded.x_port.signed, loaded.w_port.signed) == ("m", True, False)


@pytest.mark.parametrize(("x_width", "w_width"), [(2, 8), (8, 3), (4, 5)])
@pytest.mark.parametrize("order", ["xw", "wx"])
def test_the_shape_of_a_lone_table_states_the_widths(tmp_path, order, x_width, w_width):
    table = np.random.default_rng(0).integers(0, 99, (1 << x_width, 1 << w_width))
    np.save(tmp_path / "m.npy", table if order == "xw" else table.T)
    loaded = load(tmp_path / "m.npy", signed=(False, True), order=order)
    assert (loaded.x_port, loaded.w_port) == (Port(x_width, False), Port(w_width, True))
    codes = np.arange(256)
    embedded = table[np.ix_(codes % (1 << x_width), codes % (1 << w_width))]
    assert np.array_equal(loaded.lut, embedded)


@pytest.mark.parametrize("shape", [(256, 200), (512, 256), (2, 256), (256,), (4, 4, 4)])
def test_lone_tables_of_other_shapes(tmp_path, shape):
    np.save(tmp_path / "m.npy", np.zeros(shape, dtype=int))
    with pytest.raises(ValueError, match=r"m\.npy: 'lut' must have shape \(256, 256\)"):
        load(tmp_path / "m.npy", signed=True, order="xw")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"signed": True}, "the file states its signedness, leave out 'signed'"),
        ({"order": "xw"}, "the file states its operand order, leave out 'order'"),
    ],
)
def test_what_the_file_states_already(multiplier, tmp_path, arguments, message):
    save(multiplier, tmp_path / "m.npz")
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "m.npz", **arguments)


def test_narrow_verilog(tmp_path):
    path = tmp_path / "mul4s_array.v"
    path.write_text(to_verilog(array_multiplier(signed=True, width=4)))
    assert np.array_equal(load(path).lut, exact_products(True, True, x_width=4, w_width=4))


def test_verilog_of_another_width(tmp_path):
    path = tmp_path / "mul9u_array.v"
    path.write_text(to_verilog(array_multiplier(signed=False, width=9)))
    with pytest.raises(NotImplementedError, match=r"mul9u_array\.v: "):
        load(path)


def test_npz_of_the_first_version_has_ports_of_8_bits(multiplier, tmp_path):
    np.savez(tmp_path / "m.npz", **fields_of(multiplier))
    loaded = load(tmp_path / "m.npz")
    assert (loaded.x_port, loaded.w_port) == (Port(8, True), Port(8, True))
    assert np.array_equal(loaded.lut, multiplier.lut)


@pytest.mark.parametrize("widths", [(1, 8), (8, 9), (-3, 8)])
def test_npz_with_impossible_widths(multiplier, tmp_path, widths):
    fields = fields_of(multiplier, format_version=2, x_width=widths[0], w_width=widths[1])
    np.savez(tmp_path / "m.npz", **fields)
    with pytest.raises(ValueError, match=r"m\.npz: ports must have 2 to 8 bits"):
        load(tmp_path / "m.npz")


@pytest.mark.bad_input("packed-bomb")
def test_npz_that_unpacks_to_gigabytes(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lut.npy", bytes(1 << 23))
    with pytest.raises(ValueError, match=r"m\.npz: .* the arrays must have at most 4194304 bytes"):
        load(tmp_path / "m.npz")


@pytest.mark.bad_input("packed-bomb")
def test_npy_that_claims_gigabytes(tmp_path):
    header = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<i4', 'fortran_order': False, 'shape': (%s), }"
    for shape in (b"99999999999,", b"4611686018427387905,", b"256, 99999999"):
        (tmp_path / "m.npy").write_bytes((header % shape).ljust(127) + b"\n" + bytes(1000))
        with pytest.raises(ValueError, match=r"m\.npy: not a \.npy file, or a damaged one"):
            load(tmp_path / "m.npy", signed=True)


@pytest.mark.bad_input("damaged-file")
def test_npz_of_what_is_no_array(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
        archive.writestr("lut.npy", b"no array")
    with pytest.raises(ValueError, match=r"m\.npz: not a \.npz file, .* 'lut.*' is no array"):
        load(tmp_path / "m.npz", signed=True, order="xw")


@pytest.mark.bad_input("long-names")
def test_npz_of_very_many_names_is_told_in_short(tmp_path):
    np.savez(tmp_path / "m.npz", **{f"array{number}": np.zeros(1) for number in range(2000)})
    with pytest.raises(ValueError, match=r"m\.npz: .* got array0, .* \.\.\. .*array1999") as caught:
        load(tmp_path / "m.npz", signed=True, order="xw")
    assert len(str(caught.value)) < 1000


@pytest.mark.bad_input("long-file")
def test_tables_of_more_than_four_megabytes(tmp_path):
    for suffix in (".npz", ".csv", ".h"):
        (tmp_path / f"m{suffix}").write_bytes(bytes((1 << 22) + 1))
        with pytest.raises(NetlistError, match="the file must have at most 4194304 bytes"):
            load(tmp_path / f"m{suffix}", order=None if suffix == ".npz" else "xw", signed=None)


@pytest.mark.parametrize("suffix", [".v", ".blif", ".cgp", ".chr", ".aag", ".aig"])
def test_a_table_has_no_gates(multiplier, tmp_path, suffix):
    message = rf"m\{suffix}: a table has no gates to write as \{suffix}; write_netlist\(\) writes"
    with pytest.raises(ValueError, match=message):
        save(multiplier, tmp_path / f"m{suffix}")


def test_save_with_another_suffix(multiplier, tmp_path):
    with pytest.raises(ValueError, match=r"the suffix must be \.bin, .* or \.txt, got '\.xls'"):
        save(multiplier, tmp_path / "m.xls")
    with pytest.raises(ValueError, match=r"'order' is for \.bin files, got 'wx'"):
        save(multiplier, tmp_path / "m.npz", order="wx")


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("suffix", [".v", ".blif", ".cgp", ".chr", ".aag", ".aig"])
def test_netlist_round_trip(tmp_path, suffix, signed):
    netlist = broken_array_multiplier(2, 5, signed=signed)
    path = tmp_path / f"{netlist.name}{suffix}"
    write_netlist(netlist, path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    loaded = load(path)
    assert (loaded.name, loaded.source) == (netlist.name, str(path))
    assert loaded.digest == Multiplier.from_netlist(netlist).digest
    assert read_netlist(path).outputs[0].width == 16


def test_wrong_netlist_files(tmp_path):
    with pytest.raises(ValueError, match=r"the suffix must be \.aag, .* or \.v, got '\.npz'"):
        read_netlist(tmp_path / "m.npz")
    with pytest.raises(ValueError, match=r"the suffix must be \.aag, .* or \.v, got '\.npz'"):
        write_netlist(array_multiplier(signed=False), tmp_path / "m.npz")
