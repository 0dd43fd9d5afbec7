"""Features against the bits of the operand's code, for every operand."""

import numpy as np
import pytest
import torch

from htp import FEATURE_KINDS, Feature
from multipliers import code_values


def by_bits(kind, bits, value):
    code = value & 0xFF
    return {
        "one": 1,
        "identity": value,
        "mod": code & ((1 << bits) - 1),
        "floor": value - (code & ((1 << bits) - 1)),
        "bit": code >> bits & 1,
    }[kind]


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", range(8))
@pytest.mark.parametrize("kind", FEATURE_KINDS)
def test_every_operand(kind, bits, signed):
    feature = Feature(kind, 0 if kind in ("one", "identity") else bits)
    values = code_values(signed).astype(np.float64)
    expected = [by_bits(kind, feature.bits, value) for value in code_values(signed).tolist()]
    assert feature(values).tolist() == expected
    assert feature(torch.from_numpy(values)).tolist() == expected


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("square",), LookupError, "'kind' must be one of one, identity, square, mod, floor, bit, leading"),
        (("mod", 16), ValueError, r"'parameter' of 'mod' must be 0\.\.15, got 16"),
        (("mod", -1), ValueError, r"must be 0\.\.15, got -1"),
        (("one", 1), ValueError, r"'parameter' of 'one' must be 0\.\.0, got 1"),
        (("mod", 1.0), TypeError, "'parameter' must be an int, got float"),
        (("mod", True), TypeError, "'parameter' must be an int, got bool"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        Feature(*arguments)


def test_text():
    features = [Feature("one"), Feature("identity"), Feature("mod", 2), Feature("floor", 2)]
    expected = ["1", "v", "v mod 2^2", "v - v mod 2^2", "bit 2 of v"]
    assert [str(feature) for feature in (*features, Feature("bit", 2))] == expected
