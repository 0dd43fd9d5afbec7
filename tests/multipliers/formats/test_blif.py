"""BLIF: every statement that netlists use, what is refused, and the way back from our writer."""

import io

import numpy as np
import pytest
from ariths_gen.multi_bit_circuits import approximate_multipliers, multipliers
from ariths_gen.wire_components import Bus

from multipliers import (
    NetlistBuilder,
    NetlistError,
    Op,
    array_multiplier,
    broken_array_multiplier,
    code_values,
    parse_blif,
    read_blif,
    simulate,
    to_blif,
    tree_multiplier,
    truncated_multiplier,
)

# ruff: noqa: ARG005

HEADER = ".model m\n.inputs a[0] a[1] w[0] w[1]\n.outputs y[0] y[1]\n"

CONSTRUCTS = {
    "on-set and off-set": (
        ".names a[0] w[0] y[0]\n11 1\n.names a[1] w[1] y[1]\n11 0\n",
        lambda a, w: (a & w & 1) + (2 - (a & w & 2)),
    ),
    "constants": (
        ".names vdd\n1\n.names gnd\n0\n.names vdd a[0] y[0]\n11 1\n.names gnd y[1]\n1 1\n",
        lambda a, w: a & 1,
    ),
    "a cover without rows is 0": (
        ".names y[0]\n.names a[1] y[1]\n",
        lambda a, w: 0,
    ),
    "several rows, comments, continued lines, blank lines": (
        "# one\n.names a[0] \\\n  w[0] y[0] # two\n\n1- 1 # three\n-1 1\n.names a[0] y[1]\n0 1\n",
        lambda a, w: ((a | w) & 1) + 2 * (1 - (a & 1)),
    ),
    "used before it is driven": (
        ".names n y[0]\n0 1\n.names y[0] y[1]\n1 1\n.names a[0] w[1] n\n11 1\n",
        lambda a, w: 3 * (1 - (a & 1 & w >> 1)),
    ),
    "five inputs": (
        ".names a[0] a[1] w[0] w[1] n y[0]\n11--- 1\n--110 1\n.names n\n.names n y[1]\n1 1\n",
        lambda a, w: int(a == 3 or w == 3),
    ),
    "aliases and statements without effect": (
        ".conn a[0] y[0]\n.area 3\n.attr src x\n.names w[1] y[1]\n1 1\n",
        lambda a, w: (a & 1) + (w & 2),
    ),
    "models behind the top, on two levels": (
        ".subckt half p=a[0] q=w[0] s=y[0] c=n\n.subckt half q=n p=vdd s=y[1]\n.names vdd\n1\n"
        ".end\n.model half\n.inputs p q\n.outputs s c\n.subckt xor_gate a=p b=q out=s\n"
        ".names p q c\n11 1\n.end\n.model xor_gate\n.inputs a b\n.outputs out\n"
        ".names a b out\n01 1\n10 1\n",
        lambda a, w: ((a ^ w) & 1) + 2 * (1 - (a & w & 1)),
    ),
    "an unread input that is not connected": (
        ".subckt part p=a[0] r=y[0]\n.names y[1]\n.end\n.model part\n.inputs p q\n.outputs r s\n"
        ".names p r\n1 1\n.names q s\n1 1\n",
        lambda a, w: a & 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_construct(name):
    statements, function = CONSTRUCTS[name]
    netlist = parse_blif(f"{HEADER}{statements}.end\n")
    assert simulate(netlist).tolist() == [[function(a, w) for w in range(4)] for a in range(4)]


@pytest.mark.parametrize(
    "names", ["a_0 a_1 w_0 w_1", "a0 a1 w0 w1", "a[1:0] w[1:0]", "a<1> a<0> w<1> w<0>"]
)
def test_ports_by_name(names):
    bits = "a[0] a[1]" if ":" in names else " ".join(sorted(names.split())[:2])
    text = f".model m\n.inputs {names}\n.outputs y\n.names {bits} y\n01 1\n.end"
    netlist = parse_blif(text)
    assert [(bus.name, bus.width) for bus in netlist.inputs] == [("a", 2), ("w", 2)]
    assert simulate(netlist)[:, 0].tolist() == [0, 0, 1, 0]


MISTAKES = {
    "": "1: net 'y\\[0\\]' has no driver, but is an output",
    ".names a[0] y[0]\n1 1\n.names a[1] y[0]\n1 1\n": r"6: net 'y\[0\]' has several drivers, .* 4",
    ".names a[0] a[1]\n1 1\n": r"4: net 'a\[1\]' has several drivers, .* an input port",
    ".names n y[0]\n1 1\n": r"4: net 'n' has no driver, but 'y\[0\]' depends on it",
    ".names y[0] y[1]\n1 1\n.names y[1] y[0]\n1 1\n": r": combinational cycle: y\[[01]\] -> ",
    ".names a[0] y[0]\n11 1\n": "5: a row must have 1 character of 0, 1 and -, got '11'",
    ".names a[0] y[0]\nx 1\n": "5: a row must have 1 character of 0, 1 and -, got 'x'",
    ".names a[0] y[0]\n1 x\n": "5: a row must be 1 character .* and the value 0 or 1, got '1 x'",
    ".names a[0] y[0]\n1\n": "5: a row must be 1 character .* got '1'",
    ".names y[0]\n1 1\n": "5: a row must be the value 0 or 1, got '1 1'",
    ".names a[0] y[0]\n1 1\n0 0\n": "6: the rows of one .names must all have the value 0, or all 1",
    ".names\n": "4: .names must have at least the name of its output",
    "1 1\n": "4: '1' must be a statement, or a row behind .names",
    ".area 1\n1 1\n": "5: '1' must be a statement, or a row behind .names",
    ".latch a[0] y[0] re clk 0\n": "4: a latch is not supported, the file must be combinational",
    ".exdc\n": "4: a set of external don't-cares is not supported",
    ".foo\n": "4: unknown statement '.foo'",
    ".conn a[0]\n": "4: .conn must have two names, got 1",
    ".subckt\n": "4: .subckt must have the name of a model",
    ".subckt part p\n": "4: 'p' must be port=net",
    ".subckt part p=\n": "4: 'p=' must be port=net",
    ".subckt part p=a[0] p=a[1]\n": "4: port 'p' is connected to two nets",
    ".subckt part z=a[0]\n": "4: port 'z' does not exist in 'part'",
    ".subckt other p=a[0]\n": "4: unknown model 'other'",
    ".inputs a[3]\n": r"1: the bits of port 'a' have gaps: 0, 1, 3",
    ".inputs b[5000:0]\n": r"4: 'b\[5000:0\]' must have at most 4096 bits",
    ".model n\n": "4: model 'm' has no .end before the next model",
}


@pytest.mark.parametrize("statements", MISTAKES)
def test_mistake(statements):
    part = ".model part\n.inputs p\n.outputs r\n.names p r\n1 1\n.end\n"
    with pytest.raises(NetlistError, match=r"^bad\.blif:") as error:
        parse_blif(f"{HEADER}{statements}.end\n{part}", top="m", file="bad.blif")
    error.match(MISTAKES[statements])
    assert error.value.line is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "^bad.blif: the file is empty$"),
        ("# nothing\n", "^bad.blif: the file has no .model$"),
        (".inputs a\n", "^bad.blif:1: '.inputs' must be in a model, after .model"),
        (".model\n.end", "^bad.blif:1: .model must have one name, got 0"),
        (".model m\n.inputs a \\", "^bad.blif:2: the last line is continued, but ends the file"),
        (HEADER, "^bad.blif: the file ends before the .end of model 'm'"),
        (HEADER + ".end\n" + HEADER + ".end\n", "^bad.blif:5: model 'm' is defined twice"),
        (".model a\n.subckt b\n.end\n.model b\n.subckt a\n.end", "several models may be the top"),
    ],
)
def test_bad_file(text, message):
    with pytest.raises(NetlistError, match=message):
        parse_blif(text, file="bad.blif")


