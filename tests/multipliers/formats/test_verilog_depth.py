"""What a parser would not return from is refused before it; all else reaches it."""

import subprocess
import sys

import pytest

from multipliers import NetlistError, parse_verilog
from multipliers.formats.verilog_depth import DEEPEST, LONGEST, MOST_ALTERNATIVES, check_depth

HEADER = "module m(input [7:0] a, output [7:0] y);\n"

# Each ended the process, or took hours, as the parser's own limit does not count it.
DEEP = {
    "chain": lambda n: f"assign y = a{' & a' * n};",
    "mixed chain": lambda n: f"assign y = a{' & a ^ a' * n};",
    "selects": lambda n: f"assign y = a{'[0]' * n};",
    "selects in selects": lambda n: f"assign y = a{'[0' * n}{']' * n};",
    "events": lambda n: f"always @(a {'or a ' * n});",
    "properties": lambda n: f"assert property({'not ' * n} a);",
    "blocks": lambda n: f"generate {'begin ' * n}{'end ' * n} endgenerate",
    "modules": lambda n: "module p;\n" * n + "endmodule\n" * n,
    "structures": lambda n: f"{'struct packed {' * n} logic p; {'} p;' * n}",
    "pragmas": lambda n: f"\n`pragma p {'(' * n}\n",
    "else": lambda n: f"generate {'if (0) wire p; else ' * n} wire q; endgenerate",
    "classes": lambda n: "".join(f"class c{k} extends c{k + 1}; endclass\n" for k in range(n)),
    "macros": lambda n: (
        "`define m0 & a\n"
        + "".join(f"`define m{k + 1} `m{k} `m{k}\n" for k in range(n.bit_length()))
        + f"\nassign y = a `m{n.bit_length()};"
    ),
    "macros of brackets": lambda n: "`define o (\n\nassign y = " + "`o " * n,
}


@pytest.mark.bad_input("deep-verilog")
@pytest.mark.parametrize("kind", DEEP)
def test_too_deep(kind):
    with pytest.raises(NetlistError, match=r"^bad\.v:\d+: the text is too deeply nested, it must"):
        parse_verilog(f"{HEADER}{DEEP[kind](100_000)}\nendmodule", file="bad.v")


NEARLY = """
import sys
from multipliers import parse_verilog
for text in sys.stdin.read().split("\\0"):
    try:
        parse_verilog(text)
    except ValueError as error:
        assert "the text is too deeply" not in str(error), text[:100]
print("all returned")
"""


def test_the_parser_returns_from_what_is_admitted():
    """In a process of its own, which it would end."""
    levels = dict.fromkeys(DEEP, DEEPEST - 8)
    levels |= dict.fromkeys(("chain", "events"), LONGEST // 2 - 8)
    levels |= {"mixed chain": LONGEST // 4 - 8, "selects": LONGEST - 8, "properties": LONGEST - 8}
    levels |= dict.fromkeys(("else", "classes"), MOST_ALTERNATIVES - 8)
    levels |= {"macros": 255}  # doubled at least once more
    texts = [f"{HEADER}{DEEP[kind](levels[kind])}\nendmodule" for kind in DEEP]
    done = subprocess.run(
        [sys.executable, "-c", NEARLY],
        input="\0".join(texts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "all returned\n"), done.stderr[-2000:]


@pytest.mark.parametrize(
    "text",
    [
        "and g(y, a, b);\n" * LONGEST,
        "assign y = {" + "a, " * LONGEST + "a};",
        "module p(a);\nendmodule\n" * LONGEST,
        "begin\nend\n" * LONGEST,
        "// " + "((" * LONGEST + "\n/* [[" * 2 + "*/",
        "wire \\p(( ;\n" * LONGEST,
        "assign class = program;\n" * LONGEST,
        "`define W 8\n" + "wire [`W:0] p;\n" * LONGEST,
    ],
)
def test_long_flat_texts_are_not_deep(text):
    check_depth(text, "flat.v")


def test_brackets_that_do_not_match_close_nothing():
    with pytest.raises(NetlistError, match=r"^bad\.v:1: .* at most 1024 brackets"):
        check_depth("(]" * (DEEPEST + 1), "bad.v")
