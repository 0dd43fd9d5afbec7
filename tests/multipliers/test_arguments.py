"""What is of another type than a public function takes is refused by the argument's name."""

import re

import numpy as np
import pytest

import htp
import multipliers
from multipliers import (
    Multiplier,
    Port,
    broken_array_multiplier,
    code_values,
    get,
    get_netlist,
    to_blif,
)

DRUM = "drum4"
TABLE = np.zeros((256, 256), np.int32)
OF_MULTIPLIERS = {
    "characterise": multipliers.characterise,
    "error_distribution": multipliers.error_distribution,
    "error_profile": lambda multiplier: multipliers.error_profile(multiplier, "x"),
    "worst_cases": multipliers.worst_cases,
    "table_structure": multipliers.table_structure,
    "save": lambda multiplier: multipliers.save(multiplier, "table.npz"),
    "certify": lambda multiplier: htp.certify(htp.accurate_model(), multiplier),
}
OF_NETLISTS = {
    "simulate": multipliers.simulate,
    "netlist_function": multipliers.netlist_function,
    "circuit_cost": multipliers.circuit_cost,
    "toggle_energy": lambda netlist: multipliers.toggle_energy(netlist, [1], [2]),
    "from_netlist": Multiplier.from_netlist,
    "write_netlist": lambda netlist: multipliers.write_netlist(netlist, "netlist.blif"),
    "to_aiger": multipliers.to_aiger,
    "to_binary_aiger": multipliers.to_binary_aiger,
    "to_blif": multipliers.to_blif,
    "to_cgp": multipliers.to_cgp,
    "to_verilog": multipliers.to_verilog,
}
CIRCUITS = {
    "array": multipliers.array_multiplier,
    "broken": lambda **flag: multipliers.broken_array_multiplier(0, 3, **flag),
    "truncated columns": lambda **flag: multipliers.column_truncated_multiplier(2, **flag),
    "momeni": lambda **flag: multipliers.momeni_multiplier(4, **flag),
    "perforated": lambda **flag: multipliers.perforated_multiplier(1, 2, **flag),
    "tree": multipliers.tree_multiplier,
    "truncated": lambda **flag: multipliers.truncated_multiplier(1, **flag),
    "Port": lambda **flag: Port(8, **flag),
    "code_values": multipliers.code_values,
}
TEXTS = multipliers.parse_blif, multipliers.parse_cgp, multipliers.parse_verilog


@pytest.mark.bad_input("no-multiplier")
@pytest.mark.parametrize("value", [DRUM, None, TABLE, get_netlist("mul8s_bam_h0_v8")], ids=type)
@pytest.mark.parametrize("name", OF_MULTIPLIERS)
def test_what_is_no_multiplier(name, value) -> None:
    shown = repr(value) if value is None or isinstance(value, str) else type(value).__name__
    message = f"'multiplier' must be a Multiplier, got {shown}; get() makes one"
    with pytest.raises(TypeError, match=re.escape(message)):
        OF_MULTIPLIERS[name](value)


