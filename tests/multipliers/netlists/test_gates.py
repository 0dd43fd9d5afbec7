"""Truth tables of the gate set, written out."""

import itertools

import pytest

from multipliers import Op

TRUTH = {  # outputs for the inputs 0, 1 or 00, 01, 10, 11 or 000, 001, ..., 111
    Op.BUF: "01",
    Op.INV: "10",
    Op.AND: "0001",
    Op.OR: "0111",
    Op.XOR: "0110",
    Op.NAND: "1110",
    Op.NOR: "1000",
    Op.XNOR: "1001",
    Op.MUX: "00011011",  # the third input chooses between first and second
    Op.XOR3: "01101001",
    Op.MAJ: "00010111",
}


@pytest.mark.parametrize("op", Op)
def test_truth_table(op):
    inputs = itertools.product((0, 1), repeat=op.arity)
    assert "".join(str(op(*bits)) for bits in inputs) == TRUTH[op]
