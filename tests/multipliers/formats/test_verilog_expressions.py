"""Gates of random expressions against the Verilog elaborator's own constant evaluation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multipliers import parse_verilog, simulate

LEAVES = ["a", "w", "a[1]", "w[2:1]", "{2{a[0]}}", "2'd2", "3'sd5", "1'b1", "4'b0110"]


def grow(parts):
    """Expressions of one more operator."""
    return st.one_of(
        st.builds("({} {} {})".format, parts, st.sampled_from(["&", "|", "^", "~^", "+"]), parts),
        st.builds("({} + {} + {})".format, parts, parts, parts),
        st.builds("~({})".format, parts),
        st.builds("!({})".format, parts),
        st.builds("{{{}, {}}}".format, parts, parts),
        st.builds("({} ? {} : {})".format, parts, parts, parts),
    )


EXPRESSIONS = st.recursive(st.sampled_from(LEAVES), grow, max_leaves=8)
SIGNS = st.sampled_from(["", "signed"])


@settings(max_examples=40, deadline=None)
@given(EXPRESSIONS, SIGNS, SIGNS, st.integers(1, 12))
def test_widths_signs_and_carries(expression, a_sign, w_sign, width):
    """One module with operands; one whose parameters the elaborator replaces by each pair."""
    gates = parse_verilog(
        f"module gates(input {a_sign} [2:0] a, input {w_sign} [2:0] w, output [{width - 1}:0] y);"
        f"assign y = {expression}; endmodule"
    )
    instances = "".join(
        f"one #(3'd{a}, 3'd{w}) u{a}{w}(y[{(8 * a + w + 1) * width - 1}:{(8 * a + w) * width}]);"
        for a in range(8)
        for w in range(8)
    )
    constants = parse_verilog(
        f"module all(output [{64 * width - 1}:0] y); {instances} endmodule "
        f"module one #(parameter {a_sign} [2:0] a = 0, parameter {w_sign} [2:0] w = 0)"
        f"(output [{width - 1}:0] y); localparam [{width - 1}:0] value = {expression};"
        "assign y = value; endmodule"
    )
    bits = constants.outputs[0].nets  # each of them the constant net 0 or 1
    values = [sum(bits[pair * width + k] << k for k in range(width)) for pair in range(64)]
    assert simulate(gates).ravel().tolist() == values


@pytest.mark.parametrize(
    ("condition", "holds"),
    [("1'b0", [0] * 4), ("1'b1", [1] * 4), ("2'b10", [1] * 4), ("W", [0] * 4), ("~W", [1] * 4),
     ("a[1]", [0, 0, 1, 1]), ("a", [0, 1, 1, 1]), ("{1'b0, a[0]}", [0, 1, 0, 1])],
)  # fmt: skip
def test_conditions(condition, holds):
    """Elaboration leaves out the side that a constant condition does not take."""
    netlist = parse_verilog(
        "module m #(parameter [2:0] W = 0)(input [1:0] a, input [1:0] w, output [1:0] y);"
        f"assign y = {condition} ? w[1:0] : {{w[0], w[1]}}; endmodule"
    )
    swapped = [0, 2, 1, 3]
    expected = [list(range(4)) if hold else swapped for hold in holds]
    assert simulate(netlist).tolist() == expected