def test_model_in_itself():
    with pytest.raises(NetlistError, match="4: model 'm' contains itself"):
        parse_blif(f"{HEADER}.subckt m\n.end", top="m")


def test_pin_that_is_repeated():
    """ArithsGen writes some pins of its hierarchical Wallace multipliers three times."""
    part = ".model part\n.inputs p\n.outputs r\n.names p r\n1 1\n.end\n"
    text = f"{HEADER}.names y[1]\n.subckt part p=a[0] r=y[0] p=a[0]\n.end\n{part}"
    assert simulate(parse_blif(text))[:, 0].tolist() == [0, 1, 0, 1]


TWO = ".model a\n.inputs p\n.outputs q\n.conn p q\n.end\n.model b\n.inputs r\n.outputs s\n{}.end\n"


def test_top():
    text = TWO.format(".conn r s\n")
    assert parse_blif(text).name == "a"
    assert parse_blif(text, top="b").name == "b"
    assert parse_blif(TWO.format(".subckt a p=r q=s\n")).name == "b"
    with pytest.raises(NetlistError, match="there is no model 'c'; the file has 'a', 'b'"):
        parse_blif(text, top="c")


@pytest.mark.bad_input("hierarchy")
def test_exponential_hierarchy_is_refused():
    text = ".model l0\n.inputs a\n.outputs y\n.conn a y\n.end\n"
    for level in range(1, 40):
        pins = [f".subckt l{level - 1} a=a y={net}\n" for net in ("y", "n")]
        text += f".model l{level}\n.inputs a\n.outputs y\n{''.join(pins)}.end\n"
    with pytest.raises(NetlistError, match="the file has more than 100 levels or 65536 instances"):
        parse_blif(text)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "generate",
    [
        array_multiplier,
        tree_multiplier,
        lambda signed: broken_array_multiplier(2, 5, signed=signed),
        lambda signed: truncated_multiplier(8, signed=signed),
    ],
)
def test_round_trip(tmp_path, generate, signed):
    netlist = generate(signed=signed)
    (tmp_path / "m.blif").write_text(to_blif(netlist))
    assert read_blif(tmp_path / "m.blif") == netlist


