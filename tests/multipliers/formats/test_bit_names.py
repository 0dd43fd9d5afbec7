"""Bits are put together to ports by their names, whatever their order."""

import pytest

from multipliers.formats.bit_names import group_bits, halves


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("a[0] a[1] b[0]", {"a": (0, 1), "b": (2,)}),
        ("b[1] a[1] b[0] a[0]", {"b": (2, 0), "a": (3, 1)}),
        ("a(0) a(1) b<0> b<1>", {"a": (0, 1), "b": (2, 3)}),
        ("a[3] a[4]", {"a": (0, 1)}),
        ("a_0 a_1 b_1 b_0", {"a": (0, 1), "b": (3, 2)}),
        ("a0 a1 a2 b0 b1", {"a": (0, 1, 2), "b": (3, 4)}),
        ("x1_0 x1_1 x2_0 x2_1", {"x1": (0, 1), "x2": (2, 3)}),
        ("a_0_ a_1_", {"a": (0, 1)}),
        (" ".join(f"a{bit}" for bit in range(12)), {"a": tuple(range(12))}),
        # not numbered from 0, or alone: names of single bits
        ("x1 x2", {"x1": (0,), "x2": (1,)}),
        ("a0 a2", {"a0": (0,), "a2": (1,)}),
        ("a_0 b carry7", {"a_0": (0,), "b": (1,), "carry7": (2,)}),
        ("0 1", {"0": (0,), "1": (1,)}),
        ("a[1:0]", {"a[1:0]": (0,)}),
    ],
)
def test_groups(names, expected):
    assert {port.name: port.positions for port in group_bits(names.split())} == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("a[0] a[0]", "bit 0 of port 'a' is declared twice"),
        ("a a", "bit 0 of port 'a' is declared twice"),
        ("a[0] a(0)", "bit 0 of port 'a' is declared twice"),
        ("a[0] a[2]", "the bits of port 'a' have gaps: 0, 2$"),
        ("a[0] a[1] a_0 a_1", "port 'a' is declared twice"),
        (" ".join(f"a[{2 * bit}]" for bit in range(9)), r"have gaps: 0, 2, 4, .*, 14, \.\.\."),
    ],
)
def test_wrong_names(names, message):
    with pytest.raises(ValueError, match=message):
        group_bits(names.split())


@pytest.mark.parametrize("count", [0, 1, 15])
def test_no_halves(count):
    with pytest.raises(ValueError, match=f"{count} input bits are no two operands of equal width"):
        halves(count)


def test_many_bits_take_no_quadratic_time():
    names = [f"a[{bit}]" for bit in range(50000)] + [f"b{bit}" for bit in range(0, 100000, 2)]
    assert len(group_bits(names)) == 50001
    with pytest.raises(ValueError, match="bit 0 of port 'z' is declared twice"):
        group_bits([*names, "z", "z"])
