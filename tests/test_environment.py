"""The program on machines without a home directory, a user's name or a place for caches."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.cli import main
from torchapprox.operators.engine.calibration import engine_costs

ROOT = Path(__file__).parents[1]

# As on a cluster's node: the installation is read-only, the user has no entry and no home.
POOR = """
import pwd
import numba.core.caching as caching

def unknown(_):
    raise KeyError("uid not found")

def read_only(_):
    raise PermissionError(13, "Permission denied")

pwd.getpwuid = unknown
for name in dir(caching):
    locator = getattr(caching, name)
    if isinstance(locator, type) and "ensure_cache_path" in vars(locator):
        locator.ensure_cache_path = read_only
"""
NETWORK = """
import torch
from torch import nn
import multipliers, torchapprox

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3))
x = torch.randn(4, 1, 8, 8)
torchapprox.approximate(model, multipliers.get("mul8s_bam_h0_v8"), calibration=[x])
y = model(x)
y.sum().backward()
print(y.flatten().tolist())
"""


def run(code, **environment):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.nightly
@pytest.mark.bad_input("no-home")
@pytest.mark.bad_input("read-only-cache")
def test_a_network_runs_without_home_name_and_caches():
    assert run(POOR + NETWORK) == run(NETWORK, HOME=str(Path.home()))


@pytest.mark.bad_input("no-home")
def test_info_says_what_is_missing(capsys, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)

    def unknown(_):
        raise KeyError("uid not found")

    monkeypatch.setattr("pwd.getpwuid", unknown)
    engine_costs.cache_clear()
    for words in (["info"], ["info", "--measure"]):
        assert main(words) == 0
        assert "not kept: Could not determine home directory. Set" in capsys.readouterr().out
    engine_costs.cache_clear()