def test_round_trip_of_every_gate():
    builder = NetlistBuilder("gates")
    nets = [*builder.input("n", 2), *builder.input("n_", 1)]
    gates = [builder.gate(op, *nets[: op.arity]) for op in Op if op is not Op.BUF]
    builder.output("y", [*gates, 0, 1, builder.gate(Op.MAJ, 1, nets[0], 0), nets[1]])
    netlist = builder.build()
    assert parse_blif(to_blif(netlist)) == netlist


@pytest.mark.parametrize("name", ["two words", "a#b", "a=b", "", "a\\"])
def test_names_that_blif_cannot_hold(name):
    builder = NetlistBuilder(name)
    builder.output("y", builder.input("a", 1))
    with pytest.raises(ValueError, match="names must have no white space"):
        to_blif(builder.build())


GENERATED = [
    *[(multipliers, f"{sign}{kind}Multiplier", {}) for sign in ("Signed", "Unsigned")
      for kind in ("Array", "CarrySave", "Dadda", "Wallace")],
    (approximate_multipliers, "UnsignedTruncatedArrayMultiplier", {"truncation_cut": 3}),
    (approximate_multipliers, "UnsignedBrokenArrayMultiplier",
     {"horizontal_cut": 2, "vertical_cut": 4}),
]  # fmt: skip


# ArithsGen 1.1 drives nets of these twice: once by .names, once by the output of a .subckt.
WRONG_HIERARCHIES = (
    "SignedCarrySaveMultiplier",
    "SignedWallaceMultiplier",
    "UnsignedWallaceMultiplier",
)


@pytest.mark.parametrize("style", ["flat", "hier"])
@pytest.mark.parametrize(
    ("module", "name", "arguments"), GENERATED, ids=lambda value: str(value)[:40]
)
def test_files_of_another_program(module, name, arguments, style):
    """ArithsGen's files give the tables that its own objects compute."""
    circuit = getattr(module, name)(Bus("a", 8), Bus("b", 8), **arguments)
    text = io.StringIO()
    getattr(circuit, f"get_blif_code_{style}")(text)
    signed = name.startswith("Signed")
    values = code_values(signed).astype(np.int64)
    if style == "hier" and name in WRONG_HIERARCHIES:
        with pytest.raises(NetlistError, match="several drivers"):
            parse_blif(text.getvalue())
        return
    table = simulate(parse_blif(text.getvalue()), signed=signed)
    assert np.array_equal(table, circuit(values[:, None], values[None, :]))


@pytest.mark.bad_input("many-nets")
def test_ranges_that_name_millions_of_bits():
    """A line of 160 kB names 40 million."""
    ports = " ".join(f"a{number}[0:4095]" for number in range(10_000))
    with pytest.raises(
        NetlistError, match=r"^m\.blif:2: the ports of a file must have at most 1048"
    ):
        parse_blif(f".model m\n.inputs {ports}\n.outputs y\n.end\n", file="m.blif")


@pytest.mark.bad_input("long-names")
def test_a_long_name_before_many_nets():
    """A megabyte of names would become a hundred gigabytes of paths."""
    name, ports = "m" * 1_000_000, " ".join(f"p{number}" for number in range(100_000))
    text = (
        f".model top\n.inputs a\n.outputs y\n.subckt {name} p0=a q=y\n.end\n"
        f".model {name}\n.inputs {ports}\n.outputs q\n.names p0 q\n1 1\n.end\n"
    )
    message = r"^m\.blif:4: the names of all nets must have at most 268435456 characters"
    with pytest.raises(NetlistError, match=message):
        parse_blif(text, file="m.blif")


@pytest.mark.bad_input("long-names")
def test_errors_quote_long_names_in_short():
    with pytest.raises(NetlistError, match=r"^m\.blif: .* \.\.\. ") as caught:
        parse_blif(f".model {'m' * 1_000_000}\n", file="m.blif")
    assert len(str(caught.value)) < 600
