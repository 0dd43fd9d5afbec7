"""Nets in any order, aliases, dead logic, adders and the three ways to wire a net wrongly."""

import itertools

import pytest

from multipliers import NetlistBuilder, NetlistError, Op, simulate
from multipliers.netlists.netlist import CONSTANT_0, CONSTANT_1


def two_bit_inputs():
    builder = NetlistBuilder("m")
    return builder, builder.input("a", 2), builder.input("b", 2)


def test_gates_may_be_used_before_they_are_driven():
    builder, (a, _), (b, _) = two_bit_inputs()
    late, alias = builder.net("late"), builder.net("alias")
    builder.output("y", [builder.gate(Op.INV, alias)])
    builder.connect(alias, late)
    builder.drive(late, Op.OR, a, b)
    netlist = builder.build()
    assert [Op(op).name for op in netlist.op] == ["OR", "INV"]
    assert simulate(netlist).tolist() == [[1 - ((x | w) & 1) for w in range(4)] for x in range(4)]


def test_input_bits_are_numbered_in_port_order_whatever_was_made_between():
    builder = NetlistBuilder("m")
    (a,) = builder.input("a", 1)
    inverted = builder.gate(Op.INV, a)
    (b,) = builder.input("b", 1)
    builder.output("y", [builder.gate(Op.AND, inverted, b)])
    assert simulate(builder.build()).tolist() == [[0, 1], [0, 0]]


def test_logic_without_influence_is_left_out_even_if_it_is_broken():
    builder, (a, _), (b, _) = two_bit_inputs()
    builder.gate(Op.XOR, a, builder.net("floating"))
    loop = builder.net("loop")
    builder.drive(loop, Op.INV, loop)
    builder.output("y", [builder.gate(Op.AND, a, b)])
    assert builder.build().gate_count == 1


def test_deep_logic_needs_no_recursion():
    builder, (a, _), _ = two_bit_inputs()
    for _ in range(5000):
        a = builder.gate(Op.INV, a)
    builder.output("y", [a])
    assert builder.build().gate_count == 5000


@pytest.mark.parametrize("constants", list(itertools.product((None, 0, 1), repeat=3)))
def test_full_adder_with_every_mix_of_constants(constants):
    builder = NetlistBuilder("m")
    bits = (*builder.input("a", 2), *builder.input("b", 1))
    addends = [
        net if constant is None else (CONSTANT_0, CONSTANT_1)[constant]
        for net, constant in zip(bits, constants, strict=True)
    ]
    builder.output("y", builder.full_adder(*addends))
    netlist = builder.build()
    assert netlist.gate_count <= 2
    table = simulate(netlist)
    for a, b in itertools.product(range(4), range(2)):
        values = [a & 1, a >> 1, b]
        expected = sum(v if c is None else c for v, c in zip(values, constants, strict=True))
        assert table[a, b] == expected


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_add_is_modulo_its_width(width):
    builder, a, b = two_bit_inputs()
    builder.output("y", builder.add([a, b, [CONSTANT_1], a[:1]], width))
    expected = [[(x + w + 1 + (x & 1)) % 2**width for w in range(4)] for x in range(4)]
    assert simulate(builder.build()).tolist() == expected


def test_a_sum_of_two_words_is_one_ripple_adder():
    builder, a, b = two_bit_inputs()
    builder.output("y", builder.add([a, b], 3))
    ops = [Op(op).name for op in builder.build().op]
    assert sorted(ops) == ["AND", "MAJ", "XOR", "XOR3"]


def test_several_drivers_name_both_places():
    builder, (a, _), (b, _) = two_bit_inputs()
    net = builder.net("s")
    builder.connect(net, a, ("m.v", 3))
    with pytest.raises(
        NetlistError, match=r"^m\.v:5: net 's' has several drivers, the first in line 3"
    ):
        builder.drive(net, Op.INV, b, place=("m.v", 5))


def test_inputs_and_constants_have_their_driver():
    builder, (a, _), (b, _) = two_bit_inputs()
    with pytest.raises(
        NetlistError, match=r"net 'a\[0\]' has several drivers, the first is a const"
    ):
        builder.connect(a, b)
    with pytest.raises(NetlistError, match="net '1'b1' has several drivers"):
        builder.connect(CONSTANT_1, b)


def test_undriven_net_names_its_reader():
    builder, (a, _), _ = two_bit_inputs()
    missing, reader = builder.net("missing", ("m.v", 2)), builder.net("reader")
    builder.drive(reader, Op.AND, a, missing)
    builder.output("y", [reader])
    with pytest.raises(
        NetlistError, match=r"^m\.v:2: net 'missing' has no driver, but 'reader' dep"
    ):
        builder.build()


def test_undriven_output():
    builder, _, _ = two_bit_inputs()
    builder.output("y", [builder.net("y")])
    with pytest.raises(NetlistError, match=r"^net 'y' has no driver, but is an output"):
        builder.build()


def test_cycle_is_named_in_the_direction_of_the_signal():
    builder, (a, _), _ = two_bit_inputs()
    p, q, r = (builder.net(name) for name in "pqr")
    builder.drive(q, Op.AND, a, p, place=("m.v", 7))
    builder.connect(r, q, ("m.v", 8))
    builder.drive(p, Op.INV, r, place=("m.v", 9))
    builder.output("y", [q])
    with pytest.raises(NetlistError, match=r"^m\.v:8: combinational cycle: r -> p -> q -> r$"):
        builder.build()


def test_long_cycles_are_shortened():
    builder = NetlistBuilder("m")
    nets = [builder.net(f"n{k}") for k in range(100)]
    for k, net in enumerate(nets):
        builder.drive(net, Op.INV, nets[k - 1])
    builder.output("y", nets[:1])
    with pytest.raises(NetlistError, match=r"cycle: (n\d+ -> ){8}\.\.\. -> n\d+$"):
        builder.build()


def test_wrong_number_of_fan_ins():
    builder, (a, b), _ = two_bit_inputs()
    with pytest.raises(ValueError, match="MAJ must have 3 fan-ins, got 2"):
        builder.gate(Op.MAJ, a, b)


@pytest.mark.bad_input("many-nets")
def test_the_number_of_nets_is_bounded(monkeypatch):
    monkeypatch.setattr("multipliers.netlists.builder._MOST_NETS", 6)
    builder = NetlistBuilder("m")
    builder.input("a", 3)
    with pytest.raises(NetlistError, match=r"^the circuit has more than 6 nets"):
        builder.input("b", 2)
    builder.net()
    with pytest.raises(NetlistError, match=r"^m\.v:3: the circuit has more than 6 nets"):
        builder.net(place=("m.v", 3))
