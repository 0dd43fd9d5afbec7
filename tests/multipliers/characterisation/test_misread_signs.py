"""Circuits that are read with other signs than theirs, and those that are read with their own."""

import numpy as np
import pytest

from multipliers import Multiplier, get, get_netlist, likelier_signs, names


def signs(multiplier):
    return multiplier.x_port.signed, multiplier.w_port.signed


def read_as(value, bits, signed):
    """Value of a bit pattern, in Python integers."""
    return value - (1 << bits) if signed and value >> (bits - 1) else value


@pytest.mark.parametrize("right", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("stated", [(True, True), (True, False), (False, True), (False, False)])
def test_narrow_ports_of_any_signs_are_recognised(right, stated):
    """Five bits by three, even products only; the oracle works on bit patterns."""
    patterns = [
        [(read_as(x, 5, right[0]) * read_as(w, 3, right[1]) & ~1) % 256 for w in range(8)]
        for x in range(32)
    ]
    table, expected = (
        np.array([[read_as(bits, 8, any(s)) for bits in row] for row in patterns])
        for s in (stated, right)
    )
    multiplier = Multiplier.from_lut(
        table, name="even", x_signed=stated[0], w_signed=stated[1], x_width=5, w_width=3
    )
    found = likelier_signs(multiplier)
    if stated == right:
        assert found is None
    else:
        assert signs(found) == right
        assert np.array_equal(found.lut[:32, :8], expected)
        assert found.name == "even"


@pytest.mark.parametrize("name", ["mul8s_bam_h0_v8", "mul8u_tm_k4", "mul8s_tm_k4", "mul8u_udm"])
@pytest.mark.parametrize("stated", [(True, True), (True, False), (False, True), (False, False)])
def test_circuits_read_with_other_signs_are_recognised(name, stated):
    found = likelier_signs(Multiplier.from_netlist(get_netlist(name), signed=stated))
    own = get(name)
    assert found is None if stated == signs(own) else found.digest == own.digest


def test_no_multiplier_of_the_package_looks_misread():
    assert [name for name in names() if likelier_signs(get(name)) is not None] == []


@pytest.mark.parametrize("signed", [True, False])
def test_a_table_of_zeros_may_have_any_signs(signed):
    zeros = np.zeros((256, 256), np.int32)
    assert likelier_signs(Multiplier.from_lut(zeros, x_signed=signed, w_signed=signed)) is None
