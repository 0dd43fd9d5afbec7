"""Netlists refuse arrays that are not in the form that simulation relies on."""

import numpy as np
import pytest

from multipliers import Bus, Netlist, Op


def make(*, op=(Op.AND,), fan_in=((2, 3, 0),), inputs=((2,), (3,)), outputs=((4,),)):
    return Netlist(
        "m",
        tuple(Bus(f"i{k}", nets) for k, nets in enumerate(inputs)),
        tuple(Bus(f"o{k}", nets) for k, nets in enumerate(outputs)),
        np.array(op, dtype=np.uint8),
        np.array(fan_in, dtype=np.int32).reshape(-1, 3),
    )


def test_counts_and_text():
    netlist = make()
    assert (netlist.first_gate, netlist.gate_count, netlist.net_count) == (4, 1, 5)
    assert str(netlist) == "m: i0[1], i1[1] -> o0[1], 1 gate"


def test_equal_by_content():
    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() != make(op=(Op.OR,))
    assert make() != make(fan_in=((3, 2, 0),))
    assert make() != "m"


def test_arrays_are_copied_and_read_only():
    netlist = make()
    with pytest.raises(ValueError, match="read-only"):
        netlist.op[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        netlist.fan_in[0, 0] = 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"op": (Op.AND, Op.OR)}, r"'op' must be \(1,\) as 'fan_in', got \(2,\)"),
        ({"op": (11,)}, "'op' must be at most 10, got 11"),
        ({"fan_in": ((2, 4, 0),)}, "'fan_in' must be in topological order"),
        ({"fan_in": ((2, -1, 0),)}, "'fan_in' must be in topological order"),
        (
            {"inputs": ((3,), (2,))},
            r"'inputs' must number their nets from 2 in order, got \[3, 2\]",
        ),
        ({"outputs": ((5,),)}, "'outputs' must name nets below 5"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(ValueError, match=message):
        make(**change)
