"""A missing component skips a test on a user's machine and fails it in continuous integration."""

import pytest

from tests.components import needs


@pytest.mark.parametrize(
    ("found", "ci", "skips"),
    [("/usr/bin/vvp", None, False), (None, None, True), (None, "true", False)],
)
def test_skip(found, ci, skips, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    if ci:
        monkeypatch.setenv("CI", ci)
    mark = needs(found, "needs a simulator").mark
    assert (mark.args, mark.kwargs) == ((skips,), {"reason": "needs a simulator"})
