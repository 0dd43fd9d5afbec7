"""Netlists that another program wrote give the tables that this program's own objects compute.

ArithsGen (J. Klhufek and V. Mrazek, DDECS 2022) writes exact and approximate multipliers, flat and
as hierarchies of modules, and evaluates its circuits itself.
"""

import io

import numpy as np
import pytest
from ariths_gen.multi_bit_circuits import approximate_multipliers, multipliers
from ariths_gen.wire_components import Bus

from multipliers import NetlistError, code_values, exact_products, parse_verilog, simulate

APPROXIMATE = {
    "UnsignedTruncatedArrayMultiplier": {"truncation_cut": 3},
    "UnsignedBrokenArrayMultiplier": {"horizontal_cut": 2, "vertical_cut": 4},
    "UnsignedBrokenCarrySaveMultiplier": {"horizontal_cut": 3, "vertical_cut": 5},
    "UnsignedRecursiveMultiplier": {
        "submultipliers": [
            approximate_multipliers.UnsignedApproximateTwoBitMultiplierM1,
            approximate_multipliers.UnsignedApproximateTwoBitMultiplierM4,
        ]
        * 8
    },
}


def generate(name):
    if name in APPROXIMATE:
        return getattr(approximate_multipliers, name)(Bus("a", 8), Bus("b", 8), **APPROXIMATE[name])
    return getattr(multipliers, name)(Bus("a", 8), Bus("b", 8))


def verilog_of(circuit, style):
    text = io.StringIO()
    getattr(circuit, f"get_v_code_{style}")(text)
    return text.getvalue()


EXACT = [
    f"{sign}{kind}Multiplier"
    for sign in ("Signed", "Unsigned")
    for kind in ("Array", "CarrySave", "Dadda", "Wallace")
]


# All but the hierarchical signed carry-save multiplier, whose file is wrong, see below.
READABLE = [
    (name, style)
    for name in (*EXACT, *APPROXIMATE)
    for style in ("flat", "hier")
    if (name, style) != ("SignedCarrySaveMultiplier", "hier")
]


@pytest.mark.parametrize(("name", "style"), READABLE)
def test_table(name, style):
    circuit = generate(name)
    signed = name.startswith("Signed")
    values = code_values(signed).astype(np.int64)
    expected = circuit(values[:, None], values[None, :])
    table = simulate(parse_verilog(verilog_of(circuit, style)), signed=signed)
    assert np.array_equal(table, expected)
    assert np.array_equal(table, exact_products(signed, signed)) == (name in EXACT)


def test_doubly_driven_net_in_generated_file():
    """ArithsGen 1.1 drives a net of its hierarchical signed carry-save multiplier twice."""
    text = verilog_of(generate("SignedCarrySaveMultiplier"), "hier")
    with pytest.raises(
        NetlistError, match=r"^s_csamul.v:\d+: net '.*' has several drivers"
    ) as error:
        parse_verilog(text, file="s_csamul.v")
    name = str(error.value).split("'")[1].split("[")[0]
    assert name in text.splitlines()[error.value.line - 1]
