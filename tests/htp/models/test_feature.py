"""Features against the bits of the operand's code, for every operand."""

import numpy as np
import pytest
import torch

from htp import FEATURE_KINDS, Feature
from multipliers import Port, code_values


def by_bits(kind, parameter, value):
    """The definitions over Python integers; the code has 16 bits, or 8 that its sign repeats."""
    code = value & 0xFFFF
    cut = max(abs(value).bit_length() - parameter, 0)
    return {
        "one": lambda: 1,
        "identity": lambda: value,
        "square": lambda: value**2,
        "mod": lambda: code & ((1 << parameter) - 1),
        "floor": lambda: value - (code & ((1 << parameter) - 1)),
        "bit": lambda: code >> parameter & 1,
        "leading": lambda: (abs(value) >> cut << cut) * (-1 if value < 0 else 1),
        "step": lambda: int(value >= parameter),
        "hinge": lambda: max(value - parameter, 0),
    }[kind]()


PARAMETERS = {
    "one": [0], "identity": [0], "square": [0], "mod": range(8), "floor": range(8),
    "bit": range(8), "leading": range(1, 9), "step": [-127, -3, 0, 1, 200],
    "hinge": [-127, -3, 0, 1, 200],
}  # fmt: skip


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("kind", FEATURE_KINDS)
def test_every_operand(kind, signed):
    values = code_values(signed).astype(np.float64)
    for parameter in PARAMETERS[kind]:
        feature = Feature(kind, parameter)
        expected = [by_bits(kind, parameter, value) for value in code_values(signed).tolist()]
        assert feature(values).tolist() == expected, feature
        for dtype in (torch.float32, torch.float64):
            got = feature(torch.from_numpy(values).to(dtype))
            assert got.dtype == dtype
            assert got.tolist() == expected, feature


@pytest.mark.parametrize("port", [Port(16, signed=True), Port(16, signed=False)], ids=str)
@pytest.mark.parametrize(
    ("kind", "parameter"),
    [("mod", 13), ("floor", 15), ("bit", 15), ("leading", 3), ("leading", 16)],
)
def test_wide_operands(kind, parameter, port):
    values = np.random.default_rng(0).integers(port.low, port.high + 1, 2000)
    values[:4] = port.low, port.high, 0, 1
    expected = [by_bits(kind, parameter, value) for value in values.tolist()]
    assert Feature(kind, parameter)(values.astype(np.float64)).tolist() == expected


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            ("cube",),
            LookupError,
            "'kind' must be one of one, identity, square, mod, floor, bit, leading",
        ),
        (("mod", 16), ValueError, r"'parameter' of 'mod' must be 0\.\.15, got 16"),
        (("mod", -1), ValueError, r"must be 0\.\.15, got -1"),
        (("one", 1), ValueError, r"'parameter' of 'one' must be 0\.\.0, got 1"),
        (("mod", 1.0), TypeError, r"'parameter' must be an int, got 1\.0"),
        (("mod", True), TypeError, "'parameter' must be an int, got True"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        Feature(*arguments)


def test_text():
    features = [Feature("one"), Feature("square"), Feature("mod", 2), Feature("step", -3)]
    assert [str(feature) for feature in features] == ["1", "v^2", "v mod 2^2", "[v >= -3]"]
