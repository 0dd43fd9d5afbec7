"""Signedness is stated or read from a name, never guessed."""

import pytest

from multipliers.signedness import resolve_signedness


@pytest.mark.parametrize(
    ("signed", "names", "expected"),
    [
        (True, (), (True, True)),
        (False, ("mul8s_1KV8",), (False, False)),
        ((True, False), (), (True, False)),
        (None, ("mul8s_1KV8",), (True, True)),
        (None, ("mul8u_2AC",), (False, False)),
        (None, ("mul8x4u_077",), (False, False)),
        (None, ("top", "mul8s_1KV8"), (True, True)),
        (None, ("mul8s_1KV8", "mul8s_1KV8_v2"), (True, True)),
    ],
)
def test_resolved(signed, names, expected):
    assert resolve_signedness(signed, *names) == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("u_dadda_cla",), "^'u_dadda_cla' does not state whether the operands are signed"),
        (("top", "m"), "^'top' and 'm' do not state .* pass signed=True"),
        (("mul8_013",), "^'mul8_013' does not state"),
        (("mul8u_1", "mul8s_1"), "^'mul8u_1' and 'mul8s_1' contradict each other about whether"),
    ],
)
def test_unresolved(names, message):
    with pytest.raises(ValueError, match=message):
        resolve_signedness(None, *names)


@pytest.mark.parametrize("signed", ["signed", 1, (True,), (1, 0), [True, False]])
def test_wrong_types(signed):
    with pytest.raises(TypeError, match="'signed' must be a bool, a pair of bools or None, got"):
        resolve_signedness(signed, "mul8s_1KV8")
