"""Real files of every format, and what can happen to them on the way."""

from hypothesis import strategies as st

from multipliers import (
    Multiplier,
    array_multiplier,
    get_netlist,
    load,
    parse_aiger,
    parse_blif,
    parse_cgp,
    parse_verilog,
    to_aiger,
    to_binary_aiger,
    to_blif,
    to_cgp,
    to_verilog,
)
from multipliers.formats.adapt import adapt_header
from multipliers.formats.arrays import npy_table, npz_table
from multipliers.formats.table_text import text_table
from multipliers.formats.tfapprox import tfapprox_table

NETLIST = array_multiplier(signed=False, width=3)
SIGNED = Multiplier.from_netlist(array_multiplier(signed=True, width=4))
UNSIGNED = Multiplier.from_netlist(array_multiplier(signed=False))

HIERARCHY = """\
.model mul1u # two levels
.inputs a[0] a[1] b[0] b[1]
.outputs s[0] s[1]
.names vdd
1
.subckt half_adder a=a[0] \\
 b=b[0] s=s[0] c=n
.subckt half_adder a=a[1] b=vdd s=s[1]
.end
.model half_adder
.inputs a b
.outputs s c
.names a b s
01 1
10 1
.names a b c
0- 0
-0 0
.end
"""
MODULES = """\
// WCE = 3
module mul2u(A, B, O); // helper behind the top
  input [1:0] A; input [1:0] B; output [3:0] O;
  wire [20:0] N, bit;
  assign N[0] = A [0] & B[0], N[1] = ~(A[1] ^ B[1]);
  FAX1 u (.A(A[0]), .B(~(A[1] & B[0])), .C(1'b1), .YS(N[2]), .YC());
  part #(.W(2)) v (A, {B[0], N[2]}, N[4:3]);
  assign {O[3], O[2:0]} = {2{N[4]}} + {N[1], N[0], 1'b0};
endmodule
module part #(parameter W = 1)(input [W-1:0] p, q, output [W-1:0] r);
  assign r = p & q;
endmodule
"""

FILES = {
    "verilog": to_verilog(NETLIST).encode(),
    "verilog modules": MODULES.encode(),
    "blif": to_blif(NETLIST).encode(),
    "blif models": HIERARCHY.encode(),
    "cgp": to_cgp(NETLIST).encode(),
    "aag": to_aiger(NETLIST).encode(),
    "aig": to_binary_aiger(NETLIST),
    "csv": text_table(SIGNED, ",").encode(),
    "txt": text_table(SIGNED, " ").encode(),
    "h": adapt_header(SIGNED).encode(),
    "npz": npz_table(SIGNED),
    "npy": npy_table(SIGNED),
    "bin": tfapprox_table(UNSIGNED, "xw"),
}

LARGE = [get_netlist(name) for name in ("mul8s_wallace", "mul8u_momeni_c8", "mul4u_dadda")]
LARGE_FILES = {
    "verilog": [to_verilog(netlist).encode() for netlist in LARGE],
    "blif": [to_blif(netlist).encode() for netlist in LARGE],
    "cgp": [to_cgp(netlist).encode() for netlist in LARGE],
    "aag": [to_aiger(netlist).encode() for netlist in LARGE],
    "aig": [to_binary_aiger(netlist) for netlist in LARGE],
}
MOST_BYTES = 1 << 19  # twice the longest of the files
HOSTILE = (
    b"\\\n", b"\0", b'`include "x"\n', b"`define a `a\n`a", b"(" * 300, b"{" * 300, b"~" * 500,
    b"[", b"99999999999999999999", b"{1000000{1'b1}}", b"[1048576:0]", b"/*", b"//", b"1e400",
    b"-1", b"nan", b"\xff\xfe", b".end\n", b"\n" * 50,
)  # fmt: skip


def read(name, content, folder):
    """Read content as a file of a format, from memory where the format can be."""
    kind = name.split()[0]
    parse = {"verilog": parse_verilog, "blif": parse_blif, "cgp": parse_cgp}.get(kind)
    if parse is not None:
        return parse(content.decode("latin-1"), file=name)
    if kind in ("aag", "aig"):
        return parse_aiger(content, file=name)
    path = folder / f"mul8s_m.{kind}"
    path.write_bytes(content)
    stated = {"bin": {"order": "xw", "signed": False}, "npy": {"signed": True, "order": "xw"}}
    return load(path, **stated.get(kind, {}))


def mutate(content, kind, first, second, byte):
    """Return content with one thing changed; positions are taken modulo what there is."""
    if not content:
        return bytes([byte])
    first, second = first % len(content), second % len(content)
    low, high = min(first, second), max(first, second)
    lines = content.split(b"\n")
    index, other = first % len(lines), second % len(lines)
    if kind == "flip":
        return content[:first] + bytes([content[first] ^ (byte or 1)]) + content[first + 1 :]
    if kind == "insert":
        return content[:first] + bytes([byte]) + content[first:]
    if kind == "truncate":
        return content[:first]
    if kind == "cut":
        return content[:low] + content[min(high, low + 40) :]
    if kind == "drop line":
        return b"\n".join(lines[:index] + lines[index + 1 :])
    if kind == "double line":
        return b"\n".join([*lines[: index + 1], *lines[index:]])
    if kind == "swap lines":
        lines[index], lines[other] = lines[other], lines[index]
        return b"\n".join(lines)
    if kind == "number":
        numbers = [b"0", b"1", b"255", b"65536", b"4294967296", b"999999999", b"-1", b"1e9"]
        places = range(first, len(content))
        start = next((place for place in places if chr(content[place]).isdigit()), first)
        end = start
        while content[end : end + 1].isdigit():
            end += 1
        return content[:start] + numbers[byte % len(numbers)] + content[end:]
    return content[:first] + content[low:high][:60] + content[first:]  # repeat a piece


def mutate_much(content, pool, choose):
    """Return content with up to ten things changed, some of them taken from other files."""
    for _ in range(choose.choice((1, 1, 1, 2, 3, 5, 10))):
        kind, place = choose.random(), choose.randrange(len(content) + 1)
        if kind < 0.12:
            other = choose.choice(pool)
            content = content[:place] + other[choose.randrange(len(other) + 1) :]
        elif kind < 0.2:
            words, others = content.split(b" "), choose.choice(pool).split() or [b"0"]
            words[choose.randrange(len(words))] = choose.choice(others)
            content = b" ".join(words)
        elif kind < 0.24:
            content = content[:place] + choose.choice(HOSTILE) + content[place:]
        else:
            first, second, byte = (choose.randrange(limit) for limit in (1 << 20, 1 << 20, 256))
            content = mutate(content, choose.choice(KINDS), first, second, byte)
    return content[:MOST_BYTES]


KINDS = (
    "flip", "insert", "truncate", "cut", "drop line", "double line", "swap lines", "number",
    "piece",
)  # fmt: skip
MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, 1 << 20),
        st.integers(0, 1 << 20),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)