@pytest.mark.bad_input("no-multiplier")
@pytest.mark.parametrize("value", ["multiplier.v", None, get(DRUM)], ids=type)
@pytest.mark.parametrize("name", OF_NETLISTS)
def test_what_is_no_netlist(name, value, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = r"'netlist' must be a Netlist, got .+; read_netlist\(\) reads one"
    with pytest.raises(TypeError, match=message):
        OF_NETLISTS[name](value)
    assert not list(tmp_path.iterdir())


@pytest.mark.bad_input("no-flag")
@pytest.mark.parametrize("value", ["unsigned", None, 1, np.True_], ids=type)
@pytest.mark.parametrize("name", CIRCUITS)
def test_what_is_no_flag(name, value) -> None:
    with pytest.raises(TypeError, match="'signed' must be a bool, got "):
        CIRCUITS[name](signed=value)


@pytest.mark.bad_input("no-flag")
def test_signs_of_exact_products_are_flags() -> None:
    with pytest.raises(TypeError, match="'x_signed' must be a bool, got 'unsigned'"):
        multipliers.exact_products("unsigned", True)


@pytest.mark.bad_input("no-flag")
def test_a_correction_is_a_flag() -> None:
    with pytest.raises(TypeError, match="'corrected' must be a bool, got 'no'"):
        multipliers.column_truncated_multiplier(2, signed=True, corrected="no")


@pytest.mark.bad_input("no-text")
@pytest.mark.parametrize("parse", TEXTS)
def test_what_is_no_text(parse) -> None:
    with pytest.raises(TypeError, match="'text' must be a str, got bytes"):
        parse(b".model top")
    if parse is not multipliers.parse_cgp:
        with pytest.raises(TypeError, match="'top' must be a str or None, got 3"):
            parse("", top=3)


@pytest.mark.bad_input("no-text")
def test_what_is_no_content() -> None:
    with pytest.raises(TypeError, match="'content' must be bytes, got 'aag 0 0 0 0 0'"):
        multipliers.parse_aiger("aag 0 0 0 0 0")


def test_widths_of_codes() -> None:
    for width in (0, 9):
        with pytest.raises(ValueError, match="'width' must be from 1 to 8"):
            multipliers.code_values(True, width=width)


def test_ports_and_samples_of_functions() -> None:
    port = Port(8, signed=True)
    product = np.multiply
    with pytest.raises(TypeError, match="'w_port' must be a Port, got 8"):
        multipliers.characterise_function(product, port, 8)
    with pytest.raises(TypeError, match=r"'samples' must be an int, got 2\.5"):
        multipliers.characterise_function(product, port, port, samples=2.5)
    with pytest.raises(TypeError, match="'x_port' must be a Port, got tuple"):
        htp.certify_function(htp.accurate_model(), product, (8, True), port)
    with pytest.raises(TypeError, match="'model' must be a Callable, got 'exact'"):
        htp.certify("exact", get(DRUM))


DEMO = multipliers.demo_netlist()
GATES = get_netlist("mul8s_bam_h0_v8")
PORT = Port(8, signed=True)
X = htp.Feature("identity")
MODEL = htp.accurate_model()
REFUSED = [
    (lambda: Multiplier(None, TABLE, PORT, PORT, ""), "'name' must be a str, got None"),
    (lambda: Multiplier("m", TABLE, 8, PORT, ""), "'x_port' must be a Port, got 8"),
    (lambda: Multiplier.from_lut(TABLE, w_signed=1), "'w_signed' must be a bool, got 1"),
    (lambda: Multiplier.from_lut(TABLE, x_width="8"), "'x_width' must be an int, got '8'"),
    (
        lambda: Multiplier.from_function(
            np.multiply, name="m", x_port=PORT, w_port=PORT, vectorised="no"
        ),
        "'vectorised' must be a bool, got 'no'",
    ),
    (lambda: multipliers.exact_products(True, 1), "'w_signed' must be a bool, got 1"),
    (lambda: multipliers.code_values(1), "'signed' must be a bool, got 1"),
    (lambda: multipliers.Bus("a", [2]), "'nets' must be a tuple, got list"),
    (lambda: multipliers.Bus("a", (2,), 1), "'signed' must be a bool or None, got 1"),
    (lambda: multipliers.NetlistBuilder(8), "'name' must be a str, got 8"),
    (
        lambda: multipliers.Netlist("m", ("a",), (), GATES.op, GATES.fan_in),
        "'inputs' must be a tuple of Bus, got tuple",
    ),
    (lambda: multipliers.CellTable("t", None, {}), "'area' must be a Mapping, got None"),
    (lambda: multipliers.circuit_cost(GATES, cells="cells.csv"), "'cells' must be a CellTable"),
    (lambda: multipliers.circuit_cost(GATES, published=0.4), "'published' must be a mapping, or"),
    (lambda: multipliers.toggle_energy(GATES, [1, 2], [3, 4], cells=None), "'cells' must be a"),
    (lambda: multipliers.simulate(GATES, signed="no"), "'signed' must be a bool, got 'no'"),
    (lambda: multipliers.load(DEMO, synthesise="no"), "'synthesise' must be a bool, got 'no'"),
    (lambda: multipliers.read_netlist(DEMO, synthesise=0), "'synthesise' must be a bool, got 0"),
    (lambda: multipliers.names(family=3), "'family' must be a str or None, got 3"),
    (lambda: multipliers.parse_cgp("{", widths=[8, 8]), "'widths' must be a tuple, got list"),
    (lambda: multipliers.parse_cgp("{", widths=(8, "8")), "'widths' must be an int, got '8'"),
    (lambda: multipliers.worst_cases(get(DRUM), "ten"), "'count' must be an int, got 'ten'"),
    (lambda: htp.fit(get(DRUM), error="0"), "'error' must be a number, got '0'"),
    (lambda: htp.fit(get(DRUM), peak="0"), "'peak' must be a number, got '0'"),
    (lambda: htp.level("exact", get(DRUM), most=1), "'model' must be an HtpModel, got 'exact'"),
    (lambda: htp.level(MODEL, get(DRUM), most=None), "'most' must be a number, got None"),
    (lambda: htp.factorise(get(DRUM), max_rank=2.5), r"'max_rank' must be an int, got 2\.5"),
    (lambda: htp.Term("1", X, X), "'coefficient' must be a number, got '1'"),
    (lambda: htp.Term(1.0, X, "identity"), "'w_function' must be a Feature or .*, got 'identity'"),
    (lambda: htp.HtpModel("m", [htp.Term(1.0, X, X)]), "'terms' must be a tuple, got list"),
    (lambda: htp.TableFeature(np.zeros(256)), "'values' must be a tuple, got ndarray"),
    (lambda: htp.Combination(X), "'parts' must be a tuple, got Feature"),
    (lambda: htp.HtpModel.load("model.json", lut=DRUM), "'lut' must be a Multiplier, got 'drum4'"),
    (lambda: MODEL.exact_depth(24, x_port=8, w_port=PORT), "'x_port' must be a Port, got 8"),
    (lambda: htp.fit_function(np.multiply, 8, PORT), "'x_port' must be a Port, got 8"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
@pytest.mark.bad_input("no-number")
def test_what_is_of_another_kind(call, message) -> None:
    with pytest.raises(TypeError, match=message):
        call()


OF_FUNCTIONS = {
    "characterise_function": multipliers.characterise_function,
    "certify_function": lambda function, *ports: htp.certify_function(MODEL, function, *ports),
    "fit_function": htp.fit_function,
    "contracts_last_axis": lambda function, *_: htp.contracts_last_axis(function),
}


@pytest.mark.parametrize("name", OF_FUNCTIONS)
@pytest.mark.bad_input("no-function")
def test_what_is_no_function(name) -> None:
    with pytest.raises(TypeError, match="'function' must be a Callable, got 'multiply'"):
        OF_FUNCTIONS[name]("multiply", PORT, PORT)


@pytest.mark.bad_input("no-number")
def test_seeds() -> None:
    for function in (multipliers.characterise_function, htp.fit_function):
        with pytest.raises(TypeError, match="'seed' must be an int, got None"):
            function(np.multiply, PORT, PORT, samples=10, seed=None)
        with pytest.raises(ValueError, match="'seed' must be at least 0, got -1"):
            function(np.multiply, PORT, PORT, samples=10, seed=-1)


THREE = np.arange(4).max()
OF_INTEGERS = {
    "Port": lambda three: repr(Port(three, signed=True)),
    "code_values": lambda three: code_values(True, width=three).dtype,
    "from_lut": lambda three: repr(
        Multiplier.from_lut(np.zeros((8, 8), np.int32), x_width=three, w_width=three).x_port
    ),
    "broken array": lambda three: to_blif(broken_array_multiplier(three, three, signed=True)),
    "names": lambda three: multipliers.names(width=three),
    "drum": lambda three: multipliers.families.drum(9, 9, k=three, width=three + 5).item(),
    "worst_cases": lambda three: multipliers.worst_cases(get(DRUM), three),
    "seed": lambda three: repr(
        multipliers.characterise_function(np.add, PORT, PORT, samples=three, seed=three)
    ),
    "Feature": lambda three: repr(htp.Feature("mod", three)),
    "Term": lambda three: repr(htp.Term(float(three), X, X)),
    "fit": lambda three: htp.fit(get(DRUM), terms=three, bits=three).to_json(),
}


@pytest.mark.parametrize("name", OF_INTEGERS)
@pytest.mark.bad_input("numpy-number")
def test_integers_of_numpy(name):
    assert OF_INTEGERS[name](THREE) == OF_INTEGERS[name](3)


@pytest.mark.bad_input("numpy-number")
def test_floats_of_numpy():
    half = np.float32(0.5)
    assert repr(htp.Term(half, X, X)) == repr(htp.Term(0.5, X, X))
    table = multipliers.CellTable("t", {"AND": half}, {"AND": np.int64(2)})
    assert repr(table) == repr(multipliers.CellTable("t", {"AND": 0.5}, {"AND": 2.0}))
    fitted = [htp.fit(get(DRUM), terms=2, peak=peak, error=peak) for peak in (half, 0.5)]
    assert fitted[0].to_json() == fitted[1].to_json()


OF_PATHS = {
    "load": multipliers.load,
    "save": lambda path: multipliers.save(get(DRUM), path),
    "read_netlist": multipliers.read_netlist,
    "write_netlist": lambda path: multipliers.write_netlist(DEMO_NETLIST, path),
    "read_verilog": multipliers.read_verilog,
    "read_blif": multipliers.read_blif,
    "read_cgp": multipliers.read_cgp,
    "read_aiger": multipliers.read_aiger,
    "read_cells": multipliers.read_cells,
    "read_library": multipliers.read_library,
    "HtpModel.save": MODEL.save,
    "HtpModel.load": htp.HtpModel.load,
}
DEMO_NETLIST = get_netlist("mul8s_tm_k3")


@pytest.mark.parametrize("value", [None, 3, b"table.npz", ["table.npz"]], ids=repr)
@pytest.mark.parametrize("name", OF_PATHS)
@pytest.mark.bad_input("no-path")
def test_what_is_no_path(name, value):
    with pytest.raises(TypeError, match="'path' must be a str or a Path, got "):
        OF_PATHS[name](value)


@pytest.mark.parametrize(
    ("name", "file"),
    [("load", "f.npz"), ("save", "f.npz"), ("save", "f.csv"),
     ("read_netlist", "f.blif"),
     ("write_netlist", "f.blif"), ("read_aiger", "f"), ("read_cells", "f"), ("HtpModel.save", "f"),
     ("HtpModel.load", "f")],
)  # fmt: skip
@pytest.mark.bad_input("folder-for-file")
def test_a_folder_where_a_file_belongs(name, file, tmp_path):
    folder = tmp_path / file
    folder.mkdir()
    with pytest.raises(OSError, match=re.escape(str(folder))):
        OF_PATHS[name](folder)
    with pytest.raises(OSError, match=re.escape(str(folder / "none"))):
        OF_PATHS[name](folder / "none" / file)
    assert list(tmp_path.iterdir()) == [folder]
    assert not list(folder.iterdir())


@pytest.mark.parametrize("read", [multipliers.load, multipliers.read_netlist])
@pytest.mark.bad_input("folder-for-file")
def test_a_folder_without_a_suffix_where_a_file_belongs(read, tmp_path):
    message = re.escape(f"{tmp_path}: it is a folder; name a file in it")
    with pytest.raises(IsADirectoryError, match=message):
        read(tmp_path)


def test_this_folder_where_a_file_belongs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (".", ""):
        with pytest.raises(IsADirectoryError, match=r"\.: it is a folder; name a file in it"):
            MODEL.save(path)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: htp.TableFeature(("1",) * 256), TypeError, "'values' must be a number, got '1'"),
        (lambda: htp.TableFeature((1j,) * 256), TypeError, "'values' must be a number, got c"),
        (lambda: htp.Combination((X,)), TypeError, "'parts' must be a tuple, got Feature; of a"),
        (lambda: htp.Combination((("2", X),)), TypeError, "'factor' must be a number, got '2'"),
        (lambda: htp.Combination(((2, "one"),)), TypeError, "'parts' must be a Feature or TableF"),
        (lambda: htp.Combination(((np.inf, X),)), ValueError, "'factor' must be finite, got inf"),
        (lambda: htp.HtpModel.from_json(3), TypeError, "must be a str or bytes, got int|'text'"),
        (lambda: multipliers.parse_cgp("{", widths=(8,)), ValueError, "'widths' must be two numb"),
    ],
)  # fmt: skip
@pytest.mark.bad_input("no-number")
def test_parts_of_models_and_widths(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.bad_input("numpy-number")
def test_models_of_numbers_of_numpy_are_written():
    half = np.float32(0.5)
    table = htp.TableFeature((half,) * 256)
    model = htp.HtpModel("m", (htp.Term(half, htp.Combination(((half, X),)), table),))
    assert htp.HtpModel.from_json(model.to_json()) == model


DRUM4 = multipliers.get("drum4")
OF_WORDS = {
    "operand": lambda word: multipliers.error_profile(DRUM4, word),
    "by": lambda word: multipliers.worst_cases(DRUM4, by=word),
    "mred": lambda word: multipliers.characterise(DRUM4, mred=word),
    "order": lambda word: multipliers.load("table.npy", order=word, signed=False),
    "reduction": lambda word: multipliers.tree_multiplier(signed=False, reduction=word),
    "family": lambda word: multipliers.names(family=word),
    "name": multipliers.get,
    "kind": htp.Feature,
    "part": lambda word: htp.factorise(DRUM4, part=word),
    "basis": lambda word: htp.fit(DRUM4, basis=word),
    "criterion": lambda word: htp.fit(DRUM4, criterion=word),
    "top": lambda word: multipliers.parse_verilog("module m; endmodule", top=word),
    "file": lambda word: multipliers.parse_verilog("module m; endmodule", file=word),
}


@pytest.mark.parametrize("word", [np.array(["x", "w"]), ["x"], {"x": 1}, 3, b"x"], ids=str)
@pytest.mark.parametrize("name", OF_WORDS)
@pytest.mark.bad_input("no-word")
def test_what_is_no_word(name, word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("table.npy", TABLE)
    with pytest.raises(TypeError, match=f"'{name}' must be a str( or None)?, got "):
        OF_WORDS[name](word)


@pytest.mark.parametrize(
    ("parse", "content"),
    [(multipliers.parse_blif, ".model m\n.end"), (multipliers.parse_cgp, "{"),
     (multipliers.parse_aiger, b"aag"), (multipliers.parse_verilog, "module m; endmodule")],
)  # fmt: skip
@pytest.mark.bad_input("no-text")
def test_a_file_is_called_by_a_text(parse, content):
    with pytest.raises(TypeError, match="'file' must be a str, got None"):
        parse(content, file=None)
